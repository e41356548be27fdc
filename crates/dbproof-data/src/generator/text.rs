//! `{ text = { length = 200 } }` or `{ text = { min = 20, max = 400 } }`: words of that many
//! characters in all.
//!
//! With `unique`, the text begins with the row's number.

use std::sync::Arc;

use rand::RngExt;

use super::fake::words;
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::random::CellRandom;
use crate::reader::Node;
use crate::skew::{Expectation, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "text", read };

#[derive(Debug, Clone)]
struct Text {
    min: usize,
    max: usize,
    unique: bool,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["length", "min", "max"])?;
    let length = |name| match fields.optional(name) {
        None => Ok(None),
        Some(node) => match node.count(0)? {
            // The longest value that a PostgreSQL column takes is 1 GB; a cell is held in memory.
            count @ 0..=10_000_000 => Ok(usize::try_from(count).ok()),
            _ => Err(node.error(format!("`{name}` must be at most 10,000,000"))),
        },
    };
    match (length("length")?, length("min")?, length("max")?) {
        (Some(length), None, None) => Ok(Arc::new(Text {
            min: length,
            max: length,
            unique: false,
        })),
        (None, min, Some(max)) if min.unwrap_or(0) <= max => Ok(Arc::new(Text {
            min: min.unwrap_or(0),
            max,
            unique: false,
        })),
        (None, _, Some(_)) => Err(node.error("`max` must not be below `min`")),
        _ => Err(node.error("`text` needs either `length`, or `max` with or without `min`")),
    }
}

impl Recipe for Text {
    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        // The number and the space behind it, without which 1 and "1…" could be the same.
        let needed = scope.table.rows.to_string().len() + 1;
        if scope.unique && self.min < needed {
            return Err(Problem::new(format!(
                "unique text for {} rows needs at least {needed} characters",
                scope.table.rows
            )));
        }
        Ok(Box::new(Text {
            unique: scope.unique,
            ..self.clone()
        }))
    }
}

impl Generator for Text {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let length = cell.random.random_range(self.min..=self.max);
        let start = if self.unique {
            format!("{} ", cell.row + 1)
        } else {
            String::new()
        };
        Value::Text(fill(start, length, &mut cell.random))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        made_up(self.unique, Some(0.0))
    }
}

/// What made-up text should look like: its order is the collation's.
pub(super) fn made_up(unique: bool, nulls: Option<f64>) -> Expectation {
    let reason = "the text is made up of words";
    let expectation = if unique {
        Expectation::unique(Order::Unknown(reason))
    } else {
        Expectation::unknown(reason)
    };
    expectation.with_nulls(nulls)
}

/// Adds words until the text has that length. The words are ASCII, so that bytes are characters.
fn fill(mut text: String, length: usize, random: &mut CellRandom) -> String {
    while text.len() < length {
        if !text.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        text.push_str(words::pick(words::WORDS, random));
    }
    text.truncate(length);
    // A text that ends in a space would come back shorter from a `char(n)` column.
    if text.ends_with(' ') && !text.trim_end().is_empty() {
        text.pop();
        text.push('.');
    }
    text
}
