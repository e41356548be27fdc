//! `dbproof init`: a first configuration for the user's own project.

use std::fmt::Write as _;

use dbproof_scenarios::ServerChoice;
use dbproof_scenarios::init::{CiJobs, InitOptions, Initialised, init};

use crate::arguments::InitArguments;
use crate::commands::runner;
use crate::exit::Outcome;
use crate::output::to_standard_output;
use crate::progress::ProgressLine;

const JOBS: CiJobs = CiJobs {
    github: include_str!("../../ci/github.yml"),
    gitlab: include_str!("../../ci/gitlab.yml"),
};

pub(crate) fn run(arguments: InitArguments) -> anyhow::Result<Outcome> {
    let options = InitOptions {
        folder: arguments.folder,
        server: match arguments.database_url {
            Some(url) => ServerChoice::Url(url),
            None => ServerChoice::Ephemeral {
                binaries: arguments.binaries.pg_bin,
            },
        },
        from_statistics: arguments.from_pg_stat_statements,
        jobs: JOBS,
        // On a server of the user's nothing is made.
        cleaner: None,
    };
    let progress = ProgressLine::new(arguments.quiet);
    let done = runner::until_interrupted(init(&options, &progress));
    progress.finish();
    let Some(done) = done? else {
        return Ok(Outcome::Interrupted);
    };
    to_standard_output(&told(&done))?;
    Ok(Outcome::Pass)
}

fn told(done: &Initialised) -> String {
    let mut text = String::new();
    for found in &done.found {
        writeln!(text, "found {found}").expect("a String takes everything");
    }
    for file in &done.written {
        writeln!(text, "wrote {}", file.display()).expect("a String takes everything");
    }
    for file in &done.kept {
        let file = file.display();
        writeln!(text, "kept {file}, which was there already").expect("a String takes everything");
    }
    for note in &done.notes {
        writeln!(text, "note: {note}").expect("a String takes everything");
    }
    text.push_str("\nnext:\n");
    let longest = done.next.iter().map(|(command, _)| command.len()).max();
    let longest = longest.unwrap_or(0);
    for (command, what) in &done.next {
        writeln!(text, "  {command:longest$}  # {what}").expect("a String takes everything");
    }
    text
}
