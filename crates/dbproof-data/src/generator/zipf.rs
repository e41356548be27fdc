//! `{ zipf = { low = 1, high = 1000, exponent = 1.1 } }`: few values often, many seldom.
//!
//! `low` is the most frequent value, unless `scattered = true` hands the ranks out by a seeded
//! shuffle of the range.

use std::sync::Arc;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::distribution::Zipf;
use crate::error::Problem;
use crate::permutation::Permutation;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "zipf", read };

#[derive(Debug, Clone)]
struct Ranked {
    low: i64,
    span: u64,
    distribution: Zipf,
    scattered: bool,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["low", "high", "exponent", "scattered"])?;
    let (low, high) = (fields.required("low")?, fields.required("high")?);
    let exponent = fields.required("exponent")?;
    let (least, most) = (low.integer()?, high.integer()?);
    if most < least {
        return Err(high.error("`high` must not be below `low`"));
    }
    let span = most.abs_diff(least).saturating_add(1);
    let distribution =
        Zipf::new(span, exponent.number()?).map_err(|e| exponent.error(e.to_string()))?;
    let scattered = fields
        .optional("scattered")
        .map_or(Ok(false), |node| node.boolean())?;
    Ok(Arc::new(Ranked {
        low: least,
        span,
        distribution,
        scattered,
    }))
}

impl Recipe for Ranked {
    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let shuffle = self
            .scattered
            .then(|| Permutation::new(self.span, scope.seed));
        Ok(Box::new(Drawn {
            low: self.low,
            distribution: self.distribution,
            shuffle,
        }))
    }
}

#[derive(Debug)]
struct Drawn {
    low: i64,
    distribution: Zipf,
    shuffle: Option<Permutation>,
}

impl Generator for Drawn {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let rank = self.distribution.sample(&mut cell.random) - 1;
        let offset = self
            .shuffle
            .as_ref()
            .map_or(rank, |shuffle| shuffle.apply(rank));
        Value::Integer(self.low.wrapping_add_unsigned(offset))
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let frequencies = self.distribution.frequencies();
        let ranks = frequencies.first(20);
        let common = (0..).zip(ranks).map(|(rank, share)| {
            let offset = self
                .shuffle
                .as_ref()
                .map_or(rank, |shuffle| shuffle.apply(rank));
            (
                Value::Integer(self.low.wrapping_add_unsigned(offset)),
                share,
            )
        });
        Expectation::drawn(frequencies, common.collect())
    }
}
