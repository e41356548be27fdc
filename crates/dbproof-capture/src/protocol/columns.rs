//! The columns of results: [`Columns`], from RowDescription; [`Formats`], from there or from Bind.

use std::sync::Arc;

use dbproof_analysis::traffic::{ResultShape, is_key_like};
use dbproof_model::ResultColumn;

use super::body::Body;

/// What RowDescription tells.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) shape: Arc<ResultShape>,
    pub(super) formats: Formats,
}

/// Which values are in binary form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Formats {
    /// All of them, or none.
    All(bool),
    /// Each as it is told.
    Each(Arc<[bool]>),
}

impl Formats {
    pub(super) const TEXT: Self = Self::All(false);

    /// Reads the format codes of Bind: none at all (all is text), one for all, or one for each.
    pub(super) fn read(body: &mut Body<'_>) -> Option<Self> {
        let count = body.word()?;
        match count {
            0 => Some(Self::TEXT),
            1 => Some(Self::All(body.word()? == 1)),
            _ => {
                let codes = body.bytes(2 * usize::from(count))?;
                Some(Self::of(codes.chunks_exact(2).map(|code| code == [0, 1])))
            }
        }
    }

    fn of(codes: impl ExactSizeIterator<Item = bool> + Clone) -> Self {
        let first = codes.clone().next().unwrap_or(false);
        if codes.clone().all(|code| code == first) {
            Self::All(first)
        } else {
            Self::Each(codes.collect())
        }
    }

    #[inline]
    pub(super) fn is_binary(&self, index: usize) -> bool {
        match self {
            Self::All(binary) => *binary,
            Self::Each(codes) => codes.get(index).copied().unwrap_or(false),
        }
    }
}

/// Reads the body of a RowDescription.
pub(super) fn read_columns(body: &[u8]) -> Option<Columns> {
    let mut body = Body(body);
    let count = body.word()?;
    let mut columns = Vec::new();
    let mut formats = Vec::new();
    for _ in 0..count {
        let name = String::from_utf8_lossy(body.text()?).into_owned();
        let relation = body.long()?;
        let attribute = body.word()?.cast_signed();
        let type_oid = body.long()?;
        let _size_and_modifier = body.bytes(6)?;
        formats.push(body.word()? == 1);
        columns.push(ResultColumn {
            name,
            type_oid,
            relation_oid: Some(relation).filter(|oid| *oid != 0),
            attribute: Some(attribute).filter(|number| *number != 0),
        });
    }
    let hashed = (0..count)
        .filter(|index| is_key_like(columns[usize::from(*index)].type_oid))
        .collect();
    Some(Columns {
        shape: Arc::new(ResultShape { columns, hashed }),
        formats: Formats::of(formats.into_iter()),
    })
}
