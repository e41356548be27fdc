//! Hashes that tell whether two values are the same: [`ValueHasher`].
//!
//! A value is hashed in its canonical text form, so that a number that came back in binary form and
//! the same number written as a literal agree. The formats are those of "Binary send and receive
//! functions" in PostgreSQL's source: `int4send`, `uuid_send`, `numeric_send` and so on.

use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::num::NonZeroU64;

use siphasher::sip::SipHasher13;

/// A keyed hash of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueHash(pub NonZeroU64);

/// The secret that hashes are made with. Without it, a hash tells nothing of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey(pub u64, pub u64);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(…)")
    }
}

/// Values longer than this, in bytes, are no keys.
const LONGEST_KEY: usize = 256;

/// OIDs of types, from `pg_type.dat`.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const CHAR: u32 = 18;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const UUID: u32 = 2950;
    /// The first OID of what users make: enums, extensions' types.
    pub(super) const FIRST_USER: u32 = 16_384;
}

/// Whether values of a type are used as keys.
#[must_use]
pub fn is_key_like(type_oid: u32) -> bool {
    matches!(
        type_oid,
        oid::BYTEA
            | oid::CHAR
            | oid::NAME
            | oid::INT8
            | oid::INT2
            | oid::INT4
            | oid::TEXT
            | oid::OID
            | oid::BPCHAR
            | oid::VARCHAR
            | oid::DATE
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::NUMERIC
            | oid::UUID
    ) || type_oid >= oid::FIRST_USER
}

/// Hashes values.
#[derive(Debug, Clone)]
pub struct ValueHasher {
    key: HashKey,
    text: String,
}

impl ValueHasher {
    /// A hasher with a secret.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        Self {
            key,
            text: String::new(),
        }
    }

    /// The hash of a value in text form.
    #[must_use]
    pub fn text(&self, value: &[u8]) -> Option<ValueHash> {
        if value.len() > LONGEST_KEY {
            return None;
        }
        match canonical_uuid(value) {
            Some(uuid) => Some(self.raw(&uuid)),
            None => Some(self.raw(value)),
        }
    }

    /// The hash of a value of a known type in text form.
    #[must_use]
    pub fn typed_text(&self, type_oid: u32, value: &[u8]) -> Option<ValueHash> {
        if type_oid == oid::BPCHAR {
            return self.text(trimmed(value));
        }
        self.text(value)
    }

    /// The hash of a value in binary form. Where the type is not known (OID 0), its length has to
    /// tell: 2, 4 and 8 bytes are a number, 16 a UUID.
    #[must_use]
    pub fn binary(&mut self, type_oid: u32, value: &[u8]) -> Option<ValueHash> {
        if type_oid == oid::BPCHAR {
            return self.text(trimmed(value));
        }
        self.text.clear();
        let known = write_text(&mut self.text, type_oid, value).unwrap_or(false);
        if known {
            Some(self.raw(self.text.as_bytes()))
        } else {
            self.text(value)
        }
    }

    /// One hash over the values of a list, in their order.
    #[must_use]
    pub fn list(&self, values: impl IntoIterator<Item = Option<ValueHash>>) -> ValueHash {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        for value in values {
            hasher.write_u64(value.map_or(0, |value| value.0.get()));
        }
        not_zero(hasher.finish())
    }

    /// The hash of these very bytes.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> ValueHash {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write(bytes);
        not_zero(hasher.finish())
    }
}

/// A value in binary form as the text that the server would write for it; `None` where the type is not
/// known and the bytes are no text. Where the type is not told (OID 0), the length has to tell.
pub(crate) fn binary_text(type_oid: u32, value: &[u8]) -> Option<String> {
    let mut text = String::new();
    match write_text(&mut text, type_oid, value) {
        Some(true) => Some(text),
        _ => String::from_utf8(value.to_vec()).ok(),
    }
}

/// Writes a value in binary form as text; whether its type is one that has another form than its text.
fn write_text(text: &mut String, type_oid: u32, value: &[u8]) -> Option<bool> {
    Some(match (type_oid, value.len()) {
        (oid::INT2 | 0, 2) => number(text, i16::from_be_bytes(array(value)?)),
        (oid::INT4 | 0, 4) => number(text, i32::from_be_bytes(array(value)?)),
        (oid::INT8 | 0, 8) => number(text, i64::from_be_bytes(array(value)?)),
        (oid::OID, 4) => number(text, u32::from_be_bytes(array(value)?)),
        (oid::UUID | 0, 16) => uuid(text, value),
        (oid::BOOL, 1) => {
            text.push(if value[0] == 0 { 'f' } else { 't' });
            true
        }
        (oid::NUMERIC, _) => numeric(text, value).is_some(),
        (oid::BYTEA, 0..=LONGEST_KEY) => {
            text.push_str("\\x");
            hexadecimal(text, value)
        }
        _ => false,
    })
}

fn not_zero(hash: u64) -> ValueHash {
    ValueHash(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN))
}

fn array<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    value.try_into().ok()
}

fn number(text: &mut String, value: impl std::fmt::Display) -> bool {
    write!(text, "{value}").is_ok()
}

fn hexadecimal(text: &mut String, value: &[u8]) -> bool {
    value.iter().all(|byte| write!(text, "{byte:02x}").is_ok())
}

fn uuid(text: &mut String, value: &[u8]) -> bool {
    let parts = [0..4, 4..6, 6..8, 8..10, 10..16];
    for part in parts {
        if part.start > 0 {
            text.push('-');
        }
        hexadecimal(text, &value[part]);
    }
    true
}

/// A UUID as the server writes it, where a value is one in another of the spellings that the server
/// takes: capitals, no hyphens (as psycopg sends them), braces.
pub(crate) fn canonical_uuid(value: &[u8]) -> Option<[u8; 36]> {
    let value = match value {
        [b'{', inner @ .., b'}'] => inner,
        _ => value,
    };
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let mut digits = value.iter();
    let mut uuid = [b'-'; 36];
    let has_hyphens = match value.len() {
        32 => false,
        36 => true,
        _ => return None,
    };
    for (at, place) in uuid.iter_mut().enumerate() {
        if !is_hyphen(at) {
            *place = digits
                .next()
                .filter(|digit| digit.is_ascii_hexdigit())?
                .to_ascii_lowercase();
        } else if has_hyphens {
            digits.next().filter(|hyphen| **hyphen == b'-')?;
        }
    }
    Some(uuid)
}

/// `char(n)` is filled up with blanks, which mean nothing.
fn trimmed(value: &[u8]) -> &[u8] {
    let end = value
        .iter()
        .rposition(|b| *b != b' ')
        .map_or(0, |at| at + 1);
    &value[..end]
}

/// `numeric_send`: the number of digit groups, the weight of the first, the sign, the digits after
/// the point, then the groups, each of four decimal digits.
fn numeric(text: &mut String, value: &[u8]) -> Option<()> {
    let word = |at: usize| -> Option<u16> {
        Some(u16::from_be_bytes(array(value.get(2 * at..2 * at + 2)?)?))
    };
    let groups = usize::from(word(0)?);
    let weight = i32::from(word(1)?.cast_signed());
    let scale = usize::from(word(3)?);
    match word(2)? {
        0x0000 => {}
        0x4000 => text.push('-'),
        _ => return None,
    }
    if groups > 64 || weight > 64 || value.len() != 8 + 2 * groups {
        return None;
    }
    let group = |of: i32| -> u16 {
        let at = usize::try_from(weight - of).ok().filter(|at| *at < groups);
        at.and_then(|at| word(4 + at)).unwrap_or(0)
    };
    write!(text, "{}", if weight < 0 { 0 } else { group(weight) }).ok()?;
    for of in (0..weight).rev() {
        write!(text, "{:04}", group(of)).ok()?;
    }
    if scale > 0 {
        text.push('.');
        let start = text.len();
        let mut of = -1;
        while text.len() - start < scale {
            write!(text, "{:04}", group(of)).ok()?;
            of -= 1;
        }
        text.truncate(start + scale);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> ValueHasher {
        ValueHasher::new(HashKey(1, 2))
    }

    #[track_caller]
    fn check(type_oid: u32, binary: &[u8], text: &str) {
        let mut hasher = hasher();
        assert_eq!(
            hasher.binary(type_oid, binary),
            hasher.text(text.as_bytes()),
            "{text}"
        );
    }

    #[test]
    fn text_and_binary_agree() {
        check(oid::INT2, &7_i16.to_be_bytes(), "7");
        check(oid::INT4, &(-7_i32).to_be_bytes(), "-7");
        check(oid::INT8, &i64::MIN.to_be_bytes(), "-9223372036854775808");
        check(oid::OID, &u32::MAX.to_be_bytes(), "4294967295");
        check(0, &42_i64.to_be_bytes(), "42");
        check(oid::TEXT, b"abcd", "abcd");
        check(oid::BPCHAR, b"de  ", "de");
        check(oid::BYTEA, &[1, 255], "\\x01ff");
        check(20_000, b"shipped", "shipped");
    }

    #[test]
    fn a_uuid_is_the_same_in_any_spelling() {
        let bytes: Vec<u8> = (0..16).map(|n| n * 16 + 10).collect();
        check(oid::UUID, &bytes, "0a1a2a3a-4a5a-6a7a-8a9a-aabacadaeafa");
        check(oid::UUID, &bytes, "0A1A2A3A-4A5A-6A7A-8A9A-AABACADAEAFA");
        check(oid::UUID, &bytes, "0a1a2a3a4a5a6a7a8a9aaabacadaeafa");
        check(oid::UUID, &bytes, "{0a1a2a3a-4a5a-6a7a-8a9a-aabacadaeafa}");
        let other = hasher().text(b"0a1a2a3a-4a5a-6a7a-8a9aa-abacadaeafa");
        assert_ne!(hasher().binary(oid::UUID, &bytes), other);
    }

    #[test]
    fn a_numeric_is_written_as_the_server_writes_it() {
        let numeric =
            |words: &[u16]| -> Vec<u8> { words.iter().flat_map(|w| w.to_be_bytes()).collect() };
        check(oid::NUMERIC, &numeric(&[1, 0, 0, 0, 42]), "42");
        check(oid::NUMERIC, &numeric(&[0, 0, 0, 2]), "0.00");
        check(
            oid::NUMERIC,
            &numeric(&[3, 1, 0x4000, 2, 1, 2345, 6700]),
            "-12345.67",
        );
        check(oid::NUMERIC, &numeric(&[1, 2, 0, 0, 5]), "500000000");
        check(oid::NUMERIC, &numeric(&[1, 0xffff, 0, 4, 12]), "0.0012");
        check(oid::NUMERIC, &numeric(&[1, 0xfffe, 0, 6, 1200]), "0.000012");
    }

    #[test]
    fn broken_values_are_hashed_as_they_are() {
        let mut hasher = hasher();
        for oid in [oid::INT4, oid::NUMERIC, oid::UUID, oid::BYTEA, 0] {
            for length in 0..20 {
                assert!(hasher.binary(oid, &vec![1; length]).is_some());
            }
        }
        assert!(hasher.text(&[b'x'; LONGEST_KEY + 1]).is_none());
    }

    #[test]
    fn another_secret_makes_other_hashes() {
        let other = ValueHasher::new(HashKey(1, 3));
        assert_ne!(hasher().text(b"42"), other.text(b"42"));
    }

    #[test]
    fn a_list_is_told_by_its_order_and_length() {
        let hasher = hasher();
        let [a, b] = [hasher.text(b"1"), hasher.text(b"2")];
        assert_eq!(hasher.list([a, b]), hasher.list([a, b]));
        assert_ne!(hasher.list([a, b]), hasher.list([b, a]));
        assert_ne!(hasher.list([a]), hasher.list([a, None]));
    }
}
