//! The types of a statement's parameters, and values in the form in which they are sent.

use std::collections::HashMap;

use postgres_types::Type;

use super::MeasuringConnection;
use crate::PostgresError;
use crate::binary::{Field, encode_array};

/// How the values of a parameter are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterType {
    Scalar(Field),
    Array {
        element: Field,
        element_oid: u32,
        /// Whether an unquoted NULL is one (`array_nulls`).
        nulls: bool,
    },
    /// As the text that they are.
    Text,
}

/// A value as it is sent; without bytes it is NULL, which has no form and counts as binary.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) is_binary: bool,
    pub(super) bytes: Option<Vec<u8>>,
}

impl ParameterType {
    /// The types with these oids. The server is asked about those that are not in every server, and
    /// about arrays.
    pub(super) fn find_all(
        connection: &mut MeasuringConnection,
        oids: &[u32],
    ) -> Result<Vec<Self>, PostgresError> {
        let unknown: Vec<String> = oids
            .iter()
            .filter(|oid| built_in(**oid).is_none())
            .map(u32::to_string)
            .collect();
        let found = if unknown.is_empty() {
            HashMap::new()
        } else {
            look_up(connection, &unknown.join(","))?
        };
        let find = |oid: &u32| {
            built_in(*oid)
                .map(ParameterType::Scalar)
                .or_else(|| found.get(oid).copied())
                .unwrap_or(ParameterType::Text)
        };
        Ok(oids.iter().map(find).collect())
    }

    pub(super) fn encode(self, value: Option<&str>) -> Encoded {
        let Some(text) = value else {
            return Encoded {
                is_binary: true,
                bytes: None,
            };
        };
        let mut bytes = Vec::new();
        let encoded = match self {
            ParameterType::Scalar(field) => field.encode_text(text, &mut bytes).is_ok(),
            ParameterType::Array {
                element,
                element_oid,
                nulls,
            } => encode_array(text, element, element_oid, nulls, &mut bytes).is_ok(),
            ParameterType::Text => false,
        };
        if !encoded {
            bytes.clear();
            bytes.extend_from_slice(text.as_bytes());
        }
        Encoded {
            is_binary: encoded,
            bytes: Some(bytes),
        }
    }
}

/// The scalars whose oids are the same in every server.
fn built_in(oid: u32) -> Option<Field> {
    Some(match Type::from_oid(oid)? {
        Type::BOOL => Field::Bool,
        Type::INT2 => Field::Int2,
        Type::INT4 => Field::Int4,
        Type::INT8 => Field::Int8,
        Type::OID => Field::Oid,
        Type::FLOAT4 => Field::Float4,
        Type::FLOAT8 => Field::Float8,
        Type::NUMERIC => Field::Numeric,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::JSON => Field::Text,
        Type::NAME => Field::Name,
        Type::JSONB => Field::Jsonb,
        Type::BYTEA => Field::Bytea,
        Type::UUID => Field::Uuid,
        Type::DATE => Field::Date,
        Type::TIME => Field::Time,
        Type::TIMETZ => Field::TimeTz,
        Type::TIMESTAMP => Field::Timestamp,
        Type::TIMESTAMPTZ => Field::TimestampTz,
        Type::INTERVAL => Field::Interval,
        Type::INET => Field::Inet,
        Type::CIDR => Field::Cidr,
        _ => return None,
    })
}

/// Whether the server can send values of all these types in binary form. A few, such as `aclitem`, it
/// cannot, and a result that asked for it would be an error.
pub(super) fn all_have_a_binary_form(
    connection: &mut MeasuringConnection,
    oids: &[u32],
) -> Result<bool, PostgresError> {
    let unknown: Vec<String> = oids
        .iter()
        .filter(|oid| built_in(**oid).is_none())
        .map(u32::to_string)
        .collect();
    if unknown.is_empty() {
        return Ok(true);
    }
    let without = connection.rows(&format!(
        "SELECT 1 FROM pg_catalog.pg_type t
         LEFT JOIN pg_catalog.pg_type e
           ON e.oid = t.typelem AND t.typsend = 'pg_catalog.array_send'::pg_catalog.regproc
         WHERE t.oid IN ({}) AND (t.typsend = 0 OR e.typsend = 0)",
        unknown.join(",")
    ))?;
    Ok(without.is_empty())
}

/// Asks the catalog: a domain is received as the type beneath it, and an array by its elements.
fn look_up(
    connection: &mut MeasuringConnection,
    oids: &str,
) -> Result<HashMap<u32, ParameterType>, PostgresError> {
    let rows = connection.rows(&format!(
        "WITH RECURSIVE base (asked, element, type) AS (
           SELECT oid, 0::oid, oid FROM pg_catalog.pg_type WHERE oid IN ({oids})
           UNION ALL
           SELECT asked,
                  CASE WHEN t.typtype = 'd' THEN element ELSE t.typelem END,
                  CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
           FROM base JOIN pg_catalog.pg_type t ON t.oid = type
           WHERE t.typtype = 'd'
              OR (element = 0 AND t.typreceive = 'pg_catalog.array_recv'::pg_catalog.regproc))
         SELECT asked, element, p.prosrc, pg_catalog.current_setting('array_nulls')
         FROM base
         JOIN pg_catalog.pg_type t ON t.oid = type
         JOIN pg_catalog.pg_proc p ON p.oid = t.typreceive
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE t.typtype <> 'd' AND l.lanname = 'internal'"
    ))?;
    let mut found = HashMap::new();
    for row in &rows {
        let [asked, element, function, nulls] = row.as_slice() else {
            continue;
        };
        let (Ok(asked), Ok(element_oid)) = (asked.parse::<u32>(), element.parse::<u32>()) else {
            continue;
        };
        let Some(field) = Field::received_by(function) else {
            continue;
        };
        let parameter = if element_oid == 0 {
            ParameterType::Scalar(field)
        } else {
            ParameterType::Array {
                element: field,
                element_oid,
                nulls: nulls == "on",
            }
        };
        found.insert(asked, parameter);
    }
    Ok(found)
}
