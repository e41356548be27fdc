//! The parameters of a Bind until the server has accepted it: [`Bound`].
//!
//! What they are bound to is known only then: a Parse of the same name may be on its way, and fail.

use dbproof_analysis::traffic::{SentParameter, ValueHash, ValueHasher};

use super::body::Body;
use super::columns::Formats;
use super::names::Name;

/// Parameters longer than this, in bytes, are no keys, and are not held.
const LONGEST_VALUE: usize = 256;
/// The same where parameters are kept as they were sent.
const LONGEST_KEPT: usize = 8 << 10;

/// Marks a value that was not held, where its length would stand.
const NOT_HELD: i32 = -2;

/// The parameters of a Bind.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) sent_us: u64,
    formats: Formats,
    /// Each value after its length, as in the message.
    values: Vec<u8>,
    /// What of it was not held.
    pub(super) incomplete: bool,
    /// The formats of the result's columns, where the message was held that far.
    pub(super) results: Option<Formats>,
}

/// A Bind.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: Name,
    pub(super) statement: Name,
    pub(super) bound: Bound,
}

/// A parameter as far as it was held.
enum Held<'a> {
    Null,
    Value(&'a [u8]),
    Not,
}

impl Bind {
    /// Reads a Bind, whole or only its head. `values` is a buffer to be used, and `most` how many
    /// bytes may be held.
    pub(super) fn read(
        head: &[u8],
        whole: bool,
        keeps_sent: bool,
        hasher: &ValueHasher,
        mut values: Vec<u8>,
        most: usize,
    ) -> Option<Self> {
        let mut body = Body(head);
        let portal = Name::of(body.text()?, hasher);
        let statement = Name::of(body.text()?, hasher);
        let formats = Formats::read(&mut body)?;
        let longest = if keeps_sent {
            LONGEST_KEPT
        } else {
            LONGEST_VALUE
        };
        values.clear();
        let mut bound = Bound {
            sent_us: 0,
            formats,
            values,
            incomplete: false,
            results: None,
        };
        let count = body.word()?;
        for _ in 0..count {
            let Some(value) = body.value() else {
                if whole {
                    return None;
                }
                bound.incomplete = true;
                return Some(Self {
                    portal,
                    statement,
                    bound,
                });
            };
            let length = value.map_or(Some(-1), |value| i32::try_from(value.len()).ok())?;
            let value = value.unwrap_or_default();
            let held = value.len() <= longest && bound.values.len() + value.len() + 4 <= most;
            let length = if held { length } else { NOT_HELD };
            bound.incomplete |= !held && (keeps_sent || value.len() <= longest);
            bound.values.extend_from_slice(&length.to_be_bytes());
            if held {
                bound.values.extend_from_slice(value);
            }
        }
        bound.results = Formats::read(&mut body);
        if whole && (bound.results.is_none() || !body.0.is_empty()) {
            return None;
        }
        Some(Self {
            portal,
            statement,
            bound,
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

    fn parameters(&self) -> impl Iterator<Item = Held<'_>> {
        let mut rest = &self.values[..];
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let length = i32::from_be_bytes(*length);
            let (value, after) = after.split_at(usize::try_from(length).unwrap_or(0));
            rest = after;
            Some(match length {
                -1 => Held::Null,
                NOT_HELD => Held::Not,
                _ => Held::Value(value),
            })
        })
    }

    /// The hashes of the parameters, given the OIDs of their types as far as these are known.
    pub(super) fn hashes(
        &self,
        types: &[u32],
        hasher: &mut ValueHasher,
        hashes: &mut Vec<Option<ValueHash>>,
    ) {
        hashes.clear();
        for (number, parameter) in self.parameters().enumerate() {
            let type_oid = types.get(number).copied().unwrap_or(0);
            hashes.push(match parameter {
                Held::Value(value) if self.formats.is_binary(number) => {
                    hasher.binary(type_oid, value)
                }
                Held::Value(value) => hasher.typed_text(type_oid, value),
                Held::Null | Held::Not => None,
            });
        }
    }

    /// The parameters as they were sent; `None` if not all of them were held.
    pub(super) fn sent(&self, types: &[u32]) -> Option<Vec<SentParameter>> {
        if self.incomplete {
            return None;
        }
        let parameters = self.parameters().enumerate();
        let sent = parameters.map(|(number, parameter)| SentParameter {
            type_oid: types.get(number).copied().unwrap_or(0),
            binary: self.formats.is_binary(number),
            value: match parameter {
                Held::Value(value) => Some(value.to_vec()),
                Held::Null | Held::Not => None,
            },
        });
        Some(sent.collect())
    }
}
