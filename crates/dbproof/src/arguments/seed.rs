//! The arguments of `dbproof seed`: [`SeedArguments`].

use std::path::PathBuf;

use clap::Args;
use dbproof_model::SeedRecord;

use super::{Color, FormatTarget};

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(Debug, Args)]
#[command(
    after_help = "With --database-url alone a new database is made on that server, with the \
    project's migrations and rows, and kept once everything has succeeded. A seed that fails or is \
    interrupted leaves nothing half-filled.\n\nExits with 1 where the planner's statistics differ \
    from what data/*.toml asks for."
)]
pub(crate) struct SeedArguments {
    /// The project's configuration; other paths are relative to it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "dbproof.toml",
        env = "DBPROOF_CONFIG"
    )]
    pub(crate) config: PathBuf,
    /// The server to make a new database on, or with --in-place the database to fill
    // The value holds a password, so --help must not show it.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Fill the database of --database-url itself, in one transaction; its tables must be empty
    #[arg(long, conflicts_with = "name")]
    pub(crate) in_place: bool,
    /// Write a first data/*.toml from the tables and the statistics of --database-url, which is
    /// only read; no file is ever overwritten
    #[arg(long, conflicts_with_all = ["in_place", "name", "scale", "threads"])]
    pub(crate) infer: bool,
    /// With --infer: the folder to write to, instead of the one of dbproof.toml
    #[arg(long, value_name = "DIR", requires = "infer")]
    pub(crate) output: Option<PathBuf>,
    /// With --infer: copy the most common values of text columns, which may be personal data
    #[arg(long, requires = "infer")]
    pub(crate) keep_values: bool,
    /// The new database's name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The seed of the data
    #[arg(long, value_name = "N", default_value_t = 42, env = "DBPROOF_SEED")]
    pub(crate) seed: u64,
    /// Multiply the rows of every scaled table; replaces the one of dbproof.toml
    #[arg(long, value_name = "X", value_parser = above_zero)]
    pub(crate) scale: Option<f64>,
    /// Connections and generating threads at most; one a processor where nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// A report to make: terminal, json, junit or github, as FORMAT or FORMAT=FILE; repeatable
    #[arg(long = "format", value_name = "FORMAT[=FILE]")]
    pub(crate) formats: Vec<FormatTarget<SeedRecord>>,
    /// Colour the terminal report
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "it must be a number above 0".to_owned())
}
