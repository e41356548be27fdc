//! `{ correlated = { with = "quantity", factor = 2.5, plus = { normal = { … } } } }`: a value that
//! follows another column of the row.
//!
//! The value is factor × the other + plus, where `plus` is a number or a generator of its own:
//! the noise. With a timestamp the factor must be 1 and `plus` is in seconds; with a date, in days.
//! NULL stays NULL.

use std::sync::Arc;

use toml::de::DeValue;

use super::bounds::{Bounds, DECIMALS, MAX, MIN};
use super::{Cell, Generator, Kind, Recipe, Scope, read_nested};
use crate::calendar::MICROS_PER_SECOND;
use crate::error::Problem;
use crate::reader::Node;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "correlated",
    read,
};

#[derive(Debug)]
struct Correlated {
    with: String,
    factor: f64,
    plus: Plus<Arc<dyn Recipe>>,
    bounds: Bounds,
}

#[derive(Debug)]
enum Plus<G> {
    Fixed(f64),
    Drawn(G),
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["with", "factor", "plus", MIN, MAX, DECIMALS])?;
    let with = fields.required("with")?.text()?.to_owned();
    let factor = fields
        .optional("factor")
        .map_or(Ok(1.0), |factor| factor.number())?;
    let plus = match fields.optional("plus") {
        None => Plus::Fixed(0.0),
        Some(plus) => match plus.value() {
            DeValue::Table(_) => Plus::Drawn(read_nested(&plus)?),
            _ => Plus::Fixed(plus.number()?),
        },
    };
    Ok(Arc::new(Correlated {
        with,
        factor,
        plus,
        bounds: Bounds::read(&fields)?,
    }))
}

impl Recipe for Correlated {
    fn reads(&self) -> Vec<&str> {
        let mut columns = vec![self.with.as_str()];
        if let Plus::Drawn(recipe) = &self.plus {
            columns.extend(recipe.reads());
        }
        columns
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let plus = match &self.plus {
            Plus::Fixed(number) => Plus::Fixed(*number),
            Plus::Drawn(recipe) => Plus::Drawn(recipe.prepare(scope)?),
        };
        let with = scope.above(&self.with)?;
        Ok(Box::new(Following {
            with,
            factor: self.factor,
            plus,
            bounds: self.bounds,
        }))
    }
}

#[derive(Debug)]
struct Following {
    with: usize,
    factor: f64,
    plus: Plus<Box<dyn Generator>>,
    bounds: Bounds,
}

impl Generator for Following {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and a moment that far away is out of the server's range anyway"
    )]
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let plus = match &self.plus {
            Plus::Fixed(number) => Some(*number),
            Plus::Drawn(generator) => generator.value(cell).as_number(),
        };
        match (&cell.above[self.with], plus) {
            (Value::TimestampMicros(micros), Some(seconds)) => {
                let later = (seconds * MICROS_PER_SECOND as f64) as i64;
                Value::TimestampMicros(micros.saturating_add(later))
            }
            (Value::Date(days), Some(more)) => Value::Date(days.saturating_add(more as i32)),
            (value, Some(plus)) => match value.as_number() {
                Some(number) => self.bounds.clamp(self.factor * number + plus),
                None => Value::Null,
            },
            (_, None) => Value::Null,
        }
    }
}
