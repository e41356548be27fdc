//! The generators: what may stand behind a column in `data/*.toml`.
//!
//! A generator is one file with a [`Kind`] in it, and one line in [`KINDS`]. It is read into a
//! [`Recipe`], which knows the file's wishes alone, and prepared into a [`Generator`] once the
//! seed, the number of rows and the parents are known.

mod boolean;
mod bounds;
mod bytes;
mod case;
mod categorical;
mod constant;
mod correlated;
mod exponential;
mod fake;
mod fan_out;
mod inet;
mod lognormal;
mod normal;
mod reference;
mod sequence;
mod template;
mod text;
mod time_series;
mod uniform;
mod uuid;
mod zipf;

use std::fmt::Debug;
use std::sync::Arc;

use crate::error::Problem;
use crate::random::CellRandom;
use crate::reader::Node;
use crate::rows::Table;
use crate::skew::Expectation;
use crate::{Context, SpecificationError, Value};

/// Every generator there is, in the order in which messages list them.
const KINDS: &[Kind] = &[
    sequence::KIND,
    reference::KIND,
    uniform::KIND,
    normal::KIND,
    lognormal::KIND,
    exponential::KIND,
    zipf::KIND,
    categorical::KIND,
    boolean::KIND,
    constant::KIND,
    time_series::KIND,
    fake::KIND,
    text::KIND,
    template::KIND,
    uuid::KIND,
    inet::KIND,
    bytes::KIND,
    correlated::KIND,
    case::KIND,
];

/// A generator's name in the file, and how its options are read.
pub(crate) struct Kind {
    name: &'static str,
    read: fn(&Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError>,
}

/// What the file asks of a column.
pub(crate) trait Recipe: Debug + Send + Sync {
    /// The columns of the same row that the value depends on. They must stand above.
    fn reads(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The table that must be generated before, if there is one.
    fn parent(&self) -> Option<&str> {
        None
    }

    /// Whether the generator can honour `unique = true`.
    fn can_be_unique(&self) -> bool {
        false
    }

    /// Whether the number of the table's rows follows from this column.
    fn decides_rows(&self) -> bool {
        false
    }

    /// How many rows follow from this column.
    fn rows_decided(&self, _scope: &Scope<'_>) -> Result<u64, Problem> {
        Ok(0)
    }

    /// Makes the generator, or says why these options are impossible for this table.
    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem>;
}

/// Makes the cells of a column. A cell depends on nothing but its [`Cell`].
pub(crate) trait Generator: Debug + Send + Sync {
    fn value(&self, cell: &mut Cell<'_>) -> Value;

    /// The row of the parent that the cell is a key of, for references to another table.
    fn parent(&self, _cell: &mut Cell<'_>) -> Option<Parent> {
        None
    }

    /// The most children that a parent has, where they lie side by side.
    fn most_children(&self) -> Option<u64> {
        None
    }

    /// What the column of this many rows should look like.
    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::unknown("it is made of other values").with_nulls(None)
    }
}

/// Which parent a cell belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent {
    /// The parent's row, counted from 0.
    pub(crate) row: u64,
    /// How many of the parent's children come before, where children lie side by side.
    pub(crate) position: Option<u64>,
}

/// What a generator may know of its surroundings when it is prepared.
pub(crate) struct Scope<'s> {
    /// The table, with the columns that stand above this one.
    pub(crate) table: &'s Table,
    pub(crate) unique: bool,
    /// The column's own seed.
    pub(crate) seed: u64,
    pub(crate) context: &'s Context,
}

impl Scope<'_> {
    /// The share of NULL in a column that stands above, where it is known.
    fn nulls(&self, column: usize) -> Option<f64> {
        self.table.columns[column]
            .expectation(self.table.rows)
            .nulls
    }

    /// The position of a column that stands above.
    fn above(&self, name: &str) -> Result<usize, Problem> {
        self.table.column_index(name).ok_or_else(|| {
            let known = self.table.columns.iter().map(|column| column.name.as_str());
            Problem::unknown("column above this one:", name, known)
        })
    }
}

/// One cell to fill.
pub(crate) struct Cell<'c> {
    /// The row, counted from 0.
    pub(crate) row: u64,
    /// The row's cells that stand before this one; empty for generators that read none.
    pub(crate) above: &'c [Value],
    /// The cell's own randomness.
    pub(crate) random: CellRandom,
}

/// Reads the one generator among these entries of `owner`.
pub(crate) fn read_one(
    owner: &Node<'_>,
    entries: &[Node<'_>],
) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let names = || KINDS.iter().map(|kind| kind.name);
    let mut found = Vec::new();
    for entry in entries {
        let kind = KINDS
            .iter()
            .find(|kind| kind.name == entry.name())
            .ok_or_else(|| entry.error(Problem::unknown("generator", entry.name(), names())))?;
        found.push((kind, entry));
    }
    match found.as_slice() {
        [(kind, entry)] => (kind.read)(entry),
        [] => Err(owner.error(
            Problem::new(format!("`{}` has no generator", owner.name())).with_help(format!(
                "known are: {}",
                names().collect::<Vec<_>>().join(", ")
            )),
        )),
        [(first, _), (second, entry), ..] => Err(entry.error(format!(
            "`{}` has two generators: `{}` and `{}`",
            owner.name(),
            first.name,
            second.name
        ))),
    }
}

/// Reads a table that holds one generator and nothing else. A reference must not be hidden in it:
/// load order and row counts ask the columns themselves.
fn read_nested(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let recipe = read_one(node, &node.entries()?)?;
    match recipe.parent() {
        None => Ok(recipe),
        Some(_) => Err(node.error(
            Problem::new(format!("`{}` cannot hold a reference", node.name()))
                .with_help("make it a column of its own, and read that"),
        )),
    }
}
