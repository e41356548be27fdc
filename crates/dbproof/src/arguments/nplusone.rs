//! The arguments of `dbproof nplusone`: [`NPlusOneArguments`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ScenarioArguments;
use super::watch::duration;

/// Which pages ask once, and then N times more?
///
/// Runs the pages of the project; or judges traffic that was recorded before, with --trace or
/// --from-log; or what pg_stat_statements counts, with --from-pg-stat-statements. Traffic that passes
/// now is watched by `dbproof watch`.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints it as it stands")]
pub(crate) struct NPlusOneArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// Judge a trace that `dbproof watch --save-trace FILE` has kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from_log", "from_pg_stat_statements"])]
    pub(crate) trace: Option<PathBuf>,
    /// Judge what the server has logged, as csvlog or jsonlog; repeatable, the oldest first. A log has
    /// no results, so nothing can be proven from it
    #[arg(long, value_name = "FILE", conflicts_with = "from_pg_stat_statements")]
    pub(crate) from_log: Vec<PathBuf>,
    /// Judge what pg_stat_statements counts in the database of --database-url while COMMAND runs, or
    /// for the time of --for; counters can only suggest a loop
    #[arg(long, requires = "database_url")]
    pub(crate) from_pg_stat_statements: bool,
    /// How long to count, such as 30s or 5m
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "from_pg_stat_statements")]
    pub(crate) duration: Option<Duration>,
    /// The command to run meanwhile, and its arguments, after `--`
    #[arg(
        last = true,
        value_name = "COMMAND",
        requires = "from_pg_stat_statements"
    )]
    pub(crate) command: Vec<OsString>,
}
