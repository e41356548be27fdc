//! Numbers that a rollback does not give back: [`Sequences`].

use std::collections::BTreeMap;

use crate::{PostgresError, Session};

/// The state of all sequences at one moment.
#[derive(Debug)]
pub(super) struct Sequences(BTreeMap<String, (i64, bool)>);

impl Sequences {
    pub(super) async fn read(observer: &Session) -> Result<Self, PostgresError> {
        let rows = observer
            .query(
                "SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), \
                     last_value IS NOT NULL FROM pg_sequences",
                &[],
            )
            .await
            .map_err(|e| observer.error(&e))?;
        let states = rows
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2))));
        Ok(Sequences(states.collect()))
    }

    /// Gives these sequences back the numbers that were drawn since. It is done by the session that drew
    /// them, which may keep some in advance (CACHE).
    pub(super) async fn restore(
        &self,
        session: &Session,
        names: &[&str],
    ) -> Result<(), PostgresError> {
        for name in names {
            let Some((value, is_drawn)) = self.0.get(*name) else {
                continue;
            };
            let text = postgres_protocol::escape::escape_literal(name);
            let sql = format!("SELECT pg_catalog.setval({text}, {value}, {is_drawn})");
            match session.run(&sql).await {
                // A role that may not set it goes on with other numbers.
                Ok(()) | Err(PostgresError::Server(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
