//! Everything here runs against a real PostgreSQL from the machine's own binaries, with real clients.

mod raw;
mod recorder;
mod scene;

mod encryption;
mod ledger;
mod passing;
mod versions;
mod volume;
