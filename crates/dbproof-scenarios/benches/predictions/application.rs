//! An application that the templates of a suite are the transactions of.

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls};

use super::suite::{Suite, Template};

/// Connects to a database by its URL.
pub(crate) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

/// Makes the tables of a suite and fills them.
pub(crate) async fn set_up(client: &Client, suite: &Suite) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&suite.schema).await?;
    client.batch_execute(&suite.data).await
}

/// What an application is run by, and so how its transactions end.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// Its users: they are committed.
    Committed,
    /// Its tests: each is a savepoint of a transaction that the test framework rolls back.
    Tests,
}

impl Style {
    /// What is sent before a transaction, and after it.
    fn around(self, begin: &str) -> (Vec<&str>, &'static [&'static str]) {
        match self {
            Self::Committed => (vec![begin], &["COMMIT"]),
            Self::Tests => (
                vec![begin, "SAVEPOINT test"],
                &["RELEASE SAVEPOINT test", "ROLLBACK"],
            ),
        }
    }
}

/// Sends the transaction of an instance, each statement with a tag that tells the template's name. Of
/// an error, with what it was about.
pub(crate) async fn call(
    client: &Client,
    template: &Template,
    instance: usize,
    style: Style,
) -> Result<(), String> {
    let told = |statement: &str, error: &tokio_postgres::Error| {
        let server = error.as_db_error();
        let error = server.map_or_else(|| error.to_string(), ToString::to_string);
        format!("{} #{}: {statement}: {error}", template.name, instance + 1)
    };
    let tag = format!(" /*route='{}'*/", template.name);
    let plain = async |text: &str| {
        let sent = client.batch_execute(text).await;
        sent.map_err(|error| told(text, &error))
    };
    let (before, after) = style.around(template.begin());
    for text in before {
        plain(text).await?;
    }
    if template.literals {
        for text in template.written(instance) {
            plain(&format!("{text}{tag}")).await?;
        }
    } else {
        for sent in template.sent(instance) {
            let parameters: Vec<AsText<'_>> = sent.parameters.iter().map(|p| AsText(p)).collect();
            let parameters = parameters.iter().map(|p| p as &(dyn ToSql + Sync));
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.collect();
            let text = format!("{}{tag}", sent.text);
            let answer = client.query(&text, &parameters).await;
            answer.map_err(|error| told(&sent.text, &error))?;
        }
    }
    for text in after {
        plain(text).await?;
    }
    Ok(())
}

/// A parameter of whatever type, in the text format.
#[derive(Debug)]
struct AsText<'a>(&'a str);

impl ToSql for AsText<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
