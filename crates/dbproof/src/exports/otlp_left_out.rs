//! In the place of `otlp`, where dbproof is built without it.

use dbproof_model::RunRecord;
use dbproof_scenarios::project::config::Endpoint;

use crate::exit::{Outcome, UsageError};

/// Nothing can be sent.
pub(super) fn check(_: Option<&Endpoint>) -> Result<(), UsageError> {
    Err(UsageError(
        "this dbproof was built without OpenTelemetry; install one with it: `cargo install --locked \
         --git https://github.com/dbproof/dbproof dbproof --features otlp`, or the archive of a release"
            .to_owned(),
    ))
}

pub(super) fn send(endpoint: Option<&Endpoint>, _: &RunRecord) -> anyhow::Result<Outcome> {
    check(endpoint)?;
    Ok(Outcome::Pass)
}
