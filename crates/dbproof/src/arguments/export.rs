//! Where figures go: the arguments of `dbproof export`, and `--export` of `dbproof run`.

use std::path::PathBuf;

use clap::Args;
use dbproof_postgres::store::Keep;

use super::ChangeArguments;

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) change: ChangeArguments,
    /// Send the figures there after the run, instead of where `[export]` says; repeatable, and written
    /// as for `dbproof export --to`
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) export: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The run record, as written by --format json=FILE
    pub(crate) record: PathBuf,
    /// Where to: prometheus=FILE, otlp=URL (an OpenTelemetry collector; otlp alone for that of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`), postgres://… (the results store), or env:NAME for one of these
    /// in the variable NAME, which no list of processes shows; repeatable. Without it, where `[export]`
    /// of dbproof.toml says
    // Not parsed here: clap would quote the password of a URL that is no destination.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) to: Vec<String>,
    /// Remove this project's runs that are older from the results store, such as 90d or 12w
    #[arg(long, value_name = "TIME")]
    pub(crate) keep: Option<Keep>,
    /// The project's configuration, for what is not said here
    #[arg(
        long,
        value_name = "FILE",
        default_value = "dbproof.toml",
        env = "DBPROOF_CONFIG"
    )]
    pub(crate) config: PathBuf,
}
