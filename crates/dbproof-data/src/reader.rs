//! Reads TOML values and keeps their places for errors: [`Node`] and [`Fields`].
//!
//! Written by hand on the spanned tree of the `toml` crate: a deserialiser would know the place of
//! an unknown key, but neither the nearest generator nor what the column is.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset, Time};

use crate::SpecificationError;
use crate::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, days_from_date};
use crate::error::{Place, Problem};

type Result<T> = std::result::Result<T, SpecificationError>;

/// A file's name and text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'d> {
    pub(crate) file: &'d str,
    pub(crate) text: &'d str,
}

impl Source<'_> {
    /// The place of a byte range's start.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place {
            file: self.file.to_owned(),
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
        }
    }
}

/// A value with its place, and the name that messages call it by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'d> {
    source: Source<'d>,
    value: &'d Spanned<DeValue<'d>>,
    name: &'d str,
}

impl<'d> Node<'d> {
    pub(crate) fn new(source: Source<'d>, value: &'d Spanned<DeValue<'d>>, name: &'d str) -> Self {
        Node {
            source,
            value,
            name,
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.source.place(&self.value.span())
    }

    pub(crate) fn error(&self, problem: impl Into<Problem>) -> SpecificationError {
        self.place().error(problem)
    }

    fn mismatch(&self, wanted: &str) -> SpecificationError {
        let found = match self.value.get_ref() {
            DeValue::Boolean(_) => "a boolean",
            DeValue::Integer(_) => "an integer",
            DeValue::Array(_) => "an array",
            DeValue::String(_) => "a string",
            DeValue::Float(_) => "a float",
            DeValue::Datetime(_) => "a date",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("`{}` must be {wanted}, not {found}", self.name))
    }

    pub(crate) fn value(&self) -> &'d DeValue<'d> {
        self.value.get_ref()
    }

    pub(crate) fn text(&self) -> Result<&'d str> {
        self.value()
            .as_str()
            .ok_or_else(|| self.mismatch("a string"))
    }

    pub(crate) fn boolean(&self) -> Result<bool> {
        self.value()
            .as_bool()
            .ok_or_else(|| self.mismatch("true or false"))
    }

    pub(crate) fn integer(&self) -> Result<i64> {
        let digits = self
            .value()
            .as_integer()
            .ok_or_else(|| self.mismatch("an integer"))?;
        i64::from_str_radix(digits.as_str(), digits.radix())
            .map_err(|_| self.error(format!("`{}` does not fit 64 bits", self.name)))
    }

    /// An integer of at least `least`.
    pub(crate) fn count(&self, least: u64) -> Result<u64> {
        u64::try_from(self.integer()?)
            .ok()
            .filter(|count| *count >= least)
            .ok_or_else(|| self.error(format!("`{}` must be at least {least}", self.name)))
    }

    /// A finite number, with or without a point.
    pub(crate) fn number(&self) -> Result<f64> {
        let number = match self.value() {
            DeValue::Integer(_) => self.integer()? as f64,
            DeValue::Float(digits) => digits.as_str().parse().unwrap_or(f64::NAN),
            _ => return Err(self.mismatch("a number")),
        };
        if number.is_finite() {
            Ok(number)
        } else {
            Err(self.error(format!("`{}` must be finite", self.name)))
        }
    }

    /// A number of 0 to 1.
    pub(crate) fn probability(&self) -> Result<f64> {
        let number = self.number()?;
        if (0.0..=1.0).contains(&number) {
            Ok(number)
        } else {
            Err(self.error(format!(
                "`{}` must be between 0 and 1, not {number}",
                self.name
            )))
        }
    }

    /// A number above 0.
    pub(crate) fn positive(&self) -> Result<f64> {
        self.number_from(f64::MIN_POSITIVE, "above 0")
    }

    /// A number of at least 0.
    pub(crate) fn not_negative(&self) -> Result<f64> {
        self.number_from(0.0, "at least 0")
    }

    fn number_from(&self, least: f64, wanted: &str) -> Result<f64> {
        let number = self.number()?;
        if number >= least {
            Ok(number)
        } else {
            Err(self.error(format!("`{}` must be {wanted}, not {number}", self.name)))
        }
    }

    /// A date or timestamp, bare or in quotes, in microseconds since 2000-01-01 UTC.
    pub(crate) fn timestamp(&self) -> Result<i64> {
        let datetime = match self.value() {
            DeValue::Datetime(datetime) => Some(*datetime),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        datetime.and_then(micros).ok_or_else(|| {
            self.error(
                Problem::new(format!("`{}` must be a date", self.name))
                    .with_help("such as \"2026-01-01\" or \"2026-01-01T12:00:00Z\""),
            )
        })
    }

    pub(crate) fn array(&self) -> Result<Vec<Node<'d>>> {
        let elements = self
            .value()
            .as_array()
            .ok_or_else(|| self.mismatch("an array"))?;
        Ok(elements
            .iter()
            .map(|value| Node { value, ..*self })
            .collect())
    }

    /// The table's entries in the order in which they are written.
    pub(crate) fn entries(&self) -> Result<Vec<Node<'d>>> {
        let table = self
            .value()
            .as_table()
            .ok_or_else(|| self.mismatch("a table"))?;
        Ok(entries(self.source, table)
            .into_iter()
            .map(|(_, node)| node)
            .collect())
    }

    pub(crate) fn name(&self) -> &'d str {
        self.name
    }

    /// The table's entries by name, where every name must be one of `known`.
    pub(crate) fn fields(&self, known: &[&str]) -> Result<Fields<'d>> {
        let table = self
            .value()
            .as_table()
            .ok_or_else(|| self.mismatch("a table"))?;
        Fields::open(*self, table, known)
    }
}

/// The entries of a table in the order of their keys' places.
pub(crate) fn entries<'d>(source: Source<'d>, table: &'d DeTable<'d>) -> Vec<(Place, Node<'d>)> {
    let mut ordered: Vec<_> = table.iter().collect();
    ordered.sort_by_key(|(key, _)| key.span().start);
    ordered
        .into_iter()
        .map(|(key, value)| {
            (
                source.place(&key.span()),
                Node::new(source, value, key.get_ref()),
            )
        })
        .collect()
}

fn micros(datetime: Datetime) -> Option<i64> {
    let date = datetime.date?;
    let days = days_from_date(date.year.into(), date.month.into(), date.day.into());
    let time = datetime.time.unwrap_or(Time {
        hour: 0,
        minute: 0,
        second: None,
        nanosecond: None,
    });
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute)
        - match datetime.offset {
            Some(Offset::Custom { minutes }) => i64::from(minutes),
            Some(Offset::Z) | None => 0,
        };
    let seconds = minutes * 60 + i64::from(time.second.unwrap_or(0));
    let fraction = i64::from(time.nanosecond.unwrap_or(0)) / 1000;
    Some(days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + fraction)
}

/// The entries of a table by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'d> {
    node: Node<'d>,
    table: &'d DeTable<'d>,
}

impl<'d> Fields<'d> {
    fn open(node: Node<'d>, table: &'d DeTable<'d>, known: &[&str]) -> Result<Self> {
        for (place, entry) in entries(node.source, table) {
            if !known.contains(&entry.name) {
                let what = format!("key of `{}`:", node.name);
                return Err(place.error(Problem::unknown(
                    &what,
                    entry.name,
                    known.iter().copied(),
                )));
            }
        }
        Ok(Fields { node, table })
    }

    pub(crate) fn optional(&self, name: &str) -> Option<Node<'d>> {
        let (key, value) = self.table.get_key_value(name)?;
        Some(Node::new(self.node.source, value, key.get_ref()))
    }

    pub(crate) fn required(&self, name: &str) -> Result<Node<'d>> {
        self.optional(name).ok_or_else(|| {
            self.node
                .error(format!("`{}` needs `{name}`", self.node.name))
        })
    }
}
