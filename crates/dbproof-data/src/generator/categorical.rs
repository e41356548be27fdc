//! `{ categorical = { paid = 6, shipped = 3, cancelled = 1 } }`: some values, each with a weight.
//!
//! Values that are no text are written `{ categorical = [{ value = 7, weight = 2 }, …] }`.

use std::sync::Arc;

use rand::RngExt;
use toml::de::DeValue;

use super::constant::literal;
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "categorical",
    read,
};

#[derive(Debug, Clone)]
struct Choice {
    values: Vec<Value>,
    /// The sum of the weights up to and including each value's.
    cumulative: Vec<f64>,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let mut choice = Choice {
        values: Vec::new(),
        cumulative: Vec::new(),
    };
    let mut whole = 0.0;
    for (value, weight) in weighted(node)? {
        whole += weight;
        choice.values.push(value);
        choice.cumulative.push(whole);
    }
    if whole > 0.0 && whole.is_finite() {
        Ok(Arc::new(choice))
    } else {
        Err(node.error("`categorical` needs at least one value with a weight above 0"))
    }
}

fn weighted(node: &Node<'_>) -> Result<Vec<(Value, f64)>, SpecificationError> {
    let DeValue::Array(_) = node.value() else {
        let entries = node.entries()?.into_iter();
        return entries
            .map(|entry| Ok((Value::Text(entry.name().to_owned()), entry.not_negative()?)))
            .collect();
    };
    let mut values = Vec::new();
    for element in node.array()? {
        let fields = element.fields(&["value", "weight"])?;
        let weight = fields
            .optional("weight")
            .map_or(Ok(1.0), |weight| weight.not_negative())?;
        values.push((literal(&fields.required("value")?)?, weight));
    }
    Ok(values)
}

impl Recipe for Choice {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Choice {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let whole = self.cumulative.last().copied().unwrap_or(0.0);
        let drawn = cell.random.random::<f64>() * whole;
        let chosen = self.cumulative.partition_point(|sum| *sum <= drawn);
        // Rounding may put the draw on the very end.
        self.values[chosen.min(self.values.len() - 1)].clone()
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let whole = self.cumulative.last().copied().unwrap_or(1.0);
        let before = std::iter::once(&0.0).chain(&self.cumulative);
        let shares = self
            .cumulative
            .iter()
            .zip(before)
            .map(|(sum, before)| (sum - before) / whole);
        let mut common: Vec<_> = self.values.iter().cloned().zip(shares).collect();
        common.sort_by(|a, b| b.1.total_cmp(&a.1));
        let shares = common.iter().map(|(_, share)| *share).collect();
        Expectation::drawn(Frequencies::Listed(shares), common)
    }
}
