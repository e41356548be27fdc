//! Generated values in the binary form of a column's type.

use dbproof_data::Value;

use super::{Field, Unencodable, numeric, text};

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Field {
    /// Appends a value that is not NULL, without its length.
    pub(crate) fn encode_value(self, value: &Value, out: &mut Vec<u8>) -> Result<(), Unencodable> {
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
            Field::Text | Field::Name => {
                plain(value, out);
                Some(())
            }
            Field::Jsonb => {
                out.push(1);
                plain(value, out);
                Some(())
            }
            Field::Bytea => match value {
                Value::Text(text) if text.starts_with("\\x") => text::bytea(text, out),
                // A backslash begins an escape in the text form, and other letters than ASCII's are
                // other bytes in another encoding of the database.
                Value::Text(text) if text.is_ascii() && !text.contains('\\') => {
                    out.extend_from_slice(text.as_bytes());
                    Some(())
                }
                _ => None,
            },
            Field::Uuid => match value {
                Value::Text(text) => text::uuid(text).map(|bytes| out.extend_from_slice(&bytes)),
                _ => None,
            },
            Field::Date => date(value).map(|days| out.extend_from_slice(&days.to_be_bytes())),
            Field::Timestamp | Field::TimestampTz => self
                .moment(value)
                .map(|micros| out.extend_from_slice(&micros.to_be_bytes())),
            Field::Oid
            | Field::Time
            | Field::TimeTz
            | Field::Interval
            | Field::Inet
            | Field::Cidr => None,
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

fn plain(value: &Value, out: &mut Vec<u8>) {
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
