//! `{ uuid = {} }`: random UUIDs, version 4. With `unique`, the row decides a part of each.

use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::permutation::Permutation;
use crate::reader::Node;
use crate::skew::{Expectation, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "uuid", read };

/// The last group of a UUID has 12 digits.
const LAST_GROUP: u64 = 1 << 48;

#[derive(Debug)]
struct Uuid;

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    node.fields(&[])?;
    Ok(Arc::new(Uuid))
}

impl Recipe for Uuid {
    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let unique = scope.unique;
        Ok(Box::new(Random {
            last_group: unique.then(|| Permutation::new(LAST_GROUP, scope.seed)),
        }))
    }
}

#[derive(Debug)]
struct Random {
    /// Which number the last group of a row is, where no two rows may share it.
    last_group: Option<Permutation>,
}

impl Generator for Random {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let (high, low): (u64, u64) = (cell.random.random(), cell.random.random());
        let last = match &self.last_group {
            Some(permutation) => permutation.apply(cell.row % LAST_GROUP),
            None => low % LAST_GROUP,
        };
        Value::Text(format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{last:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 50),
        ))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::unique(Order::Random)
    }
}
