//! Loading of generated rows by COPY: [`load`].

use bytes::{Bytes, BytesMut};
use dbproof_data::Value;
use futures_util::SinkExt as _;
use postgres_protocol::escape::escape_identifier;

use crate::{PostgresError, Session};

/// Bytes sent at a time.
const CHUNK: usize = 256 * 1024;

/// Loads rows into a relation and returns how many there were.
///
/// The text format is used, because it fits a column of any type, domains and enums included.
pub async fn load(
    session: &Session,
    relation: &str,
    columns: &[String],
    rows: impl Iterator<Item = Vec<Value>>,
) -> Result<u64, PostgresError> {
    let columns = columns
        .iter()
        .map(|c| escape_identifier(c))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!("COPY {} ({columns}) FROM STDIN", escape_relation(relation));
    let sink = session
        .copy_in::<_, Bytes>(sql.as_str())
        .await
        .map_err(|e| session.error(&e))?;
    let mut sink = std::pin::pin!(sink);
    let mut buffer = BytesMut::with_capacity(CHUNK + 4096);
    for row in rows {
        encode_row(&row, &mut buffer);
        if buffer.len() >= CHUNK {
            sink.send(buffer.split().freeze())
                .await
                .map_err(|e| session.error(&e))?;
        }
    }
    sink.send(buffer.freeze())
        .await
        .map_err(|e| session.error(&e))?;
    sink.finish().await.map_err(|e| session.error(&e))
}

/// Quotes `relation` or `schema.relation`.
fn escape_relation(relation: &str) -> String {
    relation
        .split('.')
        .map(escape_identifier)
        .collect::<Vec<_>>()
        .join(".")
}

/// One line of COPY's text format (PostgreSQL documentation, "COPY", "Text Format").
fn encode_row(row: &[Value], buffer: &mut BytesMut) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            buffer.extend_from_slice(b"\t");
        }
        match value {
            Value::Null => buffer.extend_from_slice(b"\\N"),
            other => escape(&other.to_string(), buffer),
        }
    }
    buffer.extend_from_slice(b"\n");
}

fn escape(text: &str, buffer: &mut BytesMut) {
    for byte in text.bytes() {
        match byte {
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            b'\t' => buffer.extend_from_slice(b"\\t"),
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'\r' => buffer.extend_from_slice(b"\\r"),
            other => buffer.extend_from_slice(&[other]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_would_misread_is_escaped() {
        let mut buffer = BytesMut::new();
        let row = [
            Value::Null,
            Value::Text("a\tb\\N\nc".to_owned()),
            Value::Integer(-3),
        ];
        encode_row(&row, &mut buffer);
        assert_eq!(&buffer[..], b"\\N\ta\\tb\\\\N\\nc\t-3\n");
    }
}
