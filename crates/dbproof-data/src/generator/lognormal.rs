//! `{ lognormal = { median = 40, sigma = 0.8, decimals = 2 } }`: prices, sizes, durations.
//!
//! Given by its median, e^μ, because that is what one knows of such data; `sigma` is the deviation
//! of the logarithm.

use std::sync::Arc;

use rand_distr::{Distribution, LogNormal};

use super::bounds::{Bounds, DECIMALS, MAX, MIN};
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "lognormal",
    read,
};

#[derive(Debug, Clone)]
struct Skewed {
    distribution: LogNormal<f64>,
    bounds: Bounds,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["median", "sigma", MIN, MAX, DECIMALS])?;
    let median = fields.required("median")?.positive()?;
    let sigma = fields.required("sigma")?.not_negative()?;
    let distribution = LogNormal::new(median.ln(), sigma).map_err(|e| node.error(e.to_string()))?;
    Ok(Arc::new(Skewed {
        distribution,
        bounds: Bounds::read(&fields)?,
    }))
}

impl Recipe for Skewed {
    fn prepare(&self, _scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(self.clone()))
    }
}

impl Generator for Skewed {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        self.bounds
            .draw(|| self.distribution.sample(&mut cell.random))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        Expectation::continuous(self.bounds.round())
    }
}
