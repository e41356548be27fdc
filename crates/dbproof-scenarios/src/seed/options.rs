//! What `dbproof seed` is asked to do: [`SeedOptions`].

use crate::options::Cleaner;
use crate::project::Project;

/// What `dbproof seed` is asked to do.
#[derive(Clone)]
pub struct SeedOptions {
    /// The project whose `data/*.toml` says what to load.
    pub project: Project,
    /// The server's URL, and with [`Destination::InPlace`] the database's.
    pub url: String,
    /// Which database is filled.
    pub destination: Destination,
    /// The seed of the data.
    pub seed: u64,
    /// Replaces `[project] scale`.
    pub scale: Option<f64>,
    /// Connections and generating threads at most; one a processor where nothing is said.
    pub threads: Option<usize>,
    /// Who removes a database that was not finished.
    pub cleaner: Option<Cleaner>,
}

/// Which database is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A new one, which is kept once everything has succeeded.
    New {
        /// The name that it gets; one of dbproof's own where nothing is said.
        name: Option<String>,
    },
    /// The one of the URL, in one transaction.
    InPlace,
}

impl std::fmt::Debug for SeedOptions {
    // The URL holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeedOptions")
            .field("project", &self.project)
            .field("destination", &self.destination)
            .field("seed", &self.seed)
            .field("scale", &self.scale)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// What happens during seeding, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedEvent<'a> {
    /// A step begins, such as `migrations`.
    Step(&'a str),
    /// Rows were sent.
    Rows {
        /// The table that they went to.
        table: &'a str,
        /// Rows sent so far, of all tables.
        sent: u64,
        /// Rows to send, of all tables.
        total: u64,
    },
}

/// Is told what happens during seeding.
pub trait SeedObserver: Sync {
    /// Called for each event, in order.
    fn event(&self, event: SeedEvent<'_>);
}

impl SeedObserver for crate::Silent {
    fn event(&self, _: SeedEvent<'_>) {}
}
