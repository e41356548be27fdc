//! `dbproof diff BASE HEAD`: what changed between two run records.

use dbproof_report::delta;

use crate::arguments::{DiffArguments, FailOn, Format};
use crate::commands::record;
use crate::exit::{Outcome, UsageError};
use crate::output::{Outputs, style};

pub(crate) fn run(arguments: &DiffArguments) -> anyhow::Result<Outcome> {
    let undrawn = |format: Format| !matches!(format, Format::Terminal | Format::Markdown);
    if arguments
        .formats
        .iter()
        .any(|target| undrawn(target.format))
    {
        let message = "a difference is drawn as terminal or markdown";
        return Err(UsageError(message.to_owned()).into());
    }
    let base = record::read(&arguments.base)?;
    let head = record::read(&arguments.head)?;
    let delta = delta::compare(&base, &head);
    let outputs = Outputs::open_targets(&arguments.formats, None, arguments.color)?;
    outputs.write_each(|format, to_file| match format {
        Format::Markdown => delta::markdown(&delta),
        _ => delta::terminal(&delta, &style(arguments.color, to_file)),
    })?;
    let fails = arguments.fail_on != FailOn::Never && delta.has_new_errors();
    Ok(if fails { Outcome::Fail } else { Outcome::Pass })
}
