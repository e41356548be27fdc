//! The rows of a result on their way past: [`Running`].

use std::hash::Hasher as _;
use std::sync::Arc;

use dbproof_analysis::traffic::{ResultHashes, ResultShape, ValueHash, ValueHasher};
use siphasher::sip::SipHasher13;

use super::body::{Body, Value};
use super::columns::Formats;

/// Rows of one result whose values are kept.
const MOST_ROWS: u32 = 20_000;
/// Values of one result that are kept.
const MOST_VALUES: usize = 65_536;

/// An execution that has begun to be answered.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) sent_us: u64,
    /// When the last part of its answer had come.
    pub(super) answered_us: u64,
    /// The same of its first part with rows, where it is answered in parts. That is when the first
    /// rows were there to be used: what an application then does with them, before it asks for the
    /// next part, comes after this statement, and takes none of its time.
    pub(super) first_part_us: Option<u64>,
    /// The explicit transaction that it belongs to.
    pub(super) transaction: Option<u32>,
    /// Rows that were sent.
    pub(super) rows: u64,
    /// Rows that the tag of the command told of, where it tells more.
    pub(super) told: u64,
    pub(super) result: Option<Rows>,
}

/// The hashes of the rows so far.
#[derive(Debug)]
pub(super) struct Rows {
    shape: Arc<ResultShape>,
    formats: Formats,
    kept: u32,
    values: Vec<Option<ValueHash>>,
    all: SipHasher13,
}

impl Running {
    pub(super) fn new(sent_us: u64, transaction: Option<u32>) -> Self {
        Self {
            sent_us,
            transaction,
            answered_us: sent_us,
            first_part_us: None,
            rows: 0,
            told: 0,
            result: None,
        }
    }
}

impl Running {
    /// A part of its answer has come, and there may be more.
    pub(super) fn is_answered_in_part(&mut self, at_us: u64) {
        self.answered_us = at_us;
        self.first_part_us.get_or_insert(at_us);
    }
}

impl Rows {
    pub(super) fn new(shape: Arc<ResultShape>, formats: Formats, hash: SipHasher13) -> Self {
        Self {
            shape,
            formats,
            kept: 0,
            values: Vec::new(),
            all: hash,
        }
    }

    /// Bytes of a row.
    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.all.write(bytes);
    }

    /// Takes a row; `None` if it is not one of this result.
    #[inline]
    pub(super) fn row(&mut self, body: &[u8], hasher: &mut ValueHasher) -> Option<()> {
        let mut body = Body(body);
        let count = body.word()?;
        let keys = &self.shape.hashed;
        if self.shape.columns.is_empty() {
            return Some(());
        }
        if usize::from(count) != self.shape.columns.len() {
            return None;
        }
        if self.kept >= MOST_ROWS || self.values.len() + keys.len() > MOST_VALUES {
            return Some(());
        }
        if self.kept == 0 {
            // Most results have one row.
            self.values.reserve_exact(keys.len());
        }
        self.kept += 1;
        let mut at = 0;
        for index in keys {
            while at < *index {
                body.value()?;
                at += 1;
            }
            let value = body.value()?;
            at += 1;
            let column = usize::from(*index);
            let type_oid = self.shape.columns[column].type_oid;
            self.values.push(match value {
                Value::Bytes(value) if self.formats.is_binary(column) => {
                    hasher.binary(type_oid, value)
                }
                Value::Bytes(value) => hasher.typed_text(type_oid, value),
                Value::Null | Value::Long => None,
            });
        }
        Some(())
    }

    pub(super) fn finish(self) -> ResultHashes {
        ResultHashes {
            shape: self.shape,
            values: self.values.into_boxed_slice(),
            rows: self.all.finish(),
        }
    }
}
