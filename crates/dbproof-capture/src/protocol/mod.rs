//! PostgreSQL's protocol (3.0 and 3.2), read from the bytes of a session: [`Session`].
//!
//! Bytes go in, cut anyhow; executed statements and events come out, in a [`Collector`] that all
//! sessions of a capture share. Nothing here does any IO, reads a clock, or can fail: a stream that
//! cannot be read any further is told of once ([`NotRead`]) and ignored from then on.
//!
//! The rules are those of "Frontend/Backend Protocol" in PostgreSQL's documentation, and, where that
//! is silent, of `postgres.c` in its source.
//!
//! * `scan` and `fields`: bytes as messages.
//! * `client`, `server` and `failure`: what a message of either side means for the session (`session`).
//! * `statement`, `bound`, `portal`: a text, its parameters, and their execution.
//! * `result`, `columns`: rows as hashes.

mod body;
mod bound;
mod client;
mod collector;
mod columns;
mod command;
mod event;
mod failure;
mod fields;
mod names;
mod not_read;
mod portal;
mod result;
mod scan;
mod server;
mod session;
mod statement;
mod tag;

pub use collector::{Collector, ReadingOptions, Totals};
pub use event::{IdleTransaction, Opened, SessionEvent, SessionNews};
pub use not_read::{NotRead, Side};
pub use session::Session;

#[cfg(test)]
mod tests;
