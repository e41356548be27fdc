//! Statistics for filled tables: [`analyse`].

use super::target::escape_relation;
use crate::{PostgresError, Session};

/// Has the server take the statistics of one table, named as the specification names it.
pub async fn analyse(session: &Session, table: &str) -> Result<(), PostgresError> {
    session
        .run(&format!("ANALYZE {}", escape_relation(table)))
        .await
}
