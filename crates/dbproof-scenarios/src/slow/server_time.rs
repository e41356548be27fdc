//! How long the server itself worked, by its own count: [`ServerTime`].
//!
//! `pg_stat_database.active_time` holds, for every database, how long its sessions executed something.
//! Its difference over a measurement, divided by the executions, is the server's share of the mean
//! latency; the rest is the way there and back. It costs nothing while measuring: a session reports its
//! count when it is asked to, before the first and after the last execution.

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, Session, connect};

/// Reads what sessions of a database reported. It does so from another database, since its own work
/// would count too.
#[derive(Debug)]
pub(super) struct ServerTime {
    session: Session,
    database: String,
}

impl ServerTime {
    pub(super) async fn of(database: &Address, elsewhere: &Address) -> Result<Self, PostgresError> {
        Ok(ServerTime {
            session: connect(elsewhere).await?,
            database: database.database().to_owned(),
        })
    }

    /// The time so far, in milliseconds; `None` where the server does not count it.
    pub(super) async fn milliseconds(&self) -> Result<Option<f64>, PostgresError> {
        let rows = self
            .session
            .query(
                "SELECT active_time FROM pg_catalog.pg_stat_database WHERE datname = $1",
                &[&self.database],
            )
            .await
            .map_err(|error| self.session.error(&error))?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}

/// Makes the server count in what it did for this connection; returns whether it can. PostgreSQL 14
/// cannot be asked to.
pub(super) fn report(connection: &mut MeasuringConnection) -> Result<bool, PostgresError> {
    // A session that has touched no table since the last time would have nothing to report.
    let asked = connection
        .run("SELECT pg_catalog.pg_stat_force_next_flush() FROM pg_catalog.pg_class LIMIT 1");
    match asked {
        Ok(()) => Ok(true),
        Err(PostgresError::Server(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
