//! What a generator's column should look like: [`Expectation`].

use std::collections::BTreeMap;

use super::Frequencies;
use crate::Value;

/// What the cells of a column should look like, as far as that follows from its options.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    pub(crate) values: Values,
    pub(crate) order: Order,
    /// Some of the most common values with their probabilities, the first ones first.
    pub(crate) common: Vec<(Value, f64)>,
    /// Whether the common ones are all that there are.
    pub(crate) complete: bool,
    /// The share of NULL that the generator makes by itself; `None` where that is not known.
    pub(crate) nulls: Option<f64>,
    /// Whether the values are a parent's keys.
    pub(crate) reference: bool,
}

/// How many different values there should be.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    /// As many as rows.
    Unique,
    /// Each row draws one.
    Drawn(Frequencies),
    /// Each parent has its number of children: how many parents there are for each number.
    Counted {
        counts: BTreeMap<u64, u64>,
        children: u64,
    },
    /// Not known, and why.
    Unknown(&'static str),
}

/// In which order the values should lie in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    Falling,
    /// No cell depends on its row.
    Random,
    /// Not known, and why.
    Unknown(&'static str),
}

impl Expectation {
    /// Nothing but that there is no NULL.
    pub(crate) fn unknown(reason: &'static str) -> Self {
        Expectation {
            values: Values::Unknown(reason),
            order: Order::Unknown(reason),
            common: Vec::new(),
            complete: false,
            nulls: Some(0.0),
            reference: false,
        }
    }

    /// Another value in each row.
    pub(crate) fn unique(order: Order) -> Self {
        Expectation {
            values: Values::Unique,
            order,
            ..Self::unknown("")
        }
    }

    /// Values of a continuous distribution, each row its own draw. Rounded ones coincide so often
    /// as their scale decides.
    pub(crate) fn continuous(rounded: bool) -> Self {
        let reason = "the values are drawn from a continuous range";
        let order = if rounded {
            Order::Unknown(reason)
        } else {
            Order::Random
        };
        Expectation {
            order,
            ..Self::unknown(reason)
        }
    }

    /// Draws with these probabilities.
    pub(crate) fn drawn(frequencies: Frequencies, common: Vec<(Value, f64)>) -> Self {
        Expectation {
            complete: common.len() as f64 >= frequencies.values(),
            values: Values::Drawn(frequencies),
            order: Order::Random,
            common,
            ..Self::unknown("")
        }
    }

    pub(crate) fn with_nulls(self, nulls: Option<f64>) -> Self {
        Expectation { nulls, ..self }
    }
}

impl Values {
    /// The correlation of values with their places in the table where no cell depends on its row:
    /// Σp², because ANALYZE keeps equal values in the order of their rows. `None` where unknown.
    pub(super) fn correlation_by_ties(&self) -> Option<f64> {
        match self {
            Values::Drawn(frequencies) => Some(frequencies.sum(|p| p * p)),
            Values::Counted { .. } => None,
            Values::Unique | Values::Unknown(_) => Some(0.0),
        }
    }
}
