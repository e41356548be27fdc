//! Why a log cannot be read: [`LogError`].

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read.
    #[error("the log cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is in another format.
    #[error(
        "line {line} is neither of PostgreSQL's csvlog nor of its jsonlog ({reason}); set \
         log_destination = 'csvlog' (or 'jsonlog', from PostgreSQL 15 on) and logging_collector = on, \
         and read the .csv or .json file"
    )]
    Format {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}
