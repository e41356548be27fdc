//! Why a trace cannot be read: [`TraceError`].

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("the trace cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error(
        "this is no trace of dbproof; `dbproof watch --save-trace FILE` writes one, and logs of \
         PostgreSQL are read with --from-log"
    )]
    NoTrace,
    /// It was written by a later version.
    #[error(
        "this trace is of version {0}, and this dbproof reads version 1; a newer one will read it"
    )]
    Version(String),
    /// It was damaged.
    #[error("the trace is damaged at byte {at}: {reason}; capture it again")]
    Damaged {
        /// The offset of the record.
        at: u64,
        /// What is wrong there.
        reason: String,
    },
}
