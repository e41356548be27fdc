//! The values in a transaction's statements, and where each can be replaced: [`SlotValue`].

use std::ops::Range;

use super::domains::{Domain, Domains};
use super::values::{array_elements, canonical, decoded, text_array};
use crate::sql::{Comparison, ParsedTemplate, SlotKind, ValueSource};
use crate::traffic::SentText;

/// A value that stands in a statement, in its canonical spelling.
#[derive(Debug, Clone)]
pub(super) struct SlotValue {
    /// The statement, as an index into those of the transaction.
    pub(super) statement: usize,
    /// Which value of the statement, counted from 0; elements of an array share it.
    pub(super) slot: usize,
    /// The row of `VALUES` that it stands in, counted from 0; 0 elsewhere.
    pub(super) row: usize,
    /// Where it is replaced.
    pub(super) place: Place,
    /// The domain of the column that it is compared with or written to.
    pub(super) domain: Option<Domain>,
    /// Whether it is compared by `=`, `IN` or `= ANY`.
    pub(super) is_equality: bool,
    /// The value.
    pub(super) text: String,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In these bytes of the text; the element of an array there.
    Literal(Range<usize>, Option<usize>),
    /// In this parameter, counted from 0; the element of an array there.
    Parameter(usize, Option<usize>),
}

/// The values of a transaction's statements.
pub(super) fn slots_of<'a>(
    statements: impl Iterator<Item = &'a SentText>,
    domains: &mut Domains<'_>,
) -> Vec<SlotValue> {
    let mut found = Vec::new();
    for (statement, sent) in statements.enumerate() {
        let mut rows: Vec<usize> = Vec::new();
        for (slot, parsed) in ParsedTemplate::of(&sent.sql).slots.iter().enumerate() {
            // Values of different rows share a position.
            rows.resize(rows.len().max(parsed.position + 1), 0);
            let row = rows[parsed.position];
            rows[parsed.position] += usize::from(parsed.kind == SlotKind::Inserted);
            if matches!(parsed.kind, SlotKind::Limit | SlotKind::Offset) {
                continue;
            }
            let column = parsed.compared.as_ref();
            let domain = column.and_then(|column| domains.compared(column));
            let is_equality = column.is_some_and(|c| c.comparison == Comparison::Equal);
            let values = match &parsed.source {
                ValueSource::Literal(value) => {
                    literal(parsed.kind, &parsed.span, value.as_deref(), &sent.sql)
                }
                ValueSource::Parameter(number) => parameter(parsed.kind, *number, sent),
            };
            found.extend(values.into_iter().map(|(place, text)| SlotValue {
                statement,
                slot,
                row,
                place,
                domain,
                is_equality,
                text: canonical(&text),
            }));
        }
    }
    found
}

fn literal(
    kind: SlotKind,
    span: &Range<usize>,
    value: Option<&str>,
    sql: &str,
) -> Vec<(Place, String)> {
    // `TRUE` and `NULL` are words, and no values to replace.
    let is_word = |c: char| c.is_ascii_alphabetic();
    let written = &sql[span.clone()];
    let Some(value) = value.filter(|_| !written.starts_with(is_word) || written.contains('\''))
    else {
        return Vec::new();
    };
    let place = |element| Place::Literal(span.clone(), element);
    if kind != SlotKind::Array {
        return vec![(place(None), value.to_owned())];
    }
    numbered(text_array(value), place)
}

fn parameter(kind: SlotKind, number: usize, sent: &SentText) -> Vec<(Place, String)> {
    let Some(parameter) = sent.parameters.get(number) else {
        return Vec::new();
    };
    let place = |element| Place::Parameter(number, element);
    let looks_like_array = || {
        let value = parameter.value.as_deref().unwrap_or_default();
        !parameter.binary && value.first() == Some(&b'{') && value.last() == Some(&b'}')
    };
    // `unnest($1)` is no comparison, and its values are keys all the same.
    if kind == SlotKind::Array || looks_like_array() || is_array_type(parameter.type_oid) {
        return numbered(array_elements(parameter), place);
    }
    decoded(parameter)
        .map(|text| (place(None), text))
        .into_iter()
        .collect()
}

/// Whether the type is an array of what keys are made of (`pg_type.dat`).
fn is_array_type(oid: u32) -> bool {
    matches!(
        oid,
        1000 | 1005 | 1007 | 1009 | 1014 | 1015 | 1016 | 1028 | 1231 | 2951
    )
}

fn numbered(
    elements: Option<Vec<Option<String>>>,
    place: impl Fn(Option<usize>) -> Place,
) -> Vec<(Place, String)> {
    let elements = elements.unwrap_or_default().into_iter().enumerate();
    elements
        .filter_map(|(nth, element)| Some((place(Some(nth)), element?)))
        .collect()
}
