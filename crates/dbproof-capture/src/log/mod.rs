//! PostgreSQL's own logs as executions: [`LogReader`].
//!
//! Two of the server's formats are read, csvlog and jsonlog ("Error Reporting and Logging" in
//! PostgreSQL's documentation), as `log_min_duration_statement = 0`, or `log_statement = all` with or
//! without `log_duration`, fills them. A log holds no results, so nothing can be proven from it, and
//! it holds what the settings let through: what is missing cannot be told.

mod csv;
mod entry;
mod error;
mod json;
mod message;
mod parameters;
mod read;
mod sessions;
#[cfg(test)]
mod tests;

pub use error::LogError;
pub use read::{LogReader, LogSummary};
