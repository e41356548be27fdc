//! The command line of dbproof: arguments become options, options a run, a run a report.
//!
//! * `arguments`: what clap parses, and nothing else.
//! * `commands`: one file a command.
//! * `exit`: the documented exit codes.
//! * `exports`: where figures go; `output`: where reports go; `progress`: what is shown meanwhile; `last_run`: what is
//!   kept of it; `replace`: how files are written.
//!
//! **Architecture invariant:** command-line types never leave this crate.

mod arguments;
mod commands;
mod exit;
mod exports;
mod last_run;
mod output;
mod progress;
mod replace;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Init(arguments) => commands::init::run(arguments),
        Command::Run(arguments) => commands::scenarios::all(arguments),
        Command::Slow(arguments) => commands::scenarios::slow(arguments),
        Command::Regress(arguments) => commands::scenarios::regress(arguments),
        Command::Nplusone(arguments) => commands::nplusone::run(arguments),
        Command::Deadlock(arguments) => commands::deadlock::run(arguments),
        Command::Watch(arguments) => commands::watch::run(arguments),
        Command::Seed(arguments) => commands::seed::run(arguments),
        Command::Accept(arguments) => commands::accept::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Diff(arguments) => commands::diff::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Completions(arguments) => commands::completions::run(&arguments),
        Command::Man(arguments) => commands::man::run(&arguments),
        Command::DropDatabases => commands::drop_databases::run(),
    };
    exit::code(outcome)
}
