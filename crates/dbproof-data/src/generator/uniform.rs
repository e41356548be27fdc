//! `{ uniform = { low = 1, high = 6 } }`: every value alike, both ends included.
//!
//! Whole bounds yield integers; a bound with a point yields floats, or exact decimals with
//! `decimals`. With `unique`, the integers are a seeded shuffle of the range.

use std::sync::Arc;

use rand::RngExt;

use super::bounds::{self, DECIMALS};
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::permutation::Permutation;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "uniform",
    read,
};

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["low", "high", DECIMALS])?;
    let (low, high) = (fields.required("low")?, fields.required("high")?);
    if high.number()? < low.number()? {
        return Err(high.error("`high` must not be below `low`"));
    }
    let decimals = bounds::read_decimals(&fields)?;
    if decimals.is_none() && low.value().is_integer() && high.value().is_integer() {
        Ok(Arc::new(Whole {
            low: low.integer()?,
            high: high.integer()?,
        }))
    } else {
        Ok(Arc::new(Continuous {
            low: low.number()?,
            high: high.number()?,
            decimals,
        }))
    }
}

#[derive(Debug, Clone)]
struct Whole {
    low: i64,
    high: i64,
}

impl Recipe for Whole {
    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        if !scope.unique {
            return Ok(Box::new(self.clone()));
        }
        let span = self.high.abs_diff(self.low).saturating_add(1);
        if span < scope.table.rows {
            return Err(Problem::new(format!(
                "{} rows cannot have unique values out of {span}",
                scope.table.rows
            )));
        }
        Ok(Box::new(Shuffled {
            low: self.low,
            permutation: Permutation::new(span, scope.seed),
        }))
    }
}

impl Generator for Whole {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        Value::Integer(cell.random.random_range(self.low..=self.high))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let values = self.high.abs_diff(self.low).saturating_add(1);
        let share = 1.0 / values as f64;
        let listed = (self.low..=self.high).take(20);
        let common = listed.map(|value| (Value::Integer(value), share));
        Expectation::drawn(Frequencies::Even(values), common.collect())
    }
}

#[derive(Debug)]
struct Shuffled {
    low: i64,
    permutation: Permutation,
}

impl Generator for Shuffled {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        Value::Integer(
            self.low
                .wrapping_add_unsigned(self.permutation.apply(cell.row)),
        )
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::unique(Order::Random)
    }
}

#[derive(Debug, Clone)]
struct Continuous {
    low: f64,
    high: f64,
    decimals: Option<u8>,
}

impl Recipe for Continuous {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Continuous {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let share: f64 = cell.random.random();
        bounds::rounded(self.low * (1.0 - share) + self.high * share, self.decimals)
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::continuous(self.decimals.is_some())
    }
}
