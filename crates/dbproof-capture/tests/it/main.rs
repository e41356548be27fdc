//! Everything here runs against a real PostgreSQL from the machine's own binaries, with real clients.

mod recorder;
mod scene;

mod encryption;
mod ledger;
mod passing;
