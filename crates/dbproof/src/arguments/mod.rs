//! What clap parses: [`Arguments`]. Turned into validated options by the commands.

mod deadlock;
mod export;
mod format;
mod init;
mod nplusone;
mod seed;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dbproof_model::RunRecord;
use dbproof_report::delta::Delta;

use crate::output::Outputs;

pub(crate) use deadlock::DeadlockArguments;
pub(crate) use export::{ExportArguments, RunArguments};
pub(crate) use format::{FormatTarget, names};
pub(crate) use init::InitArguments;
pub(crate) use nplusone::NPlusOneArguments;
pub(crate) use seed::SeedArguments;
pub(crate) use watch::WatchArguments;

/// Proves, before production, whether an application's database work is fast.
///
/// Exit codes: 0 pass; 1 a finding at or above --fail-on; 2 wrong usage, configuration or input;
/// 3 the environment failed; 4 inconclusive; 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "dbproof", version = env!("DBPROOF_VERSION"), max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All four scenarios on the sample shop, on a throw-away PostgreSQL
    Demo(DemoArguments),
    /// Write a first dbproof.toml, queries, rows and a CI job for the project in this folder
    Init(InitArguments),
    /// Every scenario that dbproof.toml configures
    Run(RunArguments),
    /// Are the monitored queries under their thresholds?
    Slow(ScenarioArguments),
    /// What does a schema change do to the monitored queries?
    Regress(RegressArguments),
    /// Which pages ask once, and then N times more?
    Nplusone(NPlusOneArguments),
    /// What does a deadlock cost, and how soon is it over?
    Deadlock(DeadlockArguments),
    /// Run a command, or wait for an application, and judge its traffic with the database
    Watch(WatchArguments),
    /// Fill a database with the rows of data/*.toml
    Seed(SeedArguments),
    /// Take the plans of the last run as the ones to keep; review first with --dry-run
    Accept(AcceptArguments),
    /// Draw a stored run record again, in any format
    Report(ReportArguments),
    /// What changed between two run records
    Diff(DiffArguments),
    /// Send the figures of a stored run record to Prometheus, OpenTelemetry or the results store
    Export(ExportArguments),
    /// What a finding means, why it matters, how to mend it
    Explain(ExplainArguments),
    /// Completions for a shell
    Completions(CompletionsArguments),
    /// The manual, as man pages
    Man(ManArguments),
    /// Removes a run's databases once the run has ended (started by dbproof itself)
    #[command(hide = true, name = DROP_DATABASES)]
    DropDatabases,
}

/// The hidden command that cleans up after a run on somebody else's server.
pub(crate) const DROP_DATABASES: &str = "drop-databases-of-this-run";

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    pub(crate) binaries: BinariesArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    #[command(flatten)]
    pub(crate) measure: MeasureArguments,
    /// Fail when there is a finding of this severity; the shop's N+1 is one
    #[arg(long, value_enum, default_value_t = FailOn::Never)]
    pub(crate) fail_on: FailOn,
}

#[derive(Debug, Args)]
pub(crate) struct ScenarioArguments {
    /// The project's configuration; other paths are relative to it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "dbproof.toml",
        env = "DBPROOF_CONFIG"
    )]
    pub(crate) config: PathBuf,
    /// A running server to use instead of a throw-away one; dbproof makes databases of its own there
    // The value holds a password, so --help must not show it.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Measure the database of --database-url itself (`slow` only); whatever its queries write is
    /// rolled back
    #[arg(long, requires = "database_url")]
    pub(crate) in_place: bool,
    #[command(flatten)]
    pub(crate) binaries: BinariesArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    #[command(flatten)]
    pub(crate) measure: MeasureArguments,
    /// Fail when there is a finding of this severity
    #[arg(long, value_enum, default_value_t = FailOn::Error, env = "DBPROOF_FAIL_ON")]
    pub(crate) fail_on: FailOn,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// The migration under test: one of the project's, or any other SQL file
    #[arg(long, value_name = "FILE")]
    pub(crate) migration: Option<PathBuf>,
    /// A git revision: the change under test is every migration that is new since then
    #[arg(long, value_name = "REV", conflicts_with = "migration")]
    pub(crate) base: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RegressArguments {
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    /// A database that is there already, to be compared with --after instead of databases of our
    /// own; both are read, and what the queries write is rolled back
    #[arg(long, value_name = "URL", requires = "after", conflicts_with_all = ["migration", "base", "in_place"])]
    pub(crate) before: Option<String>,
    /// The database to compare --before with
    #[arg(long, value_name = "URL", requires = "before")]
    pub(crate) after: Option<String>,
    /// Apply the migration three more times beside sessions that read and write the tables that it
    /// locks, also behind a long transaction, and tell how long they wait
    #[arg(long, conflicts_with_all = ["before", "after"])]
    pub(crate) with_traffic: bool,
    /// Hold the migration against the transactions of a trace that `dbproof watch --save-trace FILE
    /// --keep-values` has kept: can it deadlock with one of them?
    #[arg(long, value_name = "FILE", conflicts_with_all = ["before", "after", "in_place"])]
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BinariesArguments {
    /// The folder of the PostgreSQL server binaries to use, instead of the newest that is found
    #[arg(long, value_name = "DIR", env = "DBPROOF_PG_BIN")]
    pub(crate) pg_bin: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// The seed of data and parameters
    #[arg(long, value_name = "N", default_value_t = 42, env = "DBPROOF_SEED")]
    pub(crate) seed: u64,
    /// Keep parameter values in plans; without it they are masked
    #[arg(long)]
    pub(crate) keep_values: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// A report to make, as FORMAT or FORMAT=FILE; repeatable. For people: terminal, markdown, html;
    /// for CI: junit, github, gitlab, sarif, benchmark; and json, which all others can be made of
    #[arg(long = "format", value_name = "FORMAT[=FILE]")]
    pub(crate) formats: Vec<FormatTarget<RunRecord>>,
    /// Write reports that have no file of their own into this folder
    #[arg(long, value_name = "DIR", env = "DBPROOF_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
    /// Colour the terminal report
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl OutputArguments {
    /// Opens the files of the reports.
    pub(crate) fn open(&self) -> anyhow::Result<Outputs<RunRecord>> {
        Outputs::open(&self.formats, self.output.as_deref(), self.color)
    }
}

#[derive(Debug, Args)]
pub(crate) struct AcceptArguments {
    /// The run record to take the plans from, instead of that of the last `regress` or `run`
    pub(crate) record: Option<PathBuf>,
    /// Show what would change as a unified diff, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Accept the plans of this query only; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) query: Vec<String>,
    /// Remove the files of queries that are no more
    #[arg(long)]
    pub(crate) prune: bool,
    /// The project's configuration; other paths are relative to it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "dbproof.toml",
        env = "DBPROOF_CONFIG"
    )]
    pub(crate) config: PathBuf,
    /// The folder of the last run, where that was given --output
    #[arg(long, value_name = "DIR", env = "DBPROOF_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The record of a run or a seed, as written by --format json=FILE
    pub(crate) record: PathBuf,
    /// Earlier records of the same project, or a folder of such: what the queries did over time;
    /// repeatable
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) history: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The run record to compare with
    pub(crate) base: PathBuf,
    /// The run record to judge
    pub(crate) head: PathBuf,
    /// A report to make: terminal, json, markdown or html, as FORMAT or FORMAT=FILE; repeatable
    #[arg(long = "format", value_name = "FORMAT[=FILE]")]
    pub(crate) formats: Vec<FormatTarget<Delta>>,
    /// Write reports that have no file of their own into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Colour the terminal report
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Fail when HEAD has a finding of this severity that BASE has not
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    pub(crate) fail_on: FailOn,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The finding's code, such as n-plus-one; without it all codes are listed
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command whose page to print, such as run; without it, the page of dbproof itself
    pub(crate) command: Option<String>,
    /// Write all pages into this folder instead, one file each: dbproof.1, dbproof-run.1, …
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) to: Option<PathBuf>,
}

/// From which severity on a finding fails the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Error,
    Warning,
    Never,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
