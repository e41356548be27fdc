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

/// Sends the transaction of an instance, each statement with a tag that tells the template's name,
/// and ends it by `end`. Of an error, with what it was about.
pub(crate) async fn call(
    client: &Client,
    template: &Template,
    instance: usize,
    end: &str,
) -> Result<(), String> {
    let told = |statement: &str, error: &tokio_postgres::Error| {
        let error = error
            .as_db_error()
            .map_or_else(|| error.to_string(), ToString::to_string);
        format!("{} #{instance}: {statement}: {error}", template.name)
    };
    let tag = format!(" /*route='{}'*/", template.name);
    let plain = async |text: &str| {
        let sent = client.batch_execute(text).await;
        sent.map_err(|error| told(text, &error))
    };
    plain(template.begin()).await?;
    if template.literals {
        for text in template.written(instance) {
            plain(&format!("{text}{tag}")).await?;
        }
    } else {
        for sent in template.sent(instance) {
            let parameters = sent.parameters.iter().map(|text| AsText(text));
            let parameters: Vec<AsText<'_>> = parameters.collect();
            let parameters = parameters.iter().map(|p| p as &(dyn ToSql + Sync));
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.collect();
            let answer = client
                .query(&format!("{}{tag}", sent.text), &parameters)
                .await;
            answer.map_err(|error| told(&sent.text, &error))?;
        }
    }
    plain(end).await
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
