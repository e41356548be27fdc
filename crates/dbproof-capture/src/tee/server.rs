//! The server that a tee stands before: [`Server`].

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use dbproof_postgres::{Address, Endpoint, Tls};

use super::TeeError;
use super::socket::Place;

/// The server, with its name looked up once: the event loop must not wait for a name server.
#[derive(Debug)]
pub(super) struct Server {
    /// How it is named in messages, without a password.
    pub(super) name: String,
    /// The host as a certificate names it.
    pub(super) host: String,
    /// Where it listens, to be tried in turn.
    pub(super) places: Vec<Place>,
    pub(super) tls: Option<Tls>,
    pub(super) connect_timeout: Duration,
}

impl Server {
    pub(super) fn find(address: &Address) -> Result<Server, TeeError> {
        let name = address.to_string();
        let (host, places) = match address.endpoint() {
            Endpoint::Unix(path) => (String::new(), vec![Place::Unix(path)]),
            Endpoint::Tcp(host, port) => {
                let found = (host.as_str(), port).to_socket_addrs();
                let places: Vec<Place> = match found {
                    Ok(addresses) => addresses.map(Place::Tcp).collect(),
                    Err(error) => {
                        let reason = error.to_string();
                        return Err(TeeError::UnknownHost {
                            server: name,
                            reason,
                        });
                    }
                };
                (host, places)
            }
        };
        if places.is_empty() {
            let reason = "the host name has no address".to_owned();
            return Err(TeeError::UnknownHost {
                server: name,
                reason,
            });
        }
        Ok(Server {
            name,
            host,
            places,
            tls: address.tls().cloned(),
            connect_timeout: address.connect_timeout(),
        })
    }
}
