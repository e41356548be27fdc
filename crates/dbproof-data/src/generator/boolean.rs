//! `{ boolean = 0.3 }`: true with this probability.

use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
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
}
