//! The parameters of a Bind until the server has accepted it: [`Bound`].
//!
//! What they are bound to is known only then: a Parse of the same name may be on its way, and fail.

use dbproof_analysis::traffic::{SentParameter, ValueHash, ValueHasher};

use super::body::{Body, Value};
use super::columns::Formats;
use super::fields::{LONGEST_NAME, NOT_HELD};
use super::names::Name;

/// Values longer than this, in bytes, are no keys, and are not held.
pub(super) const LONGEST_VALUE: usize = 256;
/// The same where parameters are kept as they were sent.
const LONGEST_KEPT: usize = 8 << 10;

/// The parameters of a Bind.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) sent_us: u64,
    formats: Formats,
    /// Each value after its length, as in the message.
    values: Vec<u8>,
    /// A value that could be a key was not held.
    pub(super) lacks_keys: bool,
    /// A value was not held.
    lacks_values: bool,
    /// The formats of the result's columns.
    pub(super) results: Formats,
}

/// A Bind.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: Name,
    pub(super) statement: Name,
    pub(super) bound: Bound,
}

/// The longest parameter, in bytes, that is held.
pub(super) fn longest(keeps_sent: bool) -> usize {
    if keeps_sent {
        LONGEST_KEPT
    } else {
        LONGEST_VALUE
    }
}

impl Bind {
    /// Reads a Bind. `values` is a buffer to be used, and `most` how many bytes may be held.
    pub(super) fn read(
        body: &[u8],
        longest: usize,
        hasher: &ValueHasher,
        mut values: Vec<u8>,
        most: usize,
    ) -> Option<Self> {
        let mut body = Body(body);
        let mut name = || body.text().filter(|name| name.len() <= LONGEST_NAME);
        let portal = Name::of(name()?, hasher);
        let statement = Name::of(name()?, hasher);
        let formats = Formats::read(&mut body)?;
        let (mut lacks_keys, mut lacks_values) = (false, false);
        values.clear();
        let count = body.word()?;
        for _ in 0..count {
            let held = match body.value()? {
                Value::Bytes(value) if value.len() > longest => None,
                Value::Bytes(value) if values.len() + 4 + value.len() > most => {
                    lacks_keys |= value.len() <= LONGEST_VALUE;
                    None
                }
                Value::Bytes(value) => Some((i32::try_from(value.len()).ok()?, value)),
                Value::Null => Some((-1, &[][..])),
                Value::Long => None,
            };
            lacks_values |= held.is_none();
            let (length, value) = held.unwrap_or((NOT_HELD, &[]));
            values.extend_from_slice(&length.to_be_bytes());
            values.extend_from_slice(value);
        }
        let results = Formats::read(&mut body)?;
        if !body.0.is_empty() {
            return None;
        }
        Some(Self {
            portal,
            statement,
            bound: Bound {
                sent_us: 0,
                formats,
                values,
                lacks_keys,
                lacks_values,
                results,
            },
        })
    }
}

impl Bound {
    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.values.len()
    }

    /// The buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.values
    }

    fn parameters(&self) -> impl Iterator<Item = Value<'_>> {
        let mut rest = Body(&self.values);
        std::iter::from_fn(move || rest.value())
    }

    /// The hashes of the parameters, given the OIDs of their types as far as these are known.
    pub(super) fn hashes(
        &self,
        types: &[u32],
        hasher: &mut ValueHasher,
        into: &mut Vec<Option<ValueHash>>,
    ) {
        into.clear();
        for (number, parameter) in self.parameters().enumerate() {
            let type_oid = types.get(number).copied().unwrap_or(0);
            into.push(match parameter {
                Value::Bytes(value) if self.formats.is_binary(number) => {
                    hasher.binary(type_oid, value)
                }
                Value::Bytes(value) => hasher.typed_text(type_oid, value),
                Value::Null | Value::Long => None,
            });
        }
    }

    /// The parameters as they were sent; `None` if not all of them were held.
    pub(super) fn sent(&self, types: &[u32]) -> Option<Vec<SentParameter>> {
        if self.lacks_values {
            return None;
        }
        let parameters = self.parameters().enumerate();
        let sent = parameters.map(|(number, parameter)| SentParameter {
            type_oid: types.get(number).copied().unwrap_or(0),
            binary: self.formats.is_binary(number),
            value: match parameter {
                Value::Bytes(value) => Some(value.to_vec()),
                Value::Null | Value::Long => None,
            },
        });
        Some(sent.collect())
    }
}
