//! `dbproof watch`: an application runs, and its traffic with the database is looked at.

mod command;
mod connection_string;
mod percent;
mod pointing;

pub use pointing::VariableRequest;
