//! One cell of a generated row: [`Value`].

use std::fmt;

use crate::calendar;

/// One cell of a generated row.
///
/// `Display` writes it as PostgreSQL reads it in text form, without quotes; NULL is `\N` as in COPY.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number, for any of the integer types.
    Integer(i64),
    /// A binary floating-point number.
    Float(f64),
    /// An exact decimal: `unscaled` / 10^`scale`.
    Numeric {
        /// The digits, as a whole number.
        unscaled: i64,
        /// How many of them stand after the point.
        scale: u8,
    },
    /// Text of any of the character types.
    Text(String),
    /// Microseconds since 2000-01-01 00:00 UTC, PostgreSQL's own epoch.
    TimestampMicros(i64),
    /// Days since 2000-01-01.
    Date(i32),
}

impl Value {
    /// The value as a number, where it is one; timestamps in seconds, dates in days.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Integer(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Numeric { unscaled, scale } => {
                Some(*unscaled as f64 / 10_f64.powi(i32::from(*scale)))
            }
            Value::TimestampMicros(micros) => Some(*micros as f64 / 1e6),
            Value::Date(days) => Some(f64::from(*days)),
            Value::Null | Value::Text(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("\\N"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Numeric { unscaled, scale: 0 } => write!(f, "{unscaled}"),
            Value::Numeric { unscaled, scale } => {
                let sign = if *unscaled < 0 { "-" } else { "" };
                let one = 10_u64.saturating_pow(u32::from(*scale));
                let (whole, part) = (unscaled.unsigned_abs() / one, unscaled.unsigned_abs() % one);
                write!(
                    f,
                    "{sign}{whole}.{part:0width$}",
                    width = usize::from(*scale)
                )
            }
            Value::Text(text) => f.write_str(text),
            Value::TimestampMicros(micros) => calendar::write_timestamp(f, *micros),
            Value::Date(days) => calendar::write_date(f, i64::from(*days)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn values_are_written_as_postgresql_reads_them() {
        let cases = [
            (Value::Null, "\\N"),
            (Value::Bool(true), "true"),
            (Value::Integer(-7), "-7"),
            (
                Value::Numeric {
                    unscaled: 1205,
                    scale: 2,
                },
                "12.05",
            ),
            (
                Value::Numeric {
                    unscaled: -5,
                    scale: 2,
                },
                "-0.05",
            ),
            (
                Value::Numeric {
                    unscaled: 5,
                    scale: 0,
                },
                "5",
            ),
            (Value::Text("a\tb".to_owned()), "a\tb"),
            (Value::TimestampMicros(0), "2000-01-01 00:00:00.000000+00"),
            (Value::TimestampMicros(-1), "1999-12-31 23:59:59.999999+00"),
            (Value::Date(59), "2000-02-29"),
            (Value::Date(-1), "1999-12-31"),
        ];
        for (value, expected) in cases {
            assert_eq!(value.to_string(), expected);
        }
    }
}
