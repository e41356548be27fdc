//! `dbproof explain CODE`: what a finding means, why it matters, how to mend it.

use std::fmt::Write as _;

use dbproof_analysis::findings;

use crate::arguments::ExplainArguments;
use crate::exit::{Outcome, UsageError};
use crate::output::to_standard_output;

pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<Outcome> {
    let text = match &arguments.code {
        None => list(),
        Some(code) => match findings::kind(code) {
            Some(kind) => kind.page.to_owned(),
            None => {
                let message = format!("there is no finding `{code}`; these are all:\n{}", list());
                return Err(UsageError(message.trim_end().to_owned()).into());
            }
        },
    };
    to_standard_output(&text)?;
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
