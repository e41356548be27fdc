//! Rows in COPY's binary format (PostgreSQL documentation, "COPY", "Binary Format").

use dbproof_data::Value;

use crate::binary::{Field, Unencodable};

/// What a binary COPY begins with: signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How the cells of a column are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Bool,
    Text,
    Jsonb,
    Bytea,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
}

/// A value that this encoder leaves to the server, which reads it from its text form or refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unencodable;

impl Field {
    /// The encoder for a type, told by the server's function that receives it. Thus types of
    /// extensions that are sent like text, `citext` for one, need no list here.
    pub(super) fn received_by(function: &str) -> Option<Field> {
        Some(match function {
            "int2recv" => Field::Int2,
            "int4recv" => Field::Int4,
            "int8recv" => Field::Int8,
            "float4recv" => Field::Float4,
            "float8recv" => Field::Float8,
            "numeric_recv" => Field::Numeric,
            "boolrecv" => Field::Bool,
            "textrecv" | "varcharrecv" | "bpcharrecv" | "namerecv" | "enum_recv" | "json_recv" => {
                Field::Text
            }
            "jsonb_recv" => Field::Jsonb,
            "bytearecv" => Field::Bytea,
            "uuid_recv" => Field::Uuid,
            "date_recv" => Field::Date,
            "timestamp_recv" => Field::Timestamp,
            "timestamptz_recv" => Field::TimestampTz,
            _ => return None,
        })
    }

    /// Appends a value that is not NULL, without its length.
    fn encode(self, value: &Value, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self {
            Field::Int2 => integer::<i16>(value).map(|n| out.extend_from_slice(&n.to_be_bytes())),
            Field::Int4 => integer::<i32>(value).map(|n| out.extend_from_slice(&n.to_be_bytes())),
            Field::Int8 => integer::<i64>(value).map(|n| out.extend_from_slice(&n.to_be_bytes())),
            Field::Float4 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is a float4 column")]
                float(value).map(|n| out.extend_from_slice(&(n as f32).to_be_bytes()))
            }
            Field::Float8 => float(value).map(|n| out.extend_from_slice(&n.to_be_bytes())),
            Field::Numeric => decimal(value, out),
            Field::Bool => match value {
                Value::Bool(value) => {
                    out.push(u8::from(*value));
                    Some(())
                }
                _ => None,
            },
            Field::Text => {
                text(value, out);
                Some(())
            }
            Field::Jsonb => {
                out.push(1);
                text(value, out);
                Some(())
            }
            Field::Bytea => match value {
                Value::Text(text) if text.starts_with("\\x") => hexadecimal(&text[2..], out),
                // A backslash begins an escape in the text form.
                Value::Text(text) if !text.contains('\\') => {
                    out.extend_from_slice(text.as_bytes());
                    Some(())
                }
                _ => None,
            },
            Field::Uuid => match value {
                Value::Text(text) => uuid(text).map(|bytes| out.extend_from_slice(&bytes)),
                _ => None,
            },
            Field::Date => date(value).map(|days| out.extend_from_slice(&days.to_be_bytes())),
            Field::Timestamp | Field::TimestampTz => self
                .moment(value)
                .map(|micros| out.extend_from_slice(&micros.to_be_bytes())),
        }
        .ok_or(Unencodable)
    }

    /// Microseconds since 2000-01-01. What a date is with a time zone, the session says.
    fn moment(self, value: &Value) -> Option<i64> {
        match value {
            Value::TimestampMicros(micros) => Some(*micros),
            Value::Date(days) if self == Field::Timestamp => {
                i64::from(*days).checked_mul(MICROS_PER_DAY)
            }
            _ => None,
        }
    }
}

/// Appends one row; on an error the buffer holds a part of it.
pub(super) fn encode_row(
    fields: &[Field],
    row: &[Value],
    out: &mut Vec<u8>,
) -> Result<(), Unencodable> {
    let count = u16::try_from(row.len()).map_err(|_| Unencodable)?;
    out.extend_from_slice(&count.to_be_bytes());
    for (field, value) in fields.iter().zip(row) {
        if *value == Value::Null {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            continue;
        }
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        field.encode_value(value, out)?;
        let length = i32::try_from(out.len() - at - 4).map_err(|_| Unencodable)?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn integer<N: TryFrom<i64>>(value: &Value) -> Option<N> {
    match value {
        Value::Integer(number)
        | Value::Numeric {
            unscaled: number,
            scale: 0,
        } => N::try_from(*number).ok(),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        // Not by division: the text is read to the nearest number.
        Value::Numeric { .. } => value.to_string().parse().ok(),
        _ => None,
    }
}

fn decimal(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Numeric { unscaled, scale } => {
            numeric::encode(i128::from(*unscaled), u32::from(*scale), out)
        }
        Value::Integer(number) => numeric::encode(i128::from(*number), 0, out),
        Value::Float(number) if number.is_finite() => {
            numeric::encode_text(&number.to_string(), out)
        }
        Value::Text(text) => numeric::encode_text(text, out),
        _ => None,
    }
}

fn text(value: &Value, out: &mut Vec<u8>) {
    use std::io::Write as _;
    match value {
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        other => write!(out, "{other}").expect("a Vec takes everything"),
    }
}

fn date(value: &Value) -> Option<i32> {
    match value {
        Value::Date(days) => Some(*days),
        Value::TimestampMicros(micros) => i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok(),
        _ => None,
    }
}

/// Pairs of digits; spaces between them are left to the server.
fn hexadecimal(digits: &str, out: &mut Vec<u8>) -> Option<()> {
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    for pair in digits.chunks_exact(2) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(())
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; the other ways to write it are left to the server.
fn uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36
        || [8, 13, 18, 23]
            .iter()
            .any(|at| text.as_bytes()[*at] != b'-')
    {
        return None;
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}
