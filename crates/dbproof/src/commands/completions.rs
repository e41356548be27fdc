//! `dbproof completions SHELL`.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit::Outcome;
use crate::output::to_standard_output;

pub(crate) fn run(arguments: &CompletionsArguments) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "dbproof",
        &mut script,
    );
    to_standard_output(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Pass)
}
