//! The arguments of `dbproof deadlock`.

use std::path::PathBuf;

use clap::Args;

use super::ScenarioArguments;

#[derive(Debug, Args)]
pub(crate) struct DeadlockArguments {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArguments,
    /// List the shapes that dbproof carries and those of the project, and run nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Run this shape, of the project's or of those that dbproof carries; repeatable
    #[arg(long = "shape", value_name = "NAME")]
    pub(crate) shapes: Vec<String>,
    /// Run every shape that dbproof carries
    #[arg(long, conflicts_with = "shapes")]
    pub(crate) catalogue: bool,
    /// Run each shape so often at each timeout, instead of `[deadlock] runs`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: Option<u32>,
    /// Many clients that change few rows, in one order and in any; without --shape and --catalogue,
    /// this alone
    #[arg(long)]
    pub(crate) storm: bool,
    /// Predict deadlocks from a trace that `dbproof watch --save-trace FILE --keep-values` has kept:
    /// its transactions are run again on databases of dbproof's own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "shapes", "catalogue", "runs", "storm"])]
    pub(crate) trace: Option<PathBuf>,
    /// A migration that is to be held against the transactions of the trace: run as its tool runs it, from
    /// the schema before it, it is one more transaction
    #[arg(long, value_name = "FILE", requires = "trace")]
    pub(crate) migration: Option<PathBuf>,
}
