//! Values in text form in the binary form of a parameter's type.

use super::{Field, Unencodable, interval, moment, network, numeric};

/// The longest `name` and one byte more (PostgreSQL's `NAMEDATALEN`).
const NAME_BYTES: usize = 64;

impl Field {
    /// Appends a value that is given in text form, without its length. On an error nothing is
    /// appended.
    pub(crate) fn encode_text(self, text: &str, out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let at = out.len();
        self.append(text, out).ok_or_else(|| {
            out.truncate(at);
            Unencodable
        })
    }

    fn append(self, text: &str, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Field::Int2 => out.extend_from_slice(&text.parse::<i16>().ok()?.to_be_bytes()),
            Field::Int4 => out.extend_from_slice(&text.parse::<i32>().ok()?.to_be_bytes()),
            Field::Int8 => out.extend_from_slice(&text.parse::<i64>().ok()?.to_be_bytes()),
            Field::Oid => out.extend_from_slice(&text.parse::<u32>().ok()?.to_be_bytes()),
            Field::Float4 => out.extend_from_slice(&float::<f32>(text)?.to_be_bytes()),
            Field::Float8 => out.extend_from_slice(&float::<f64>(text)?.to_be_bytes()),
            Field::Numeric => numeric::encode_text(text, out)?,
            Field::Bool => out.push(u8::from(boolean(text)?)),
            Field::Text => plain(text, out)?,
            // The text form is cut to length where the binary form is refused.
            Field::Name if text.len() < NAME_BYTES && text.is_ascii() => plain(text, out)?,
            Field::Name => return None,
            Field::Jsonb => {
                out.push(1);
                plain(text, out)?;
            }
            Field::Bytea => bytea(text, out)?,
            Field::Uuid => out.extend_from_slice(&uuid(text)?),
            Field::Date => out.extend_from_slice(&moment::date(text)?.to_be_bytes()),
            Field::Time => out.extend_from_slice(&moment::time(text)?.to_be_bytes()),
            Field::TimeTz => {
                let (micros, west) = moment::time_with_zone(text)?;
                out.extend_from_slice(&micros.to_be_bytes());
                out.extend_from_slice(&west.to_be_bytes());
            }
            Field::Timestamp => out.extend_from_slice(&moment::timestamp(text)?.to_be_bytes()),
            Field::TimestampTz => {
                out.extend_from_slice(&moment::timestamp_with_zone(text)?.to_be_bytes());
            }
            Field::Interval => interval::encode(text, out)?,
            Field::Inet => network::encode_inet(text, out)?,
            Field::Cidr => network::encode_cidr(text, out)?,
        }
        Some(())
    }
}

/// Words that the server takes whatever their case are left to it in any other.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn plain(text: &str, out: &mut Vec<u8>) -> Option<()> {
    if text.contains('\0') {
        return None;
    }
    out.extend_from_slice(text.as_bytes());
    Some(())
}

/// Text is read to the nearest number, here as there. What overflows, or vanishes, the server
/// refuses.
fn float<F>(text: &str) -> Option<F>
where
    F: std::str::FromStr + Into<f64> + Copy,
{
    let number: F = text.parse().ok()?;
    let value: f64 = number.into();
    let is_word = matches!(text, "NaN" | "Infinity" | "-Infinity");
    if is_word {
        return Some(number);
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_decimal = mantissa.bytes().any(|byte| byte.is_ascii_digit());
    let vanished = value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    (is_decimal && value.is_finite() && !vanished).then_some(number)
}

/// `\x` and pairs of hexadecimal digits, or bytes as they are where no escape can be meant. Letters
/// other than ASCII's are other bytes in another encoding of the database.
pub(super) fn bytea(text: &str, out: &mut Vec<u8>) -> Option<()> {
    match text.strip_prefix("\\x") {
        Some(digits) => hexadecimal(digits.as_bytes(), out),
        None if text.is_ascii() && !text.contains('\\') => plain(text, out),
        None => None,
    }
}

fn hexadecimal(digits: &[u8], out: &mut Vec<u8>) -> Option<()> {
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
pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let hyphens = [8, 13, 18, 23];
    if text.len() != 36 || hyphens.iter().any(|at| text.as_bytes()[*at] != b'-') {
        return None;
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let mut bytes = Vec::with_capacity(16);
    hexadecimal(&digits, &mut bytes)?;
    bytes.try_into().ok()
}
