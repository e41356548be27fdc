//! Why a run is not in the store: [`StoreError`].

use std::time::Duration;

use thiserror::Error;

use crate::PostgresError;

/// Why a run is not in the store. No variant ever carries a password.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The tables are those of a newer dbproof.
    #[error(
        "the results store has version {found}, and this dbproof knows versions up to {known}: \
         a newer dbproof has migrated it; update this one"
    )]
    Newer {
        /// The store's version.
        found: i32,
        /// The newest that this dbproof knows.
        known: i32,
    },
    /// Another run has this one's name.
    #[error(
        "the results store holds another run of the name {run_id}: one with another beginning, \
         duration, seed or project; was this record edited?"
    )]
    OtherRun {
        /// The run's name.
        run_id: String,
    },
    /// The role may not make the tables.
    #[error(
        "user \"{user}\" may not make the tables of the results store in {server}: {reason}\n\
         grant it with:  GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\";\n\
         or export once as the owner of the database"
    )]
    MayNotCreate {
        /// The role.
        user: String,
        /// The database.
        database: String,
        /// Host, port and database.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// The server had no place, or the run was in the way of others, for too long.
    #[error(
        "{last}; tried {attempts} times in {} s\nthe run is not stored: raise max_connections of the \
         server, put a connection pooler before it, or let fewer runs export at once; the same \
         command stores it later",
        waited.as_secs()
    )]
    Busy {
        /// How often it was tried.
        attempts: u32,
        /// For how long.
        waited: Duration,
        /// What the last attempt said.
        last: PostgresError,
    },
    /// Any other error of the server or the way to it.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}
