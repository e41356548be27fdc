//! Running a statement with parameters in text form and keeping what came back.

use std::error::Error;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::BytesMut;
use dbproof_model::{ResultColumn, ResultSet};
use postgres_types::{Format, FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Row, SimpleQueryMessage, SimpleQueryRow, Statement};

use crate::explain::arguments;
use crate::{PostgresError, Session};

/// How many rows came back, and what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsDigest {
    /// The number of rows that came back; of rows written, where a statement returns none.
    pub count: u64,
    /// A hash of their values that does not depend on their order.
    pub digest: u64,
}

/// Runs a statement inside a transaction that is rolled back, and digests its rows: of each the
/// `columns` at these positions, or all.
///
/// Values are compared in text form, as a reader sees them: a column that was widened from integer
/// to bigint still returns the same rows. Where no row comes back, those that were written count.
pub async fn digest(
    session: &Session,
    sql: &str,
    values: &[Option<String>],
    columns: Option<&[usize]>,
) -> Result<RowsDigest, PostgresError> {
    session.run("BEGIN").await?;
    let digested = async {
        session
            .run(&format!("PREPARE dbproof_digested AS {sql}"))
            .await?;
        let execute = format!("EXECUTE dbproof_digested{}", arguments(values));
        session
            .simple_query(&execute)
            .await
            .map_err(|e| session.error(&e))
    }
    .await;
    let rolled_back = session.run("ROLLBACK").await;
    session.run("DEALLOCATE ALL").await.ok();
    let messages = digested?;
    rolled_back?;
    let mut digest = RowsDigest {
        count: 0,
        digest: 0,
    };
    let mut affected = 0;
    for message in &messages {
        match message {
            SimpleQueryMessage::Row(row) => {
                digest.count += 1;
                digest.digest = digest.digest.wrapping_add(hash_row(row, columns));
            }
            SimpleQueryMessage::CommandComplete(rows) => affected = *rows,
            _ => {}
        }
    }
    if digest.count == 0 {
        digest.count = affected;
    }
    Ok(digest)
}

/// Runs a prepared statement and keeps its rows: integers, text, booleans and
/// UUIDs in text form, values of other types left out as NULL.
pub async fn record(
    session: &Session,
    statement: &Statement,
    values: &[Option<String>],
) -> Result<ResultSet, PostgresError> {
    let rows = query(session, statement, values).await?;
    Ok(ResultSet {
        columns: statement
            .columns()
            .iter()
            .map(|column| ResultColumn {
                name: column.name().to_owned(),
                type_oid: column.type_().oid(),
                relation_oid: column.table_oid(),
                attribute: column.column_id(),
            })
            .collect(),
        row_count: rows.len() as u64,
        rows: rows
            .iter()
            .map(|row| {
                (0..row.len())
                    .map(|index| row.get::<_, KeyText>(index).0)
                    .collect()
            })
            .collect(),
    })
}

async fn query(
    session: &Session,
    statement: &Statement,
    values: &[Option<String>],
) -> Result<Vec<Row>, PostgresError> {
    if statement.params().len() != values.len() {
        return Err(PostgresError::Value(format!(
            "the statement takes {} parameters, and {} were given",
            statement.params().len(),
            values.len()
        )));
    }
    let parameters: Vec<TextParameter<'_>> = values
        .iter()
        .map(|value| TextParameter(value.as_deref()))
        .collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters
        .iter()
        .map(|parameter| parameter as &(dyn ToSql + Sync))
        .collect();
    session
        .query(statement, &parameters)
        .await
        .map_err(|e| session.error(&e))
}

fn hash_row(row: &SimpleQueryRow, columns: Option<&[usize]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut hash = |index: usize| row.get(index).hash(&mut hasher);
    match columns {
        Some(columns) => columns.iter().copied().for_each(&mut hash),
        None => (0..row.len()).for_each(&mut hash),
    }
    hasher.finish()
}

/// A parameter in text form, for any type.
#[derive(Debug)]
struct TextParameter<'a>(Option<&'a str>);

impl ToSql for TextParameter<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match self.0 {
            None => IsNull::Yes,
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    postgres_types::to_sql_checked!();
}

/// The canonical text of a value that could be a key.
struct KeyText(Option<String>);

impl<'a> FromSql<'a> for KeyText {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match *ty {
            Type::INT2 => i16::from_sql(ty, raw)?.to_string(),
            Type::INT4 => i32::from_sql(ty, raw)?.to_string(),
            Type::INT8 => i64::from_sql(ty, raw)?.to_string(),
            Type::OID => u32::from_sql(ty, raw)?.to_string(),
            Type::BOOL => bool::from_sql(ty, raw)?.to_string(),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
                String::from_utf8_lossy(raw).into_owned()
            }
            Type::UUID => uuid_text(raw),
            _ => return Ok(KeyText(None)),
        };
        Ok(KeyText(Some(text)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(KeyText(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
fn uuid_text(raw: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(36);
    for (index, byte) in raw.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}
