//! `{ reference = { table = "users", column = "id", fan_out = { zipf = 0.6 } } }`: a parent's key.
//!
//! Without `fan_out` every parent is as likely as any other. A table that references itself gets
//! an earlier row's key, and NULL in its first row.

use std::sync::Arc;

use rand::RngExt;

use super::fan_out::{FanOut, Parents};
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::rows::{Column, Table};
use crate::skew::{Expectation, Order, Values};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "reference",
    read,
};

#[derive(Debug, Clone)]
struct Reference {
    table: String,
    column: String,
    fan_out: FanOut,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["table", "column", "fan_out"])?;
    let table = fields.required("table")?.text()?.to_owned();
    let column = fields
        .optional("column")
        .map_or(Ok("id"), |column| column.text())?
        .to_owned();
    let fan_out = fields
        .optional("fan_out")
        .map_or(Ok(FanOut::Even), |node| FanOut::read(&node))?;
    Ok(Arc::new(Reference {
        table,
        column,
        fan_out,
    }))
}

impl Reference {
    fn parent_table<'s>(&self, scope: &Scope<'s>) -> Result<&'s Arc<Table>, Problem> {
        let known = || scope.context.parents.keys().map(String::as_str);
        scope
            .context
            .parents
            .get(&self.table)
            .ok_or_else(|| Problem::unknown("parent table", &self.table, known()))
    }
}

impl Recipe for Reference {
    fn parent(&self) -> Option<&str> {
        Some(&self.table)
    }

    fn decides_rows(&self) -> bool {
        self.fan_out.decides_rows()
    }

    fn rows_decided(&self, scope: &Scope<'_>) -> Result<u64, Problem> {
        if self.table == scope.table.name {
            return Err("a table cannot take its number of rows from itself".into());
        }
        Ok(self
            .fan_out
            .parents(self.parent_table(scope)?.rows, scope.seed)
            .children())
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        if self.table == scope.table.name {
            if self.fan_out != FanOut::Even {
                return Err("a table that references itself has no fan-out to choose".into());
            }
            return own(scope, &self.column);
        }
        let parent = self.parent_table(scope)?;
        let Some(column) = parent.column_index(&self.column) else {
            let known = parent.columns.iter().map(|column| column.name.as_str());
            let what = format!("column of `{}`:", self.table);
            return Err(Problem::unknown(&what, &self.column, known));
        };
        if parent.rows == 0 && scope.table.rows > 0 {
            return Err(Problem::new(format!(
                "there is no row of `{}` to reference",
                self.table
            )));
        }
        let parents = self.fan_out.parents(parent.rows, scope.seed);
        Ok(Box::new(ForeignKey {
            table: Arc::clone(parent),
            column,
            parents,
        }))
    }
}

/// The parents whose frequency is looked for.
const HEAVIEST: u64 = 10;

#[derive(Debug)]
struct ForeignKey {
    table: Arc<Table>,
    column: usize,
    parents: Parents,
}

impl Generator for ForeignKey {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let parent = self.parents.choose(cell.row, &mut cell.random);
        self.table.value(self.column, parent)
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let key = self.table.columns[self.column].expectation(self.table.rows);
        if !matches!(key.values, Values::Unique) || key.nulls != Some(0.0) {
            let reason = "the key that it references need not be unique";
            return Expectation::unknown(reason).with_nulls(key.nulls);
        }
        let (values, heaviest) = self.parents.expected(HEAVIEST);
        let order = match (&values, key.order) {
            (Values::Drawn(_), _) => Order::Random,
            (_, order @ (Order::Rising | Order::Falling)) => order,
            _ => Order::Unknown("the order of the parents' keys is not known"),
        };
        let heaviest = heaviest.into_iter();
        Expectation {
            values,
            order,
            common: heaviest
                .map(|(parent, share)| (self.table.value(self.column, parent), share))
                .collect(),
            reference: true,
            ..Expectation::unknown("")
        }
    }
}

/// The reference of a table to itself: its own key must be a column above, one that can be had
/// without the rest of its row.
fn own(scope: &Scope<'_>, column: &str) -> Result<Box<dyn Generator>, Problem> {
    let key = scope.above(column)?;
    match scope.table.columns[key].shared() {
        Some(key) => Ok(Box::new(Earlier { key })),
        None => Err(Problem::new(format!(
            "the key `{column}` must not depend on other columns"
        ))),
    }
}

#[derive(Debug)]
struct Earlier {
    key: Arc<Column>,
}

impl Generator for Earlier {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        match cell.row {
            0 => Value::Null,
            row => self.key.value(cell.random.random_range(0..row), &[]),
        }
    }

    fn expectation(&self, rows: u64) -> Expectation {
        Expectation::unknown("it is an earlier row's key")
            .with_nulls(Some(1.0 / rows.max(1) as f64))
    }
}
