//! What a report says, one scenario a file, before anyone draws it.

pub(crate) mod baselines;
pub(crate) mod deadlock;
pub(crate) mod findings;
pub(crate) mod history;
pub(crate) mod migration;
pub(crate) mod nplusone;
pub(crate) mod regress;
pub(crate) mod slow;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod watch;

use dbproof_model::RunRecord;

use crate::document::Section;

/// The sections of the scenarios that ran, in the order in which they are reported.
pub(crate) fn scenarios(record: &RunRecord) -> Vec<Section> {
    let scenarios = &record.scenarios;
    [
        scenarios.watch.as_ref().map(watch::section),
        scenarios.slow.as_ref().map(slow::section),
        scenarios.regress.as_ref().map(regress::section),
        scenarios.nplusone.as_ref().map(nplusone::section),
        scenarios.deadlock.as_ref().map(deadlock::section),
    ]
    .into_iter()
    .flatten()
    .collect()
}
