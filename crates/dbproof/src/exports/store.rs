//! The results store.

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_postgres::Address;
use dbproof_postgres::store::{self, Keep, PATIENCE, RunOutcome};

use crate::commands::runner::until_interrupted;
use crate::exit::Outcome;

/// Stores a run, and removes what is older than what is kept.
pub(super) fn store(
    address: &Address,
    record: &RunRecord,
    keep: Option<Keep>,
) -> anyhow::Result<Outcome> {
    let export = until_interrupted(store::export(address, record, keep, PATIENCE))
        .with_context(|| format!("failed to export to the results store in {address}"))?;
    let Some(export) = export else {
        return Ok(Outcome::Interrupted);
    };
    let run = &record.run_id;
    match (export.run, keep) {
        (RunOutcome::Stored, _) => anstream::eprintln!("run {run} stored in {address}"),
        (RunOutcome::AlreadyThere, _) => {
            anstream::eprintln!("run {run} was in {address} already");
        }
        (RunOutcome::TooOld, Some(keep)) => anstream::eprintln!(
            "warning: run {run} is not stored in {address}: it began more than {keep} ago"
        ),
        (RunOutcome::TooOld, None) => unreachable!("without a limit, nothing is too old"),
    }
    if let Some(keep) = keep.filter(|_| export.removed > 0) {
        let plural = if export.removed == 1 { "" } else { "s" };
        anstream::eprintln!(
            "removed {} run{plural} older than {keep} from {address}",
            export.removed
        );
    }
    Ok(Outcome::Pass)
}
