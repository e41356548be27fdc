//! `{ text = { length = 200 } }` or `{ text = { min = 20, max = 400 } }`: words of that many
//! characters in all.
//!
//! With `unique`, the text begins with the row's number.

use std::sync::Arc;

use rand::RngExt;

use super::fake::words;
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::random::{CellRandom, derive};
use crate::reader::Node;
use crate::skew::{Expectation, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "text", read };

#[derive(Debug, Clone)]
struct Text {
    min: usize,
    max: usize,
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
        })),
        (None, min, Some(max)) if min.unwrap_or(0) <= max => Ok(Arc::new(Text {
            min: min.unwrap_or(0),
            max,
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
        Ok(Box::new(Cuttings {
            text: self.clone(),
            unique: scope.unique,
            passage: Passage::new(scope.seed),
        }))
    }
}

#[derive(Debug)]
struct Cuttings {
    text: Text,
    unique: bool,
    passage: Passage,
}

impl Generator for Cuttings {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let length = cell.random.random_range(self.text.min..=self.text.max);
        let start = if self.unique {
            format!("{} ", cell.row + 1)
        } else {
            String::new()
        };
        Value::Text(self.passage.fill(&start, length, &mut cell.random))
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

/// Words in a row, which texts are cut out of: copying a piece is many times cheaper than drawing
/// each of its words.
#[derive(Debug)]
struct Passage {
    words: String,
    /// Where words begin; the last of them leaves no less than [`CUT`] bytes.
    starts: Vec<usize>,
}

/// The length of a passage in bytes, a few thousand words.
const PASSAGE: usize = 64 * 1024;
/// The most that is cut out at a time.
const CUT: usize = 4 * 1024;

impl Passage {
    fn new(seed: u64) -> Self {
        let mut random = CellRandom::new(derive(seed, "passage"), 0);
        let mut passage = Passage {
            words: String::with_capacity(PASSAGE + 16),
            starts: Vec::new(),
        };
        while passage.words.len() < PASSAGE {
            if passage.words.len() < PASSAGE - CUT {
                passage.starts.push(passage.words.len());
            }
            passage
                .words
                .push_str(words::pick(words::WORDS, &mut random));
            passage.words.push(' ');
        }
        passage
    }

    /// Adds words until the text has that length. The words are ASCII, so that bytes are characters.
    fn fill(&self, start: &str, length: usize, random: &mut CellRandom) -> String {
        let mut text = String::with_capacity(length.max(start.len()));
        text.push_str(start);
        while text.len() < length {
            if !text.is_empty() && !text.ends_with(' ') {
                text.push(' ');
            }
            let begin = self.starts[random.random_range(0..self.starts.len())];
            let wanted = (length - text.len()).min(CUT);
            text.push_str(&self.words[begin..begin + wanted]);
        }
        text.truncate(length);
        // A text that ends in a space would come back shorter from a `char(n)` column.
        if text.ends_with(' ') && !text.trim_end().is_empty() {
            text.pop();
            text.push('.');
        }
        text
    }
}
