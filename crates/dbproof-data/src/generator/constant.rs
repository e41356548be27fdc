//! `{ constant = "EUR" }`: the same text, number or truth value in every row.

use std::sync::Arc;

use toml::de::DeValue;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "constant",
    read,
};

#[derive(Debug, Clone)]
struct Constant(Value);

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    Ok(Arc::new(Constant(literal(node)?)))
}

/// A value written out in the file.
pub(super) fn literal(node: &Node<'_>) -> Result<Value, SpecificationError> {
    match node.value() {
        DeValue::String(text) => Ok(Value::Text(text.clone().into_owned())),
        DeValue::Integer(_) => Ok(Value::Integer(node.integer()?)),
        DeValue::Float(_) => Ok(Value::Float(node.number()?)),
        DeValue::Boolean(value) => Ok(Value::Bool(*value)),
        DeValue::Datetime(_) => Ok(Value::TimestampMicros(node.timestamp()?)),
        DeValue::Array(_) | DeValue::Table(_) => {
            Err(node.error("a constant must be a string, a number, a boolean or a date"))
        }
    }
}

impl Recipe for Constant {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Constant {
    fn value(&self, _cell: &mut Cell<'_>) -> Value {
        self.0.clone()
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::drawn(Frequencies::Even(1), vec![(self.0.clone(), 1.0)])
    }
}
