//! `{ exponential = { mean = 3600, min = 1, decimals = 0 } }`: waiting times.

use std::sync::Arc;

use rand_distr::{Distribution, Exp};

use super::bounds::{Bounds, DECIMALS, MAX, MIN};
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "exponential",
    read,
};

#[derive(Debug, Clone)]
struct Waiting {
    distribution: Exp<f64>,
    bounds: Bounds,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["mean", MIN, MAX, DECIMALS])?;
    let mean = fields.required("mean")?.positive()?;
    let distribution = Exp::new(mean.recip()).map_err(|e| node.error(e.to_string()))?;
    Ok(Arc::new(Waiting {
        distribution,
        bounds: Bounds::read(&fields)?,
    }))
}

impl Recipe for Waiting {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Waiting {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        self.bounds
            .draw(|| self.distribution.sample(&mut cell.random))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::continuous(self.bounds.round())
    }
}
