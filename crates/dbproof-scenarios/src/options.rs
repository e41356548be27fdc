//! What a run is asked to do: [`RunOptions`].

use std::path::PathBuf;

use dbproof_model::{Scenario, ThresholdSource};
use dbproof_postgres::Address;

use crate::project::Project;

/// What a run is asked to do. Validated; no command-line type comes this far.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The project under test.
    pub project: Project,
    /// The scenarios to run; empty for every one that the project has files for.
    pub scenarios: Vec<Scenario>,
    /// The server to run them on.
    pub server: ServerChoice,
    /// Measure the database of the URL itself, instead of databases of our own on its server.
    pub in_place: bool,
    /// The seed of data and parameters.
    pub seed: u64,
    /// Keep parameter values in plans and findings.
    pub keep_values: bool,
    /// Replaces `[slow] threshold_ms`.
    pub threshold: Option<Threshold>,
    /// The change under test, instead of the project's own choice.
    pub change: Option<ChangeChoice>,
    /// A trace with values, whose transactions the change under test is held against: can it deadlock with
    /// one of them?
    pub trace: Option<PathBuf>,
    /// What `deadlock` runs, instead of the project's own choice.
    pub deadlock: DeadlockChoice,
    /// Who removes our databases from a server that is not ours.
    pub cleaner: Option<Cleaner>,
}

/// What `deadlock` runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadlockChoice {
    /// The shapes of these names, of the project's or of the catalogue; empty for the project's.
    pub shapes: Vec<String>,
    /// Every shape of the catalogue.
    pub catalogue: bool,
    /// Replaces `[deadlock] runs`.
    pub runs: Option<u32>,
    /// Many clients on few rows; alone where no shape is asked for.
    pub storm: bool,
}

/// The change that `regress` tests.
#[derive(Debug, Clone)]
pub enum ChangeChoice {
    /// One migration: one of the project's, or any other SQL file.
    Migration(PathBuf),
    /// Every migration that is new since a git revision.
    Since(String),
    /// Two databases that are there already, which are read and not written to.
    Databases(Box<GivenDatabases>),
}

/// Two databases that are there already.
#[derive(Debug, Clone)]
pub struct GivenDatabases {
    /// The one before the change.
    pub before: Address,
    /// The one after it.
    pub after: Address,
}

/// The server to run on.
#[derive(Clone)]
pub enum ServerChoice {
    /// A throw-away server.
    Ephemeral {
        /// The folder of its binaries, instead of the newest that is found.
        binaries: Option<PathBuf>,
    },
    /// A running server.
    Url(String),
}

impl std::fmt::Debug for ServerChoice {
    // The URL holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerChoice::Ephemeral { binaries } => f
                .debug_struct("Ephemeral")
                .field("binaries", binaries)
                .finish(),
            ServerChoice::Url(_) => f.write_str("Url(…)"),
        }
    }
}

/// A threshold and where it was set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Milliseconds.
    pub milliseconds: f64,
    /// Where it was set.
    pub source: ThresholdSource,
}

/// The program, and its argument, that ends up in
/// [`janitor_main`](dbproof_postgres::janitor_main).
#[derive(Debug, Clone)]
pub struct Cleaner {
    /// The program.
    pub program: PathBuf,
    /// Its argument.
    pub argument: &'static str,
}
