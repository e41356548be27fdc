//! Why a session's traffic is read no further: [`NotRead`].

use std::fmt;

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The application.
    Client,
    /// The database server.
    Server,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "application",
            Self::Server => "server",
        })
    }
}

/// Why a session's traffic is read no further. It flows on to the application untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// The session streams changes (startup parameter `replication`).
    #[error("it is a replication connection")]
    Replication,
    /// The session has begun to stream both ways (`CopyBothResponse`).
    #[error("it streams changes both ways")]
    CopyBoth,
    /// A protocol of another major version.
    #[error("it speaks protocol {0}.{1}; only 3 is known")]
    Version(u16, u16),
    /// A message of a type that is not known.
    #[error("the {0} sent a message of the unknown type {tag:?}", tag = char::from(*.1))]
    UnknownMessage(Side, u8),
    /// A message that says of itself that it is of a length that it cannot be of.
    #[error("the {0} sent a message {tag:?} of the impossible length {2}", tag = char::from(*.1))]
    Length(Side, u8, i64),
    /// A message whose content is not what its type promises.
    #[error("the {0} sent a message {tag:?} that cannot be read", tag = char::from(*.1))]
    Malformed(Side, u8),
    /// An answer to something that was not asked.
    #[error("the server sent a message {tag:?}, which answers no open request", tag = char::from(*.0))]
    Unexpected(u8),
    /// More requests without an answer than are kept.
    #[error("more than {0} requests were open at once")]
    Requests(usize),
    /// More prepared statements or portals than are kept.
    #[error("more than {0} prepared statements or portals were open at once")]
    Names(usize),
}

impl NotRead {
    /// Whether such a session has no statements that could be captured, so that nothing is missed.
    #[must_use]
    pub fn is_by_design(&self) -> bool {
        matches!(self, Self::Replication | Self::CopyBoth)
    }
}
