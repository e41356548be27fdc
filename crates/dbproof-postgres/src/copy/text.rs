//! Rows in COPY's text format, which fits a column of any type (PostgreSQL documentation, "COPY",
//! "Text Format").

use std::io::Write as _;

use dbproof_data::Value;

/// Appends one line.
pub(super) fn encode_row(row: &[Value], buffer: &mut Vec<u8>) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            buffer.push(b'\t');
        }
        match value {
            Value::Text(text) => escape(text, buffer),
            // NULL is written as COPY reads it, and no other value needs escaping.
            other => write!(buffer, "{other}").expect("a Vec takes everything"),
        }
    }
    buffer.push(b'\n');
}

fn escape(text: &str, buffer: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            b'\t' => buffer.extend_from_slice(b"\\t"),
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'\r' => buffer.extend_from_slice(b"\\r"),
            other => buffer.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_would_misread_is_escaped() {
        let mut buffer = Vec::new();
        let row = [
            Value::Null,
            Value::Text("a\tb\\N\nc".to_owned()),
            Value::Integer(-3),
        ];
        encode_row(&row, &mut buffer);
        assert_eq!(&buffer[..], b"\\N\ta\\tb\\\\N\\nc\t-3\n");
    }
}
