//! The server of a run and the databases on it: [`Environment`].

use std::collections::BTreeMap;

use dbproof_model::Server;
use dbproof_postgres::{
    Address, Binaries, Databases, EphemeralServer, Janitor, PostgresError, catalog, connect,
};

use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::{ChangeChoice, Cleaner, RunOptions, ServerChoice};

/// The server of a run. Dropping it removes everything that the run made there.
#[derive(Debug)]
pub(crate) struct Environment {
    // Fields are dropped in this order: first our databases, then our server.
    _janitor: Option<Janitor>,
    ephemeral: Option<EphemeralServer>,
    address: Address,
    databases: Databases,
    version: String,
    settings: BTreeMap<String, String>,
}

impl Environment {
    /// Starts or reaches the server.
    pub(crate) async fn open(
        options: &RunOptions,
        run: &str,
        observer: &dyn Observer,
    ) -> Result<Self, PostgresError> {
        let cleaner = options
            .cleaner
            .as_ref()
            .filter(|_| makes_databases(options));
        Self::reach(&options.server, cleaner, run, observer).await
    }

    /// The same from single values; without a cleaner nothing may be made on a server of the user's.
    pub(crate) async fn reach(
        server: &ServerChoice,
        cleaner: Option<&Cleaner>,
        run: &str,
        observer: &dyn Observer,
    ) -> Result<Self, PostgresError> {
        let (ephemeral, address) = match server {
            ServerChoice::Ephemeral { binaries } => {
                observer.event(Event::ServerStarting);
                let server = EphemeralServer::start(&Binaries::find(binaries.as_deref())?).await?;
                let address = server.address().clone();
                (Some(server), address)
            }
            ServerChoice::Url(url) => (None, Address::parse(url)?),
        };
        let asked = ask(&address).await;
        let (version, settings) =
            asked.map_err(|error| with_last_words(error, ephemeral.as_ref()))?;
        observer.event(Event::ServerReady {
            version: &version,
            ephemeral: ephemeral.is_some(),
        });
        let janitor = match (server, cleaner) {
            (ServerChoice::Url(url), Some(cleaner)) => Some(Janitor::start(
                &cleaner.program,
                cleaner.argument,
                url,
                run,
            )?),
            _ => None,
        };
        let databases = Databases::new(&address, run);
        Ok(Environment {
            _janitor: janitor,
            ephemeral,
            address,
            databases,
            version,
            settings,
        })
    }

    /// The address that the user named, or that of the throw-away server.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The databases of this run.
    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Whether the server is a throw-away one on this machine.
    pub(crate) fn is_ours(&self) -> bool {
        self.ephemeral.is_some()
    }

    /// How many lines the log of a throw-away server has; `None` where the server is the user's.
    pub(crate) fn log_lines(&self) -> Option<usize> {
        self.ephemeral.as_ref().map(EphemeralServer::log_lines)
    }

    /// The lines of that log after the first `count` ones, as far as they are kept.
    pub(crate) fn log_lines_after(&self, count: usize) -> Vec<String> {
        let server = self.ephemeral.as_ref();
        server.map_or_else(Vec::new, |server| server.log_lines_after(count))
    }

    /// The server as the run record tells it.
    pub(crate) fn server(&self) -> Server {
        Server {
            engine: "postgresql".to_owned(),
            version: self.version.clone(),
            settings: self.settings.clone(),
            ephemeral: self.ephemeral.is_some(),
        }
    }

    /// Adds the last words of a throw-away server that has died to the error that shows it.
    pub(crate) fn explain_loss(&self, error: RunError) -> RunError {
        match error {
            RunError::Environment(error) => with_last_words(error, self.ephemeral.as_ref()).into(),
            error => error,
        }
    }
}

/// Whether a run makes databases of its own.
fn makes_databases(options: &RunOptions) -> bool {
    let given = matches!(options.change, Some(ChangeChoice::Databases(_)));
    !options.in_place && !given
}

/// The server's version and settings.
async fn ask(address: &Address) -> Result<(String, BTreeMap<String, String>), PostgresError> {
    let session = connect(address).await?;
    let version = catalog::version(&session).await?;
    let settings = catalog::settings(&session).await?;
    session.close().await;
    Ok((version, settings))
}

fn with_last_words(error: PostgresError, ephemeral: Option<&EphemeralServer>) -> PostgresError {
    let (server, reason, ephemeral) = match (error, ephemeral) {
        (
            PostgresError::ConnectionLost { server, reason }
            | PostgresError::NoPlace { server, reason }
            | PostgresError::Unreachable { server, reason },
            Some(ephemeral),
        ) => (server, reason, ephemeral),
        (error, _) => return error,
    };
    let log = ephemeral.log_tail();
    let reason = format!("{reason}\nthe last words of the throw-away server:\n{log}");
    PostgresError::ConnectionLost { server, reason }
}
