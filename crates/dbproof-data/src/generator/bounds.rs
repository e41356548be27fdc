//! What all continuous distributions have in common: `min`, `max` and `decimals`.

use crate::reader::Fields;
use crate::{SpecificationError, Value};

/// The options' names, to be listed among a generator's own.
pub(super) const MIN: &str = "min";
pub(super) const MAX: &str = "max";
pub(super) const DECIMALS: &str = "decimals";

/// How often a value out of bounds is drawn anew before it is put on the bound.
const ATTEMPTS: u32 = 64;

/// Bounds and precision of a continuous distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    min: f64,
    max: f64,
    decimals: Option<u8>,
}

impl Bounds {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, SpecificationError> {
        let min = fields
            .optional(MIN)
            .map_or(Ok(f64::NEG_INFINITY), |min| min.number())?;
        let max = fields
            .optional(MAX)
            .map_or(Ok(f64::INFINITY), |max| max.number())?;
        match fields.optional(MAX) {
            Some(node) if max < min => Err(node.error("`max` must not be below `min`")),
            _ => Ok(Bounds {
                min,
                max,
                decimals: read_decimals(fields)?,
            }),
        }
    }

    /// Draws until a value is in bounds: the distribution is truncated, without a heap of values
    /// on its bounds.
    pub(super) fn draw(&self, mut sample: impl FnMut() -> f64) -> Value {
        let inside = (0..ATTEMPTS)
            .map(|_| sample())
            .find(|x| (self.min..=self.max).contains(x));
        rounded(
            inside.unwrap_or_else(|| sample().clamp(self.min, self.max)),
            self.decimals,
        )
    }

    /// Whether values are rounded.
    pub(super) fn round(&self) -> bool {
        self.decimals.is_some()
    }

    /// Puts a value into bounds.
    pub(super) fn clamp(&self, value: f64) -> Value {
        rounded(value.clamp(self.min, self.max), self.decimals)
    }
}

/// Reads `decimals`: absent for floating point, 0 for integers, else an exact decimal.
pub(super) fn read_decimals(fields: &Fields<'_>) -> Result<Option<u8>, SpecificationError> {
    let Some(node) = fields.optional(DECIMALS) else {
        return Ok(None);
    };
    match u8::try_from(node.integer()?) {
        Ok(decimals) if decimals <= 15 => Ok(Some(decimals)),
        _ => Err(node.error("`decimals` must be between 0 and 15")),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the float is rounded before, and `as` saturates at what 64 bits can hold"
)]
pub(super) fn rounded(value: f64, decimals: Option<u8>) -> Value {
    match decimals {
        None => Value::Float(value),
        Some(0) => Value::Integer(value.round() as i64),
        Some(scale) => Value::Numeric {
            unscaled: (value * 10_f64.powi(i32::from(scale))).round() as i64,
            scale,
        },
    }
}
