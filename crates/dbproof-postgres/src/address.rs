//! How to reach a server: [`Address`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};

use crate::PostgresError;
use crate::tls::{Tls, TlsMode, take_parameters};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a database: host or socket, port, user, password and database name.
///
/// It is shown without its password, and nothing else gives the password away.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Option<Tls>,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// At a host and a port.
    Tcp(String, u16),
    /// At a socket of the file system.
    Unix(PathBuf),
}

impl Address {
    /// Reads a `postgres://` URL or a `key=value` connection string, with libpq's parameters for
    /// TLS: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `sslnegotiation`, `channel_binding`.
    pub fn parse(url: &str) -> Result<Self, PostgresError> {
        let invalid = |reason: &str| PostgresError::InvalidUrl {
            reason: reason.to_owned(),
        };
        let (parameters, url) = take_parameters(url);
        let mut config = Config::from_str(&url).map_err(|error| {
            // The cause can quote a part of the URL, and a mistyped URL may hold the password in
            // any part of it: only the parser's fixed words are repeated.
            let words = error.to_string();
            let words = words.split(':').next().unwrap_or_default().to_owned();
            invalid(&format!(
                "{words}; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE with special \
                 characters of the password percent-encoded"
            ))
        })?;
        if config.get_hosts().is_empty() {
            return Err(invalid("it names no host"));
        }
        if config.get_hosts().len() > 1 {
            return Err(invalid("it names several hosts; name the one to measure"));
        }
        if config.get_user().is_none() {
            let user = std::env::var("PGUSER").or_else(|_| std::env::var("USER"));
            config.user(user.map_err(|_| invalid("it names no user"))?);
        }
        if config.get_dbname().is_none() {
            let user = config.get_user().unwrap_or_default().to_owned();
            config.dbname(user);
        }
        config.application_name("dbproof");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let tls = match &config.get_hosts()[0] {
            Host::Tcp(_) => {
                let direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
                Tls::new(&parameters, direct).map_err(|reason| invalid(&reason))?
            }
            // As libpq: what TLS would protect from does not exist on a socket.
            #[cfg(unix)]
            Host::Unix(_) => None,
        };
        Ok(Address::new(config, tls))
    }

    fn new(mut config: Config, tls: Option<Tls>) -> Self {
        config.ssl_mode(match &tls {
            None => SslMode::Disable,
            Some(tls) if tls.mode == TlsMode::Prefer => SslMode::Prefer,
            Some(_) => SslMode::Require,
        });
        if tls.is_none() {
            config.ssl_negotiation(SslNegotiation::Postgres);
        }
        Address { config, tls }
    }

    /// The address of a throw-away server's socket.
    pub(crate) fn of_socket(directory: &Path, port: u16, user: &str, password: &str) -> Self {
        let mut config = Config::new();
        config
            .host_path(directory)
            .port(port)
            .user(user)
            .password(password)
            .dbname("postgres")
            .application_name("dbproof");
        Address::new(config, None)
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut config = self.config.clone();
        config.dbname(name);
        Address {
            config,
            tls: self.tls.clone(),
        }
    }

    /// The same database without TLS, where TLS is preferred and not required.
    pub(crate) fn without_tls(&self) -> Option<Self> {
        let preferred = |tls: &&Tls| tls.mode == TlsMode::Prefer;
        self.tls
            .as_ref()
            .filter(preferred)
            .map(|_| Address::new(self.config.clone(), None))
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// The role that connects.
    #[must_use]
    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// Whether it holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password().is_some()
    }

    /// A URL that reaches the database, without the password and without parameters for TLS.
    #[must_use]
    pub fn url_without_password(&self) -> String {
        self.url(None)
    }

    /// The same with the password: for a program that is to connect, and never to be shown.
    #[must_use]
    pub fn url_with_password(&self) -> String {
        self.url(self.password().map(String::from_utf8_lossy).as_deref())
    }

    fn url(&self, password: Option<&str>) -> String {
        let (user, database) = (encoded(self.user()), encoded(self.database()));
        let password = password.map_or(String::new(), |p| format!(":{}", encoded(p)));
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let host = match &self.config.get_hosts()[0] {
            Host::Tcp(host) if host.contains(':') => format!("[{host}]"),
            Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => encoded(&folder.to_string_lossy()),
        };
        format!("postgres://{user}{password}@{host}:{port}/{database}")
    }

    pub(crate) fn password(&self) -> Option<&[u8]> {
        self.config.get_password()
    }

    /// How TLS is spoken with the server; `None` where it is not.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// For how long to try to connect: the URL's `connect_timeout`, or ten seconds.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        let asked = self.config.get_connect_timeout();
        asked.copied().unwrap_or(CONNECT_TIMEOUT)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Where the server listens.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        match &self.config.get_hosts()[0] {
            Host::Tcp(host) => Endpoint::Tcp(host.clone(), port),
            #[cfg(unix)]
            Host::Unix(directory) => Endpoint::Unix(directory.join(format!(".s.PGSQL.{port}"))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.database();
        match self.endpoint() {
            Endpoint::Tcp(host, port) => write!(f, "{host}:{port}/{database}"),
            Endpoint::Unix(path) => write!(f, "{}/{database}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_its_password_leads_to_the_same_database() {
        let urls = [
            "postgres://ann:s3cret@db.example:6543/shop",
            "postgres://a%40b:s3cret@db.example/my%20shop?sslmode=disable",
            "postgres://ann:s3cret@%2Ftmp%2Fpg/shop",
            "host=::1 user=ann password=s3cret dbname=shop",
        ];
        for url in urls {
            let address = Address::parse(url).unwrap();
            let shown = address.url_without_password();
            assert!(!shown.contains("s3cret"), "{shown}");
            let again = Address::parse(&shown).unwrap();
            assert_eq!(again.to_string(), address.to_string(), "{shown}");
            assert_eq!(again.user(), address.user(), "{shown}");
            let whole = Address::parse(&address.url_with_password()).unwrap();
            assert_eq!(whole.password(), Some(b"s3cret".as_slice()), "{shown}");
        }
    }

    #[test]
    fn the_password_is_shown_nowhere() {
        let address = Address::parse("postgres://ann:s3cret@db.example:6543/shop").unwrap();
        assert_eq!(address.to_string(), "db.example:6543/shop");
        assert!(!format!("{address:?} {:?}", address.config).contains("s3cret"));
        assert_eq!(address.user(), "ann");
        assert_eq!(address.password(), Some(b"s3cret".as_slice()));
    }

    #[test]
    fn unusable_urls_are_refused_without_quoting_them() {
        let urls = [
            ("postgres://ann:s3cret@db:port/shop", "invalid"),
            ("postgres://ann:s3cret@/shop", "no host"),
            ("postgres://ann:s3cret@a,b/shop", "several hosts"),
            ("postgres://ann:s3cret@a/d?sslmode=yes", "verify-full"),
            (
                "postgres://ann:s3cret@a/d?sslmode=verify-full&sslrootcert=/nowhere",
                "/nowhere",
            ),
            (
                "postgres://ann:s3cret@a/d?sslmode=require&sslrootcert=system",
                "verify-full",
            ),
            (
                "postgres://ann:s3cret@a/d?sslnegotiation=direct",
                "sslmode=require",
            ),
            ("mysql://ann:s3cret@a/shop", "invalid"),
        ];
        for (url, expected) in urls {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("s3cret"), "{url}: {error}");
        }
    }
}
