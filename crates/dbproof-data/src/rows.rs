//! From a table's specification to its rows: [`generate`] and [`Rows`].

use std::ops::Range;
use std::sync::Arc;

use rand::RngExt;

use crate::generator::{Cell, Generator, Parent, Scope};
use crate::random::{CellRandom, derive};
use crate::skew::Expectation;
use crate::specification::{ColumnSpecification, Size};
use crate::{Context, SpecificationError, TableSpecification, Value};

/// Prepares the rows of a table. Its parents must have been added to the context
/// ([`Context::add_parent`]) unless it references nothing but itself.
///
/// Nothing is generated before the iterator is asked.
pub fn generate(
    specification: &TableSpecification,
    context: &Context,
) -> Result<Rows, SpecificationError> {
    if !(context.scale.is_finite() && context.scale > 0.0) {
        let message = format!("the scale must be above 0, not {}", context.scale);
        return Err(specification.place.error(message));
    }
    let table_seed = derive(context.seed, &specification.name);
    let rows = row_count(specification, context, table_seed)?;
    let mut table = Table {
        name: specification.name.clone(),
        rows,
        columns: Vec::new(),
    };
    for column in &specification.columns {
        let scope = scope(&table, column, context, table_seed);
        let generator = column
            .recipe
            .prepare(&scope)
            .map_err(|problem| column.place.error(problem))?;
        let seed = scope.seed;
        table.columns.push(Arc::new(Column {
            name: column.name.clone(),
            seed,
            null_rate: column.null_rate,
            stands_alone: column.recipe.reads().is_empty(),
            generator,
        }));
    }
    Ok(Rows {
        range: 0..rows,
        table: Arc::new(table),
        kept: None,
    })
}

fn scope<'s>(
    table: &'s Table,
    column: &'s ColumnSpecification,
    context: &'s Context,
    table_seed: u64,
) -> Scope<'s> {
    Scope {
        table,
        unique: column.unique,
        seed: derive(table_seed, &column.name),
        context,
    }
}

fn row_count(
    specification: &TableSpecification,
    context: &Context,
    seed: u64,
) -> Result<u64, SpecificationError> {
    match specification.size {
        Size::Fixed(rows) => Ok(rows),
        Size::Scaled(rows) => Ok(scaled(rows, context.scale)),
        Size::FanOut(index) => {
            let column = &specification.columns[index];
            let table = Table {
                name: specification.name.clone(),
                rows: 0,
                columns: Vec::new(),
            };
            let scope = scope(&table, column, context, seed);
            column
                .recipe
                .rows_decided(&scope)
                .map_err(|problem| column.place.error(problem))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both factors are positive, and `as` saturates"
)]
fn scaled(rows: u64, scale: f64) -> u64 {
    match rows {
        0 => 0,
        // A table that is meant to have rows keeps one at the smallest scale: children need it.
        rows => ((rows as f64 * scale).round() as u64).max(1),
    }
}

/// The rows of a table, or of a part of it, in order.
///
/// Cheap to clone, and may be shared between threads: [`Rows::rows`] cuts out any part.
#[derive(Debug, Clone)]
pub struct Rows {
    table: Arc<Table>,
    range: Range<u64>,
    /// The columns that are handed out, where these are not all.
    kept: Option<Arc<[usize]>>,
}

impl Rows {
    /// The table's name.
    #[must_use]
    pub fn table_name(&self) -> &str {
        &self.table.name
    }

    /// The columns, in the order of the values.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        let all = self.table.columns.iter().map(|column| column.name.as_str());
        match &self.kept {
            Some(kept) => kept
                .iter()
                .map(|at| self.table.columns[*at].name.as_str())
                .collect(),
            None => all.collect(),
        }
    }

    /// The same rows with only those of their columns whose name is to be kept. Their values stay what
    /// they are.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Rows {
        let all = self.table.columns.iter().enumerate();
        let kept = all.filter(|(_, column)| keep(&column.name));
        Rows {
            kept: Some(kept.map(|(at, _)| at).collect()),
            ..self.clone()
        }
    }

    /// How many rows the whole table has, whatever part of it this is.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.table.rows
    }

    /// The rows of this range of the whole table, counted from 0 and cut off at its end: the same
    /// rows that an iteration over the whole table yields there.
    #[must_use]
    pub fn rows(&self, range: Range<u64>) -> Rows {
        let end = range.end.min(self.table.rows);
        Rows {
            table: Arc::clone(&self.table),
            range: range.start.min(end)..end,
            kept: self.kept.clone(),
        }
    }

    /// Each column's name, null rate, and what it should look like besides.
    pub(crate) fn expectations(&self) -> impl Iterator<Item = (&str, f64, Expectation)> {
        let rows = self.table.rows;
        self.table.columns.iter().map(move |column| {
            let expectation = column.generator.expectation(rows);
            (column.name.as_str(), column.null_rate, expectation)
        })
    }

    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The values of a row that are handed out.
    fn handed_out(&self, mut row: Vec<Value>) -> Vec<Value> {
        match &self.kept {
            Some(kept) => kept
                .iter()
                .map(|at| std::mem::replace(&mut row[*at], Value::Null))
                .collect(),
            None => row,
        }
    }
}

impl Iterator for Rows {
    type Item = Vec<Value>;

    fn next(&mut self) -> Option<Vec<Value>> {
        let row = self.range.next()?;
        Some(self.handed_out(self.table.row(row)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<Vec<Value>> {
        let row = self.range.nth(n)?;
        Some(self.handed_out(self.table.row(row)))
    }
}

/// A table that is ready to generate any of its rows.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) columns: Vec<Arc<Column>>,
}

/// A column that is ready to generate any of its cells.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    seed: u64,
    null_rate: f64,
    /// Whether the cell can be had without the row's other cells.
    stands_alone: bool,
    generator: Box<dyn Generator>,
}

impl Table {
    fn row(&self, row: u64) -> Vec<Value> {
        self.prefix(row, self.columns.len())
    }

    /// The first `length` cells of a row.
    fn prefix(&self, row: u64, length: usize) -> Vec<Value> {
        let mut values = Vec::with_capacity(length);
        for column in &self.columns[..length] {
            let value = column.value(row, &values);
            values.push(value);
        }
        values
    }

    /// One cell.
    pub(crate) fn value(&self, column: usize, row: u64) -> Value {
        match &self.columns[column] {
            alone if alone.stands_alone => alone.value(row, &[]),
            dependent => dependent.value(row, &self.prefix(row, column)),
        }
    }

    pub(crate) fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Column {
    /// The column for use beyond its table, where its cells can be had alone.
    pub(crate) fn shared(self: &Arc<Self>) -> Option<Arc<Self>> {
        self.stands_alone.then(|| Arc::clone(self))
    }

    /// The parent of this row, for a reference to another table; `None` where it is NULL.
    pub(crate) fn parent(&self, row: u64) -> Option<Parent> {
        let mut random = CellRandom::new(self.seed, row);
        if self.null_rate > 0.0 && random.random::<f64>() < self.null_rate {
            return None;
        }
        let above = &[];
        self.generator.parent(&mut Cell { row, above, random })
    }

    pub(crate) fn may_be_null(&self) -> bool {
        self.null_rate > 0.0
    }

    /// The most children that a parent has, where they lie side by side.
    pub(crate) fn most_children(&self) -> Option<u64> {
        self.generator.most_children()
    }

    /// What the column should look like, as others see it.
    pub(crate) fn expectation(&self, rows: u64) -> Expectation {
        let inner = self.generator.expectation(rows);
        let nulls = inner
            .nulls
            .map(|own| self.null_rate + (1.0 - self.null_rate) * own);
        inner.with_nulls(nulls)
    }

    pub(crate) fn value(&self, row: u64, above: &[Value]) -> Value {
        let mut random = CellRandom::new(self.seed, row);
        if self.null_rate > 0.0 && random.random::<f64>() < self.null_rate {
            return Value::Null;
        }
        self.generator.value(&mut Cell { row, above, random })
    }
}
