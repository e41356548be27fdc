//! The connection strings that applications are configured with: [`ConnectionString`].
//!
//! URLs of libpq and all that is written like them (`postgres://`, `postgresql+asyncpg://`,
//! `jdbc:postgresql://`), `key=value` as libpq reads it, and `Key=Value;` as Npgsql does. Only what
//! has to be changed is taken apart; the rest stays as it was written.

mod pairs;
mod place;
#[cfg(test)]
mod tests;

use dbproof_postgres::{Address, PostgresError};

use super::percent::{decoded, encoded};
use pairs::{libpq_pairs, libpq_quoted};
pub(crate) use place::Place;
use place::{DEFAULT_PORT, authority_place, bracketed, socket_folder};

/// A connection string that leads to a PostgreSQL server. It is never shown with its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ConnectionString {
    form: Form,
    place: Place,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Url {
        /// Up to and with `://`.
        scheme: String,
        /// `user:password`, as it is written.
        credentials: Option<String>,
        /// The database, as it is written.
        path: String,
        /// `key=value`, as they are written.
        query: Vec<String>,
    },
    Pairs {
        /// A space for libpq, a semicolon for Npgsql.
        separator: char,
        pairs: Vec<(String, String)>,
    },
}

/// Schemes of PostgreSQL, without what names a driver.
const SCHEMES: &[&str] = &["postgres", "postgresql", "postgis", "pgsql", "psql"];
/// What may stand before them.
const PREFIXES: &[&str] = &["jdbc:", "r2dbc:pool:", "r2dbc:"];
/// Parameters that name a place or say how to encrypt, and are no longer true.
const DROPPED: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "server",
    "ssl",
    "requiressl",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslnegotiation",
    "sslfactory",
    "rootcertificate",
    "sslcertificate",
    "sslnegotiationmode",
];
/// Parameters that are set to `disable` where they are written: nothing is to be encrypted on the way
/// to this machine itself.
const DISABLED: &[&str] = &["sslmode", "channelbinding", "gssencmode"];

/// A parameter's name without what writings differ in: `channel_binding`, `channelBinding`,
/// `Channel Binding`.
fn key(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.collect::<String>().to_ascii_lowercase()
}

impl ConnectionString {
    /// Reads a connection string; `None` where the text is none, or leads to another kind of server.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split_once("://") {
            Some((scheme, rest)) => Self::url(scheme, rest),
            None => Self::pairs(text),
        }
    }

    /// What `PGHOST`, `PGPORT` and so on name, where they name a server.
    pub(crate) fn of_variables(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let host = get("PGHOSTADDR").or_else(|| get("PGHOST"));
        let port = get("PGPORT");
        if host.is_none() && port.is_none() {
            return None;
        }
        let port = port.unwrap_or_else(|| DEFAULT_PORT.to_string());
        let host = host.unwrap_or_else(|| socket_folder(&port));
        let mut pairs = vec![("host".to_owned(), host), ("port".to_owned(), port)];
        let others = [
            ("PGUSER", "user"),
            ("PGPASSWORD", "password"),
            ("PGDATABASE", "dbname"),
            ("PGSSLMODE", "sslmode"),
            ("PGSSLROOTCERT", "sslrootcert"),
            ("PGSSLCERT", "sslcert"),
            ("PGSSLKEY", "sslkey"),
        ];
        pairs.extend(others.iter().filter_map(|(variable, key)| {
            Some(((*key).to_owned(), get(variable).filter(|v| !v.is_empty())?))
        }));
        Self::of_pairs(' ', pairs)
    }

    fn url(scheme: &str, rest: &str) -> Option<Self> {
        let lower = scheme.to_ascii_lowercase();
        let bare = PREFIXES
            .iter()
            .find_map(|p| lower.strip_prefix(p))
            .unwrap_or(&lower);
        let bare = bare.split('+').next().unwrap_or_default();
        if !SCHEMES.contains(&bare) {
            return None;
        }
        let end_of = |text: &str| text.find(['/', '?', '#']).unwrap_or(text.len());
        // A password may hold `/` and `?` as they are, and a parameter `@`: what a `:` that is not a
        // port's begins goes on to the last `@` before the place ends.
        let in_authority = rest[..end_of(rest)].contains('@');
        let after_colon = rest[..end_of(rest)].split_once(':').map(|(_, after)| after);
        let has_password = after_colon.is_some_and(|a| a.chars().any(|c| !c.is_ascii_digit()));
        let is_java = lower.starts_with("jdbc:");
        let first = rest
            .find('@')
            .filter(|_| !is_java && (in_authority || has_password));
        let split = first.and_then(|first| rest[..first + end_of(&rest[first..])].rfind('@'));
        let (credentials, rest) = match split {
            Some(at) => (Some(rest[..at].to_owned()), &rest[at + 1..]),
            None => (None, rest),
        };
        let (authority, rest) = rest.split_at(end_of(rest));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query: Vec<String> = query
            .split('&')
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect();
        let mut place = authority_place(authority)?;
        for pair in &query {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "host" | "hostaddr" => place.host = decoded(value),
                "port" => place.port = value.parse().ok()?,
                _ => {}
            }
        }
        let path = path.trim_start_matches('/').to_owned();
        let form = Form::Url {
            scheme: format!("{scheme}://"),
            credentials,
            path,
            query,
        };
        Some(Self { form, place })
    }

    fn pairs(text: &str) -> Option<Self> {
        if text.contains(';') {
            let pairs = text.split(';').filter(|p| !p.trim().is_empty());
            let pairs: Option<Vec<_>> = pairs.map(|p| p.split_once('=')).collect();
            let pairs = pairs?
                .into_iter()
                .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
            return Self::of_pairs(';', pairs.collect());
        }
        Self::of_pairs(' ', libpq_pairs(text)?)
    }

    fn of_pairs(separator: char, pairs: Vec<(String, String)>) -> Option<Self> {
        let value = |name: &str| {
            pairs
                .iter()
                .find(|(k, _)| key(k) == name)
                .map(|(_, v)| v.clone())
        };
        let host = value("hostaddr").or_else(|| value("host"))?;
        let port = match value("port") {
            Some(port) => port.trim().parse().ok()?,
            None => DEFAULT_PORT,
        };
        let form = Form::Pairs { separator, pairs };
        Some(Self {
            form,
            place: Place { host, port },
        })
    }

    /// Where the server listens.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The role, where it is written.
    pub(crate) fn user(&self) -> Option<String> {
        let written = match &self.form {
            Form::Url { credentials, .. } => {
                let user = credentials.as_deref().and_then(|c| c.split(':').next());
                user.filter(|u| !u.is_empty()).map(decoded)
            }
            Form::Pairs { .. } => None,
        };
        written.or_else(|| self.value(&["user", "username", "userid"]))
    }

    /// The password, where it is written. Never to be shown.
    pub(crate) fn password(&self) -> Option<String> {
        let written = match &self.form {
            Form::Url { credentials, .. } => {
                let pair = credentials.as_deref().and_then(|c| c.split_once(':'));
                pair.map(|(_, password)| decoded(password))
            }
            Form::Pairs { .. } => None,
        };
        written.or_else(|| self.value(&["password", "pwd"]))
    }

    /// The database, where it is written.
    pub(crate) fn database(&self) -> Option<String> {
        let written = match &self.form {
            Form::Url { path, .. } => (!path.is_empty()).then(|| decoded(path)),
            Form::Pairs { .. } => None,
        };
        written.or_else(|| self.value(&["dbname", "database"]))
    }

    /// The first of these parameters that is written.
    fn value(&self, names: &[&str]) -> Option<String> {
        match &self.form {
            Form::Url { query, .. } => query.iter().find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                names.contains(&key(name).as_str()).then(|| decoded(value))
            }),
            Form::Pairs { pairs, .. } => pairs
                .iter()
                .find(|(name, _)| names.contains(&key(name).as_str()))
                .map(|(_, value)| value.clone()),
        }
    }

    /// How dbproof reaches the server: what of the string concerns the way there, and a password for
    /// where it names none.
    pub(crate) fn address(&self, password: Option<&str>) -> Result<Address, PostgresError> {
        let password = self.password().or_else(|| password.map(str::to_owned));
        let mut pairs = vec![
            ("host", Some(self.place.host.clone())),
            ("port", Some(self.place.port.to_string())),
            ("user", self.user()),
            ("password", password),
            ("dbname", self.database()),
            ("sslmode", self.sslmode()),
        ];
        for name in ["sslrootcert", "sslcert", "sslkey", "sslnegotiation"] {
            pairs.push((name, self.value(&[name])));
        }
        pairs.push(("connect_timeout", self.value(&["connecttimeout"])));
        // `ssl=true` is libpq's verify-full, with the authorities that the driver trusts.
        if self.value(&["sslmode"]).is_none() && self.demands_ssl() {
            pairs.push(("sslrootcert", Some("system".to_owned())));
        }
        let quoted = pairs.into_iter().filter_map(|(name, value)| {
            let value = value?.replace('\\', "\\\\").replace('\'', "\\'");
            Some(format!("{name}='{value}'"))
        });
        Address::parse(&quoted.collect::<Vec<_>>().join(" "))
    }

    /// libpq's word for how much TLS is asked for.
    fn sslmode(&self) -> Option<String> {
        let written = self
            .value(&["sslmode"])
            .map(|mode| mode.to_ascii_lowercase());
        let mode = match written.as_deref() {
            None if self.demands_ssl() => "verify-full",
            None => {
                return self
                    .value(&["ssl"])
                    .filter(|ssl| ssl.contains("verify") || ssl == "require");
            }
            Some("allow") => "prefer",
            Some("no-verify") => "require",
            Some("verifyca") => "verify-ca",
            Some("verifyfull") => "verify-full",
            Some(mode) => mode,
        };
        Some(mode.to_owned())
    }

    fn demands_ssl(&self) -> bool {
        self.value(&["ssl"])
            .is_some_and(|ssl| matches!(ssl.as_str(), "true" | "1"))
    }

    /// The same string, leading to another place, and unencrypted.
    pub(crate) fn led_to(&self, host: &str, port: u16) -> String {
        let keep = |name: &str, value: &str| {
            let key = key(name);
            match () {
                () if DROPPED.contains(&key.as_str()) => None,
                () if DISABLED.contains(&key.as_str()) => Some("disable".to_owned()),
                () => Some(value.to_owned()),
            }
        };
        match &self.form {
            Form::Url {
                scheme,
                credentials,
                path,
                query,
            } => {
                let credentials = credentials
                    .as_ref()
                    .map_or(String::new(), |c| format!("{c}@"));
                let query: Vec<String> = query
                    .iter()
                    .filter_map(|pair| {
                        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                        Some(format!("{name}={}", keep(name, value)?))
                    })
                    .collect();
                let query = if query.is_empty() {
                    String::new()
                } else {
                    format!("?{}", query.join("&"))
                };
                format!(
                    "{scheme}{credentials}{}:{port}/{path}{query}",
                    bracketed(host)
                )
            }
            Form::Pairs { separator, pairs } => {
                let kept = pairs
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), keep(name, value)?)));
                let (host_key, port_key) = if *separator == ';' {
                    ("Host", "Port")
                } else {
                    ("host", "port")
                };
                let mut all = vec![
                    (host_key.to_owned(), host.to_owned()),
                    (port_key.to_owned(), port.to_string()),
                ];
                all.extend(kept);
                let written = all.into_iter().map(|(name, value)| match separator {
                    ';' => format!("{name}={value}"),
                    _ => format!("{name}={}", libpq_quoted(&value)),
                });
                written.collect::<Vec<_>>().join(&separator.to_string())
            }
        }
    }

    /// The same without password and parameters, to be shown.
    pub(crate) fn shown(&self, host: &str, port: u16) -> String {
        let user = self
            .user()
            .map_or(String::new(), |user| format!("{}@", encoded(&user)));
        let database = encoded(&self.database().unwrap_or_default());
        let scheme = match &self.form {
            Form::Url { scheme, .. } => scheme,
            Form::Pairs { .. } => "postgres://",
        };
        format!("{scheme}{user}{}:{port}/{database}", bracketed(host))
    }
}

impl std::fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConnectionString({})", self.place)
    }
}
