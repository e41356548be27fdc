//! `dbproof explain CODE`: what a finding means, why it matters, how to mend it.

use std::fmt::Write as _;

use dbproof_analysis::findings;

use crate::arguments::ExplainArguments;
use crate::exit::{Outcome, UsageError};
use crate::output::to_standard_output;

pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<Outcome> {
    let Some(code) = &arguments.code else {
        to_standard_output(&list())?;
        return Ok(Outcome::Pass);
    };
    let kind = findings::kind(code).ok_or_else(|| {
        UsageError(format!(
            "there is no finding `{code}`; these are all:\n{}",
            list().trim_end()
        ))
    })?;
    to_standard_output(kind.page)?;
    Ok(Outcome::Pass)
}

fn list() -> String {
    let longest = findings::ALL
        .iter()
        .map(|kind| kind.code.len())
        .max()
        .unwrap_or(0);
    findings::ALL.iter().fold(String::new(), |mut text, kind| {
        writeln!(
            text,
            "{:longest$}  {:8} {}",
            kind.code,
            kind.scenario.as_str(),
            kind.title
        )
        .expect("a String takes everything");
        text
    })
}
