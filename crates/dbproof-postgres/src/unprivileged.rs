//! Whom to run the server as when dbproof runs as root, since PostgreSQL refuses to be root.

use nix::unistd::{Gid, Uid, User};

use crate::PostgresError;

/// The user and group that the throw-away server runs as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

/// Whom to drop to; `None` where dbproof is not root and needs not drop anything.
pub(crate) fn identity() -> Result<Option<Identity>, PostgresError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| {
            Some(Identity {
                uid: user.uid,
                gid: user.gid,
            })
        })
        .ok_or(PostgresError::NoUnprivilegedUser)
}
