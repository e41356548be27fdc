//! What can go wrong with a load: [`LoadError`].

use thiserror::Error;

use crate::PostgresError;

/// What can go wrong with a load.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Tables that were to be filled in place hold rows already.
    #[error("there are rows already in {}", tables.join(", "))]
    NotEmpty {
        /// The tables, as the specification names them.
        tables: Vec<String>,
    },
    /// The data of one table is at fault, or the connection that carried it.
    #[error("{table}: {error}")]
    Table {
        /// The table, as the specification names it.
        table: String,
        /// What the server says.
        error: PostgresError,
    },
    /// Anything that concerns no single table.
    #[error(transparent)]
    Other(#[from] PostgresError),
}

impl LoadError {
    /// Makes an error that is about this table.
    pub(super) fn about(table: &str) -> impl FnOnce(PostgresError) -> LoadError {
        let table = table.to_owned();
        move |error| LoadError::Table { table, error }
    }
}
