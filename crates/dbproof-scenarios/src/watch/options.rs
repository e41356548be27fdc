//! What a watch is asked to do: [`WatchOptions`].

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::pointing::VariableRequest;
use crate::options::{Cleaner, ServerChoice, Threshold};
use crate::project::Project;
use crate::project::config::WatchConfig;

/// What a watch is asked to do. Validated; no command-line type comes this far.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// The project, where there is one.
    pub project: Option<Project>,
    /// The server to watch.
    pub server: WatchedServer,
    /// The command and its arguments; empty where the application is started elsewhere.
    pub command: Vec<OsString>,
    /// The environment of the command, as far as it is text.
    pub environment: Vec<(String, String)>,
    /// Variables of the user's to point at dbproof.
    pub variables: Vec<VariableRequest>,
    /// Where to listen, instead of at a free loopback port.
    pub listen: Option<SocketAddr>,
    /// How long to watch; until the command ends, or Ctrl-C, where nothing is said.
    pub duration: Option<Duration>,
    /// Run each proven loop and its batched statement, and compare their rows.
    pub prove: bool,
    /// Collect transactions, and predict deadlocks from them.
    pub predict: bool,
    /// A migration's file, which stands among the transactions when deadlocks are predicted.
    pub migration: Option<PathBuf>,
    /// Keep what is captured as a trace in this file.
    pub save_trace: Option<PathBuf>,
    /// From where on a statement is slow.
    pub threshold: Threshold,
    /// The seed of the data of a throw-away database.
    pub seed: u64,
    /// Keep the texts of slow statements with their values.
    pub keep_values: bool,
    /// How databases on a server of the user's, in which transactions are run again, are dropped in the
    /// end.
    pub cleaner: Option<Cleaner>,
}

/// The server to watch.
#[derive(Debug, Clone)]
pub enum WatchedServer {
    /// A throw-away server, or the one of a connection string.
    Choice(ServerChoice),
    /// The one that `PGHOST` and its like name.
    Variables,
}

impl WatchOptions {
    /// For how long a transaction may wait for its application before that is told.
    pub(super) fn idle_limit(&self) -> Duration {
        let config = self.project.as_ref().map(|project| &project.config.watch);
        let milliseconds = config.map_or(WatchConfig::default().idle_ms, |watch| watch.idle_ms);
        Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(Duration::MAX)
    }

    /// A variable of the command's environment, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(n, _)| n == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }
}
