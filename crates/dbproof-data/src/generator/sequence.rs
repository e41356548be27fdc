//! `{ sequence = { start = 1, step = 1, cycle = 4 } }`: numbers in the order of the rows.

use std::sync::Arc;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "sequence",
    read,
};

/// Values of a cycle that are looked for in the server's list of common ones.
const LISTED: u64 = 20;

#[derive(Debug, Clone)]
struct Sequence {
    start: i64,
    step: i64,
    /// After how many rows it begins anew.
    cycle: Option<u64>,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["start", "step", "cycle"])?;
    let start = fields
        .optional("start")
        .map_or(Ok(1), |start| start.integer())?;
    let step = match fields.optional("step") {
        None => 1,
        Some(step) => match step.integer()? {
            0 => return Err(step.error("`step` must not be 0")),
            step => step,
        },
    };
    let cycle = fields
        .optional("cycle")
        .map(|cycle| cycle.count(1))
        .transpose()?;
    Ok(Arc::new(Sequence { start, step, cycle }))
}

impl Recipe for Sequence {
    fn can_be_unique(&self) -> bool {
        self.cycle.is_none()
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let longest = scope
            .table
            .rows
            .min(self.cycle.unwrap_or(u64::MAX))
            .saturating_sub(1);
        let last = i128::from(self.start) + i128::from(self.step) * i128::from(longest);
        match i64::try_from(last) {
            Ok(_) => Ok(Box::new(self.clone())),
            Err(_) => Err(Problem::new(format!(
                "the sequence ends at {last}, beyond 64 bits"
            ))),
        }
    }
}

impl Generator for Sequence {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let position = cell.row % self.cycle.unwrap_or(u64::MAX);
        Value::Integer(
            self.start
                .wrapping_add(self.step.wrapping_mul(position.cast_signed())),
        )
    }

    fn expectation(&self, rows: u64) -> Expectation {
        match self.cycle {
            Some(cycle) if cycle < rows => {
                let common = (0..cycle.min(LISTED)).map(|position| {
                    let ahead = self.step.wrapping_mul(position.cast_signed());
                    (
                        Value::Integer(self.start.wrapping_add(ahead)),
                        1.0 / cycle as f64,
                    )
                });
                Expectation::drawn(Frequencies::Even(cycle), common.collect())
            }
            _ if self.step > 0 => Expectation::unique(Order::Rising),
            _ => Expectation::unique(Order::Falling),
        }
    }
}
