//! `dbproof report RECORD`: draws a stored run record again.

use crate::arguments::ReportArguments;
use crate::commands::record;
use crate::exit::Outcome;
use crate::output::Outputs;

pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<Outcome> {
    let record = record::read(&arguments.record)?;
    Outputs::open(&arguments.output)?.write(&record)?;
    Ok(Outcome::Pass)
}
