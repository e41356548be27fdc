//! What can go wrong with a server: [`PostgresError`].

use std::path::PathBuf;

use thiserror::Error;

/// An error that the server reported for a statement.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (SQLSTATE {sqlstate})")]
pub struct ServerError {
    /// The five-character SQLSTATE.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// The detail, if any.
    pub detail: Option<String>,
    /// The hint, if any.
    pub hint: Option<String>,
    /// The position in the statement, in characters from 1.
    pub position: Option<u32>,
}

impl ServerError {
    /// Whether this is `deadlock_detected` (40P01).
    #[must_use]
    pub fn is_deadlock(&self) -> bool {
        self.sqlstate == "40P01"
    }
}

/// What can go wrong with a server. No variant ever carries a password.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// No server binaries of version 14 or newer were found.
    #[error(
        "no PostgreSQL server binaries (14 or newer) were found; looked in {searched}\n\
         install them with:  {install}\n\
         or name their folder with --pg-bin, or a running server with --database-url"
    )]
    NoBinaries {
        /// The places that were looked into.
        searched: String,
        /// The one command that installs them on this system.
        install: &'static str,
    },
    /// The folder named by the user holds no usable binaries.
    #[error("{folder} holds no usable PostgreSQL server binaries: {reason}", folder = folder.display())]
    UnusableBinaries {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// dbproof runs as root and there is nobody to drop to.
    #[error(
        "PostgreSQL refuses to run as root and neither a user `postgres` nor `nobody` exists \
         to drop to; create one with:  useradd --system postgres"
    )]
    NoUnprivilegedUser,
    /// The throw-away server did not become ready.
    #[error("the throw-away PostgreSQL server did not start; its last words:\n{log}")]
    StartFailed {
        /// The end of its log.
        log: String,
    },
    /// The database URL cannot be understood.
    #[error("the database URL is not usable: {reason}")]
    InvalidUrl {
        /// Why, without the URL, because that holds the password.
        reason: String,
    },
    /// No connection could be made.
    #[error("failed to connect to {server}: {reason}")]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server has no place for another connection, or is not ready for one yet (SQLSTATE 53300,
    /// 57P03); later it may.
    #[error("failed to connect to {server}: {reason}")]
    NoPlace {
        /// Host, port and database.
        server: String,
        /// Why.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to {server} was lost: {reason}")]
    ConnectionLost {
        /// Host, port and database.
        server: String,
        /// Why.
        reason: String,
    },
    /// The server answered with an error.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server sent something that PostgreSQL does not send.
    #[error("{server} sent an answer that is not PostgreSQL's: {reason}")]
    Protocol {
        /// Host, port and database.
        server: String,
        /// What was expected.
        reason: String,
    },
    /// The user lacks a permission that the run needs.
    #[error(
        "user \"{user}\" may not create databases on {server}\ngrant it with:  ALTER ROLE \"{user}\" CREATEDB;\nor leave --database-url away to use a throw-away server"
    )]
    MayNotCreateDatabases {
        /// The role.
        user: String,
        /// Host and port.
        server: String,
    },
    /// A value cannot be sent.
    #[error("{0}")]
    Value(String),
    /// The machine refused something.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl PostgresError {
    /// The server's own error, where it is one.
    #[must_use]
    pub fn server_error(&self) -> Option<&ServerError> {
        match self {
            PostgresError::Server(error) => Some(error),
            _ => None,
        }
    }

    /// Wraps an error of tokio-postgres that happened on an open connection.
    pub(crate) fn from_client(server: &str, error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // 57P01 to 57P03: the server is going away; class 08: the connection is.
            Some(db) if db.code().code().starts_with("57P") => PostgresError::ConnectionLost {
                server: server.to_owned(),
                reason: db.message().to_owned(),
            },
            Some(db) => PostgresError::Server(ServerError::from_db(db)),
            None => PostgresError::ConnectionLost {
                server: server.to_owned(),
                reason: chain(error),
            },
        }
    }
}

impl ServerError {
    pub(crate) fn from_db(db: &tokio_postgres::error::DbError) -> Self {
        let position = match db.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => Some(*at),
            _ => None,
        };
        ServerError {
            sqlstate: db.code().code().to_owned(),
            message: db.message().to_owned(),
            detail: db.detail().map(str::to_owned),
            hint: db.hint().map(str::to_owned),
            position,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
