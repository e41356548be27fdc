//! `{ boolean = 0.3 }`: true with this probability.

use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "boolean",
    read,
};

#[derive(Debug, Clone)]
struct Coin(f64);

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    Ok(Arc::new(Coin(node.probability()?)))
}

impl Recipe for Coin {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Coin {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        Value::Bool(cell.random.random::<f64>() < self.0)
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let mut common = vec![
            (Value::Bool(true), self.0),
            (Value::Bool(false), 1.0 - self.0),
        ];
        common.sort_by(|a, b| b.1.total_cmp(&a.1));
        Expectation::drawn(Frequencies::Listed([self.0, 1.0 - self.0].into()), common)
    }
}
