//! The program as a user runs it, against a real PostgreSQL.

mod action;
mod bad_input;
mod baselines;
mod cleaning_up;
mod commands;
mod demo;
mod distribution;
mod exporting;
mod given_databases;
mod infer;
mod init;
mod load;
mod migration_deadlocks;
#[cfg(feature = "otlp")]
mod otlp;
mod progress;
mod project;
#[cfg(feature = "otlp")]
mod receiver;
mod recorded;
mod schema_dump;
mod scraping;
mod seed;
mod server;
mod since;
mod unreadable;
mod verdicts;
mod watch;
