//! The server under watch: [`Target`].

use std::collections::BTreeMap;

use dbproof_model::Server;
use dbproof_postgres::{Address, PostgresError, catalog, connect};

use super::connection_string::ConnectionString;
use super::options::{WatchOptions, WatchedServer};
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::ServerChoice;
use crate::project::Project;
use crate::stage;

/// The server under watch.
#[derive(Debug)]
pub(super) struct Target {
    /// How applications name it.
    pub(super) string: ConnectionString,
    /// How dbproof reaches it.
    pub(super) address: Address,
    /// The server as the record tells it.
    pub(super) server: Server,
    /// The database that is empty as yet, where there is one.
    pub(super) born_empty: Option<String>,
    /// A throw-away server, as long as it is needed.
    ephemeral: Option<Environment>,
}

/// The name of the empty database on a throw-away server.
const EMPTY_DATABASE: &str = "app";

impl Target {
    /// Whether the server is a throw-away one.
    pub(super) fn is_ours(&self) -> bool {
        self.ephemeral.is_some()
    }

    /// Reaches the server, or starts a throw-away one: with the project's schema and data, or with an
    /// empty database where there is no project.
    pub(super) async fn open(
        options: &WatchOptions,
        run: &str,
        observer: &dyn Observer,
    ) -> Result<Self, RunError> {
        let string = match &options.server {
            WatchedServer::Choice(choice @ ServerChoice::Ephemeral { .. }) => {
                return Self::throw_away(options, choice, run, observer).await;
            }
            WatchedServer::Choice(ServerChoice::Url(text)) => ConnectionString::parse(text),
            WatchedServer::Variables => ConnectionString::of_variables(|name| {
                let found = options.environment.iter().find(|(n, _)| n == name);
                found
                    .map(|(_, value)| value.clone())
                    .filter(|v| !v.is_empty())
            }),
        };
        let string = string.ok_or_else(not_understood)?;
        // As libpq, which takes it for whatever names none.
        let address = string.address(options.variable("PGPASSWORD"))?;
        let server = reach(&address).await?;
        observer.event(Event::ServerReady {
            version: &server.version,
            ephemeral: false,
        });
        Ok(Target {
            string,
            address,
            server,
            born_empty: None,
            ephemeral: None,
        })
    }

    async fn throw_away(
        options: &WatchOptions,
        choice: &ServerChoice,
        run: &str,
        observer: &dyn Observer,
    ) -> Result<Self, RunError> {
        let environment = Environment::reach(choice, None, run, observer).await?;
        let with_schema = options.project.as_ref().filter(|p| has_schema(p));
        let prepared = if let Some(project) = with_schema {
            observer.event(Event::Preparing {
                what: "schema and seed data",
            });
            if let Some(migration) = &options.migration {
                // What the application is to meet is the schema before it.
                let (_, base) = project.migration_and_base(migration)?;
                stage::prepare_base(&environment, project, &base, options.seed, "main")
                    .await
                    .map(|(address, _)| address)
            } else {
                let migrations = project.migrations()?;
                stage::prepare(&environment, project, &migrations, options.seed, "main").await
            }
        } else {
            let created = environment.databases().create(EMPTY_DATABASE).await;
            created.map_err(RunError::from)
        };
        let address = prepared.map_err(|error| environment.explain_loss(error))?;
        let string = ConnectionString::parse(&address.url_with_password());
        let is_empty = with_schema.is_none();
        Ok(Target {
            string: string.ok_or_else(not_understood)?,
            born_empty: is_empty.then(|| address.database().to_owned()),
            address,
            server: environment.server(),
            ephemeral: Some(environment),
        })
    }
}

/// Whether the project says what a database of it looks like; watching needs no more of it than its
/// configuration.
pub(super) fn has_schema(project: &Project) -> bool {
    let config = &project.config.project;
    config.schema.is_some() || project.folder.join(&config.migrations).exists()
}

fn not_understood() -> RunError {
    InputError::new("the address of the server is not understood")
        .with_help(Some(
            "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, in whatever writing the \
             application's driver reads, with special characters of the password percent-encoded"
                .to_owned(),
        ))
        .into()
}

/// What the server says of itself. That it is there is certain afterwards; that dbproof may log in is
/// not needed, since the application brings its own credentials, and its database may be made by the
/// command.
pub(super) async fn reach(address: &Address) -> Result<Server, PostgresError> {
    let mut server = Server {
        engine: "postgresql".to_owned(),
        version: "unknown".to_owned(),
        settings: BTreeMap::new(),
        ephemeral: false,
    };
    let session = match connect(address).await {
        Err(error) if is_missing_database(&error) => {
            match connect(&address.with_database("postgres")).await {
                Err(error) if is_refused_login(&error) || is_missing_database(&error) => {
                    return Ok(server);
                }
                other => other?,
            }
        }
        Err(error) if is_refused_login(&error) => return Ok(server),
        other => other?,
    };
    server.version = catalog::version(&session).await?;
    server.settings = catalog::settings(&session).await?;
    session.close().await;
    Ok(server)
}

fn is_missing_database(error: &PostgresError) -> bool {
    is_told(error, "SQLSTATE 3D000")
}

/// A wrong or missing password, a missing role, an entry of `pg_hba.conf`, a missing permission.
fn is_refused_login(error: &PostgresError) -> bool {
    ["SQLSTATE 28", "SQLSTATE 42501", "password missing"]
        .iter()
        .any(|words| is_told(error, words))
}

fn is_told(error: &PostgresError, words: &str) -> bool {
    matches!(error, PostgresError::Unreachable { reason, .. } if reason.contains(words))
}
