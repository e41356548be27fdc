//! `{ time_series = { start = "2024-01-01", end = "2026-01-01", order = "rising", growth = 1.0 } }`.
//!
//! Timestamps over a span. `order = "rising"` makes them grow with the row number, as a table
//! filled over time has them; `"random"` scatters them. The density of rows grows with t^growth: 0
//! spreads them evenly, 1 lets the last day have twice the average, more skews them to recent. The
//! share of the span that lies before a row at share p of all rows is p^(1 / (growth + 1)), the
//! inverse of the cumulative density.
//!
//! The default span is the two years before 2026-01-01: never "now", or no run could be repeated.

use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::calendar::{MICROS_PER_DAY, days_from_date};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "time_series",
    read,
};

#[derive(Debug, Clone)]
struct Series {
    start: i64,
    end: i64,
    rising: bool,
    growth: f64,
    dates: bool,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["start", "end", "order", "growth", "unit"])?;
    let default = |year| days_from_date(year, 1, 1) * MICROS_PER_DAY;
    let end = fields
        .optional("end")
        .map_or(Ok(default(2026)), |end| end.timestamp())?;
    let start = fields
        .optional("start")
        .map_or(Ok(end - (default(2026) - default(2024))), |start| {
            start.timestamp()
        })?;
    if end <= start {
        return Err(node.error("`end` must be after `start`"));
    }
    let choice = |name: &str, known: [&str; 2]| match fields.optional(name) {
        None => Ok(true),
        Some(node) if node.text()? == known[0] => Ok(true),
        Some(node) if node.text()? == known[1] => Ok(false),
        Some(node) => Err(node.error(Problem::unknown(name, node.text()?, known))),
    };
    Ok(Arc::new(Series {
        start,
        end,
        rising: choice("order", ["rising", "random"])?,
        growth: fields
            .optional("growth")
            .map_or(Ok(0.0), |growth| growth.not_negative())?,
        dates: !choice("unit", ["timestamp", "date"])?,
    }))
}

impl Recipe for Series {
    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        Ok(Box::new(Timeline {
            series: self.clone(),
            rows: scope.table.rows,
        }))
    }
}

#[derive(Debug)]
struct Timeline {
    series: Series,
    rows: u64,
}

impl Generator for Timeline {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share of the span is no longer than the span; days fit 32 bits for TOML's years"
    )]
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let Series {
            start,
            end,
            rising,
            growth,
            dates,
        } = self.series;
        let jitter: f64 = cell.random.random();
        // Each row has a slot of its own and a random place in it: rising, but never in step.
        let share = if rising {
            (cell.row as f64 + jitter) / self.rows.max(1) as f64
        } else {
            jitter
        };
        let elapsed = share.powf((growth + 1.0).recip()) * (end - start) as f64;
        let micros = start + elapsed as i64;
        if dates {
            Value::Date(micros.div_euclid(MICROS_PER_DAY) as i32)
        } else {
            Value::TimestampMicros(micros)
        }
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let reason = "the moments are drawn from a continuous range";
        let order = match (self.series.rising, self.series.dates) {
            (true, _) => Order::Rising,
            (false, false) => Order::Random,
            (false, true) => Order::Unknown("how many rows share a day depends on the growth"),
        };
        Expectation {
            order,
            ..Expectation::unknown(reason)
        }
    }
}
