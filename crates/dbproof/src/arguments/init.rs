//! The arguments of `dbproof init`: [`InitArguments`].

use std::path::PathBuf;

use clap::Args;

use super::BinariesArguments;

#[derive(Debug, Args)]
#[command(
    after_help = "Looks for migrations, named queries, tests, CI and a server in the folder. The \
    migrations are tried on a throw-away PostgreSQL, so that rows and first queries fit them; with \
    --database-url the tables of that database are read instead, and nothing is made there. No \
    file is ever overwritten."
)]
pub(crate) struct InitArguments {
    /// The project's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// A database that has the project's tables; it is only read
    // The value holds a password, so --help must not show it. The environment's DATABASE_URL is not
    // taken, because it may name a server that is not up yet.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Propose the queries that --database-url has spent most time on
    #[arg(long, requires = "database_url")]
    pub(crate) from_pg_stat_statements: bool,
    #[command(flatten)]
    pub(crate) binaries: BinariesArguments,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
