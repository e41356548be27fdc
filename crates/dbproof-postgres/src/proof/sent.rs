//! Parameters as an application sent them: [`Sent`].

use bytes::BytesMut;
use dbproof_analysis::traffic::{SentParameter, SentText};
use postgres_types::{Format, IsNull, Kind, ToSql, Type};

use crate::{PostgresError, Session};

/// Runs a statement as an application sent it: with its parameters in their own formats. Rows are
/// read and left.
pub async fn run_sent(session: &Session, sent: &SentText) -> Result<(), PostgresError> {
    if sent.parameters.is_empty() {
        return session.run(&sent.sql).await;
    }
    super::run(session, &sent.sql, &sent.parameters)
        .await
        .map(|_| ())
}

/// A parameter that is sent again as it was, in its own format.
#[derive(Debug)]
pub(super) struct Sent<'s>(pub(super) &'s SentParameter);

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
pub(super) fn type_of(parameter: &SentParameter) -> Type {
    match parameter.type_oid {
        0 => Type::UNKNOWN,
        oid => Type::from_oid(oid).unwrap_or_else(|| {
            // Only the OID is sent.
            Type::new(String::new(), oid, Kind::Simple, String::new())
        }),
    }
}

/// The parameter with a type by its length, where it had none: the binary forms of numbers and UUIDs.
pub(super) fn with_type(parameter: &SentParameter) -> SentParameter {
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
