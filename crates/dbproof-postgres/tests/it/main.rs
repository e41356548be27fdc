//! Everything here runs against a real PostgreSQL from the machine's own binaries.

mod capturing;
mod column_values;
mod counting;
mod databases;
mod ephemeral;
mod explaining;
mod footprint;
mod loading;
mod measuring;
mod migrating;
mod parameters;
mod proving;
mod recording;
mod store;
mod tls;
mod waiting;

use dbproof_postgres::{Binaries, EphemeralServer};

/// The binaries under test: those named by `DBPROOF_PG_BIN`, or else the newest.
fn binaries() -> Binaries {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
    Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries")
}

async fn server() -> EphemeralServer {
    EphemeralServer::start(&binaries())
        .await
        .expect("a throw-away server")
}
