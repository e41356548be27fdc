//! Where a server listens: [`Place`].

use super::super::percent::{decoded, encoded};

/// PostgreSQL's port where none is named.
pub(super) const DEFAULT_PORT: u16 = 5432;

/// Where a server listens, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// A name, an address, or the folder of a unix socket.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

impl Place {
    /// Whether both are the same server, as far as their names tell.
    pub(crate) fn is(&self, other: &Place) -> bool {
        let name = |place: &Place| match place.host.to_ascii_lowercase().as_str() {
            "" | "localhost" | "127.0.0.1" | "::1" => "localhost".to_owned(),
            other => other.trim_end_matches(['.', '/']).to_owned(),
        };
        self.port == other.port && name(self) == name(other)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.starts_with('/') {
            return write!(f, "{}:{}", self.host, self.port);
        }
        write!(f, "{}:{}", bracketed(&self.host), self.port)
    }
}

pub(super) fn bracketed(host: &str) -> String {
    match host {
        host if host.starts_with('/') => encoded(host),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    }
}

/// `host`, `host:port`, `[::1]:port`, `%2Ftmp:port`, or nothing.
pub(super) fn authority_place(authority: &str) -> Option<Place> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':').unwrap_or_default())
        }
        None => authority.rsplit_once(':').unwrap_or((authority, "")),
    };
    let port = if port.is_empty() {
        DEFAULT_PORT
    } else {
        port.parse().ok()?
    };
    let host = if host.is_empty() {
        "localhost".to_owned()
    } else {
        decoded(host)
    };
    Some(Place { host, port })
}

/// The folder of the local server's socket, else this machine's own address.
pub(super) fn socket_folder(port: &str) -> String {
    let folders = ["/var/run/postgresql", "/tmp"];
    let has_socket = |folder: &&&str| {
        std::path::Path::new(folder)
            .join(format!(".s.PGSQL.{port}"))
            .exists()
    };
    folders
        .iter()
        .find(has_socket)
        .map_or("localhost", |folder| folder)
        .to_owned()
}
