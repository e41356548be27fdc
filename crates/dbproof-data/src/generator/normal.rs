//! `{ normal = { mean = 170, deviation = 10, min = 100, decimals = 1 } }`.

use std::sync::Arc;

use rand_distr::{Distribution, Normal};

use super::bounds::{Bounds, DECIMALS, MAX, MIN};
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "normal",
    read,
};

#[derive(Debug, Clone)]
struct Bell {
    distribution: Normal<f64>,
    bounds: Bounds,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["mean", "deviation", MIN, MAX, DECIMALS])?;
    let mean = fields.required("mean")?.number()?;
    let deviation = fields.required("deviation")?.not_negative()?;
    let distribution = Normal::new(mean, deviation).map_err(|e| node.error(e.to_string()))?;
    Ok(Arc::new(Bell {
        distribution,
        bounds: Bounds::read(&fields)?,
    }))
}

impl Recipe for Bell {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Bell {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        self.bounds
            .draw(|| self.distribution.sample(&mut cell.random))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::continuous(self.bounds.round())
    }
}
