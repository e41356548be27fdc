//! Statements run again as an application sent them: [`execute`] and [`rows`].
//!
//! Each is one statement, without or with parameters, which keep their types and formats. It goes through
//! the extended protocol, so that a text of several statements is refused (SQLSTATE 42601).

use bytes::BytesMut;
use dbproof_analysis::traffic::{SentParameter, SentText};
use futures_util::TryStreamExt as _;
use postgres_types::{Format, IsNull, Kind, ToSql, Type};
use tokio_postgres::Row;

use crate::{PostgresError, Session};

/// Runs a statement and returns the number of rows that it returned or changed.
///
/// Requests of several calls that are polled together are sent one after the other without waiting; the
/// server runs them in that order, and the failure of one does not touch the others.
pub async fn execute(session: &Session, sent: &SentText) -> Result<u64, PostgresError> {
    let parameters = typed(&sent.parameters);
    let done = session
        .execute_typed(&sent.sql, &as_dynamic(&parameters))
        .await;
    done.map_err(|error| session.error(&error))
}

/// Runs a statement and returns its rows, whose values are in binary form.
pub async fn rows(
    session: &Session,
    sql: &str,
    parameters: &[SentParameter],
) -> Result<Vec<Row>, PostgresError> {
    let answer = answer(session, sql, parameters).await;
    answer.map(|answer| answer.rows)
}

/// What came of a statement.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The rows that it returned, with values in binary form.
    pub(crate) rows: Vec<Row>,
    /// How many rows it returned or changed.
    pub(crate) affected: u64,
}

pub(crate) async fn answer(
    session: &Session,
    sql: &str,
    parameters: &[SentParameter],
) -> Result<Answer, PostgresError> {
    let parameters = typed(parameters);
    let run = async {
        let stream = session
            .query_typed_raw(sql, as_dynamic(&parameters))
            .await?;
        let mut stream = std::pin::pin!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(row);
        }
        let affected = stream.rows_affected().unwrap_or_default();
        Ok(Answer { rows, affected })
    };
    run.await.map_err(|error| session.error(&error))
}

fn typed(parameters: &[SentParameter]) -> Vec<(Sent<'_>, Type)> {
    let typed = parameters.iter();
    typed.map(|p| (Sent(p), type_of(p))).collect()
}

fn as_dynamic<'s>(parameters: &'s [(Sent<'s>, Type)]) -> Vec<(&'s (dyn ToSql + Sync), Type)> {
    let parameters = parameters.iter();
    parameters
        .map(|(value, kind)| (value as &(dyn ToSql + Sync), kind.clone()))
        .collect()
}

/// A parameter that is sent again as it was, in its own format.
#[derive(Debug)]
struct Sent<'s>(&'s SentParameter);

impl ToSql for Sent<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0.value {
            None => Ok(IsNull::Yes),
            Some(value) => {
                out.extend_from_slice(value);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(kind, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        if self.0.binary {
            Format::Binary
        } else {
            Format::Text
        }
    }
}

/// The type that a parameter was sent with; the server infers what is unknown.
fn type_of(parameter: &SentParameter) -> Type {
    match parameter.type_oid {
        0 => Type::UNKNOWN,
        oid => Type::from_oid(oid).unwrap_or_else(|| {
            // Only the OID is sent.
            Type::new(String::new(), oid, Kind::Simple, String::new())
        }),
    }
}

/// The parameter with a type by its length, where it had none: the binary forms of numbers and UUIDs.
pub(crate) fn with_type(parameter: &SentParameter) -> SentParameter {
    let by_length = match parameter.value.as_ref().map(Vec::len) {
        Some(2) => Type::INT2,
        Some(4) => Type::INT4,
        Some(8) => Type::INT8,
        Some(16) => Type::UUID,
        _ => Type::TEXT,
    };
    let type_oid = match parameter.type_oid {
        0 => by_length.oid(),
        oid => oid,
    };
    SentParameter {
        type_oid,
        ..parameter.clone()
    }
}
