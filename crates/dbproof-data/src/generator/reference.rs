//! `{ reference = { table = "users", column = "id", fan_out = { zipf = 0.6 } } }`: a parent's key.
//!
//! `along = "order_id"` takes the key of the same parent row as the reference `order_id` above does,
//! for keys of several columns. `within = "order_id"` takes parents that no other child of the same
//! `order_id` has, for pairs that must be unique; `order_id` needs a counted fan-out.
//!
//! Without `fan_out` every parent is as likely as any other. A table that references itself gets
//! an earlier row's key, and NULL in its first row.

use std::sync::Arc;

use rand::RngExt;

use super::fan_out::{FanOut, Parents};
use super::{Cell, Generator, Kind, Parent, Recipe, Scope};
use crate::error::Problem;
use crate::random::CellRandom;
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
    /// The reference above whose parent row is taken.
    along: Option<String>,
    /// The reference above whose children each take another parent.
    within: Option<String>,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["table", "column", "fan_out", "along", "within"])?;
    let table = fields.required("table")?.text()?.to_owned();
    let column = fields
        .optional("column")
        .map_or(Ok("id"), |column| column.text())?
        .to_owned();
    let fan_out = fields
        .optional("fan_out")
        .map_or(Ok(FanOut::Even), |node| FanOut::read(&node))?;
    let above = |name| {
        let node = fields.optional(name);
        node.map(|node| Ok(node.text()?.to_owned())).transpose()
    };
    let (along, within) = (above("along")?, above("within")?);
    let chosen = [
        fields.optional("fan_out"),
        fields.optional("along"),
        fields.optional("within"),
    ];
    if chosen.iter().flatten().count() > 1 {
        return Err(node.error("a reference has one of `fan_out`, `along` and `within`"));
    }
    Ok(Arc::new(Reference {
        table,
        column,
        fan_out,
        along,
        within,
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
    fn reads(&self) -> Vec<&str> {
        let above = self.along.iter().chain(&self.within);
        above.map(String::as_str).collect()
    }

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
        if let Some(name) = &self.along {
            return self.along(name, column, scope);
        }
        if let Some(name) = &self.within {
            return self.within(name, column, scope);
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
    fn parent(&self, cell: &mut Cell<'_>) -> Option<Parent> {
        Some(self.parents.locate(cell.row, &mut cell.random))
    }

    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let parent = self.parents.choose(cell.row, &mut cell.random);
        self.table.value(self.column, parent)
    }

    fn most_children(&self) -> Option<u64> {
        self.parents.most_children()
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

/// The key of the parent row that another reference has chosen.
#[derive(Debug)]
struct Along {
    table: Arc<Table>,
    column: usize,
    first: Arc<Column>,
}

impl Generator for Along {
    fn parent(&self, cell: &mut Cell<'_>) -> Option<Parent> {
        self.first.parent(cell.row)
    }

    fn value(&self, cell: &mut Cell<'_>) -> Value {
        match self.first.parent(cell.row) {
            Some(parent) => self.table.value(self.column, parent.row),
            None => Value::Null,
        }
    }
}

/// Another parent for each child of another reference's parent: they go round from a random start.
#[derive(Debug)]
struct Within {
    table: Arc<Table>,
    column: usize,
    first: Arc<Column>,
    seed: u64,
}

impl Generator for Within {
    fn parent(&self, cell: &mut Cell<'_>) -> Option<Parent> {
        let first = self.first.parent(cell.row)?;
        let start = CellRandom::new(self.seed, first.row).random_range(0..self.table.rows);
        Some(Parent {
            row: (start + first.position?) % self.table.rows,
            position: None,
        })
    }

    fn value(&self, cell: &mut Cell<'_>) -> Value {
        match self.parent(cell) {
            Some(parent) => self.table.value(self.column, parent.row),
            None => Value::Null,
        }
    }
}

impl Reference {
    fn along(
        &self,
        name: &str,
        column: usize,
        scope: &Scope<'_>,
    ) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(Along {
            table: Arc::clone(self.parent_table(scope)?),
            column,
            first: Arc::clone(reference_above(name, scope)?),
        }))
    }

    fn within(
        &self,
        name: &str,
        column: usize,
        scope: &Scope<'_>,
    ) -> Result<Box<dyn Generator>, Problem> {
        let table = Arc::clone(self.parent_table(scope)?);
        let first = reference_above(name, scope)?;
        let Some(most) = first.most_children() else {
            let problem = format!("the children of `{name}` do not lie side by side");
            return Err(Problem::new(problem)
                .with_help("give it a `fan_out` of `constant`, `uniform` or `poisson`"));
        };
        if most > table.rows {
            return Err(Problem::new(format!(
                "{most} children of one `{name}` cannot each have another of {} rows of `{}`",
                table.rows, self.table
            )));
        }
        Ok(Box::new(Within {
            table,
            column,
            first: Arc::clone(first),
            seed: scope.seed,
        }))
    }
}

/// The reference above that has this name.
fn reference_above<'s>(name: &str, scope: &Scope<'s>) -> Result<&'s Arc<Column>, Problem> {
    let column = &scope.table.columns[scope.above(name)?];
    if column.parent(0).is_none() && scope.table.rows > 0 && !column.may_be_null() {
        return Err(Problem::new(format!(
            "`{name}` is no reference to another table"
        )));
    }
    Ok(column)
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
