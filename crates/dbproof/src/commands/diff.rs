//! `dbproof diff BASE HEAD`: what changed between two run records.

use dbproof_model::Severity;
use dbproof_report::delta;

use crate::arguments::{DiffArguments, FailOn};
use crate::commands::record;
use crate::exit::Outcome;
use crate::output::Outputs;

pub(crate) fn run(arguments: &DiffArguments) -> anyhow::Result<Outcome> {
    let base = record::read(&arguments.base)?;
    let head = record::read(&arguments.head)?;
    let delta = delta::compare(&base, &head);
    let outputs = Outputs::open(
        &arguments.formats,
        arguments.output.as_deref(),
        arguments.color,
    )?;
    outputs.write(&delta)?;
    let from = match arguments.fail_on {
        FailOn::Never => return Ok(Outcome::Pass),
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
    };
    Ok(match (delta.has_new(from), delta.has_undecided()) {
        (true, _) => Outcome::Fail,
        (false, true) => Outcome::Inconclusive,
        (false, false) => Outcome::Pass,
    })
}
