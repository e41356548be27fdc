//! Everything here runs against a real PostgreSQL from the machine's own binaries, with real clients.

mod raw;
mod recorder;
mod scene;

mod capturing;
mod encryption;
mod ledger;
mod passing;
mod replay;
mod versions;
mod volume;
