//! Metrics before they are written in any format: [`Family`].

use std::borrow::Cow;

/// The labels of a sample: names of ours, values from the record.
pub type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// A gauge: the values of one run, which go up and down.
#[derive(Debug, Clone, PartialEq)]
pub struct Family<'a> {
    /// As Prometheus names metrics: `dbproof_…`, with the unit last (`_seconds`, `_bytes`).
    pub name: &'static str,
    /// What it tells, a sentence.
    pub help: &'static str,
    /// Finite values, each with labels of its own; at least one.
    pub samples: Vec<(Labels<'a>, f64)>,
}

/// Families in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition<'a> {
    families: Vec<Family<'a>>,
}

impl<'a> Exposition<'a> {
    /// Adds a family. A family without samples is left out, and so are samples without a value and
    /// those whose labels an earlier one has: a collector refuses a whole file for a single pair. An
    /// empty label means the same as none.
    pub(super) fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels<'a>, Option<f64>)>,
    ) {
        let mut kept: Vec<(Labels<'a>, f64)> = Vec::new();
        for (mut labels, value) in samples {
            labels.retain(|(_, value)| !value.is_empty());
            let Some(value) = value.filter(|value| value.is_finite()) else {
                continue;
            };
            if !kept.iter().any(|(earlier, _)| *earlier == labels) {
                kept.push((labels, value));
            }
        }
        if !kept.is_empty() {
            let samples = kept;
            self.families.push(Family {
                name,
                help,
                samples,
            });
        }
    }

    pub(super) fn into_families(self) -> Vec<Family<'a>> {
        self.families
    }
}
