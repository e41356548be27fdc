//! How a tee is set up: [`TeeOptions`].

use std::net::SocketAddr;
use std::path::PathBuf;

use dbproof_postgres::Address;

/// How a tee is set up.
#[derive(Debug, Clone)]
pub struct TeeOptions {
    /// The server to stand before, and how it is spoken with.
    pub server: Address,
    /// Where to listen; port 0 takes a free one. `None` where the unix socket alone is listened at.
    pub listen: Option<SocketAddr>,
    /// A folder for a unix socket beside it, named as the server names its own:
    /// `.s.PGSQL.<port>`, with the port of `listen`, or 5432 without one.
    pub socket_folder: Option<PathBuf>,
    /// Whether TLS is spoken with applications.
    pub offer_tls: OfferTls,
    /// The certificate chain and the key, as PEM files; `None` makes a certificate for this tee.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Whether TLS is spoken with applications that ask for it.
///
/// SCRAM binds itself to the certificate of the connection that the client sees, and the tee's is
/// not the server's. A client that binds where it can (libpq does) would be refused by the server
/// where both sides are encrypted, and only there, because a server without TLS offers no binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OfferTls {
    /// Where the server's side is not encrypted, or the certificate is the server's own.
    #[default]
    WhereItCannotHurt,
    /// Always. Applications must then not bind (`channel_binding=disable`).
    Always,
    /// Never.
    Never,
}

impl TeeOptions {
    /// A free loopback port before the server.
    #[must_use]
    pub fn new(server: Address) -> TeeOptions {
        TeeOptions {
            server,
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            socket_folder: None,
            offer_tls: OfferTls::default(),
            certificate: None,
        }
    }
}
