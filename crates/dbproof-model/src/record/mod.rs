//! The run record, one file a scenario.

pub(crate) mod baselines;
pub(crate) mod deadlock;
pub(crate) mod nplusone;
pub(crate) mod prediction;
pub(crate) mod regress;
pub(crate) mod run;
pub(crate) mod seed;
pub(crate) mod slow;
pub(crate) mod watch;
