//! Leads a command to dbproof instead of its server: [`Pointing`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use dbproof_model::PointedVariable;

use super::connection_string::ConnectionString;

/// What is changed of a command's environment.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Pointing {
    /// Variables and their values, which can hold a password.
    pub(crate) set: Vec<(String, String)>,
    /// Variables that are taken away.
    pub(crate) removed: Vec<&'static str>,
    /// What was done, to be told.
    pub(crate) told: Vec<PointedVariable>,
}

/// A variable that the user names: `NAME`, or `NAME=TEXT` with parts of the address in braces.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableRequest {
    name: String,
    text: Option<String>,
}

/// The parts that can stand in braces.
const PARTS: [&str; 6] = ["url", "host", "port", "user", "password", "database"];

/// Variables of libpq that would lead past dbproof, or ask for encryption on the way to it.
const LEADING_PAST: [&str; 6] = [
    "PGHOSTADDR",
    "PGSERVICE",
    "PGREQUIRESSL",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGGSSENCMODE",
];

impl VariableRequest {
    /// The variable's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for VariableRequest {
    // The text can hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VariableRequest({})", self.name)
    }
}

impl FromStr for VariableRequest {
    type Err = String;

    fn from_str(request: &str) -> Result<Self, Self::Err> {
        let (name, text) = match request.split_once('=') {
            Some((name, text)) => (name, Some(text)),
            None => (request, None),
        };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '\0') {
            return Err("the name of a variable is expected before `=`".to_owned());
        }
        for piece in text.unwrap_or_default().split('{').skip(1) {
            let part = piece.split_once('}').map(|(part, _)| part);
            if !part.is_some_and(|part| PARTS.contains(&part)) {
                return Err(format!(
                    "unknown part in braces; known are {{{}}}",
                    PARTS.join("}, {")
                ));
            }
        }
        Ok(VariableRequest {
            name: name.to_owned(),
            text: text.map(str::to_owned),
        })
    }
}

/// The address to connect to for one who listens at `listened`: not `0.0.0.0`, which is every address.
pub(crate) fn reachable(listened: SocketAddr) -> SocketAddr {
    let ip = match listened.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listened.port())
}

/// What to change of an environment so that everything that leads to the watched server leads to
/// `at` instead.
///
/// # Errors
///
/// A request for a variable whose value is no connection string; the message does not quote it.
pub(crate) fn point(
    environment: &[(String, String)],
    watched: &ConnectionString,
    at: SocketAddr,
    requests: &[VariableRequest],
) -> Result<Pointing, String> {
    let mut pointer = Pointer {
        environment,
        watched,
        host: at.ip().to_string(),
        port: at.port(),
        pointing: Pointing::default(),
    };
    pointer.database_url();
    pointer.libpq();
    pointer.others();
    for request in requests {
        pointer.request(request)?;
    }
    Ok(pointer.pointing)
}

struct Pointer<'p> {
    environment: &'p [(String, String)],
    watched: &'p ConnectionString,
    host: String,
    port: u16,
    pointing: Pointing,
}

const DATABASE_URL: &str = "DATABASE_URL";

impl Pointer<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: String, to: String) {
        self.pointing.set.retain(|(n, _)| n != name);
        self.pointing.told.retain(|p| p.name != name);
        self.pointing.set.push((name.to_owned(), value));
        self.pointing.told.push(PointedVariable {
            name: name.to_owned(),
            to,
        });
    }

    fn lead(&mut self, name: &str, string: &ConnectionString) {
        let shown = string.shown(&self.host, self.port);
        let value = string.led_to(&self.host, self.port);
        self.set(name, value, format!("set to {shown}"));
    }

    /// The user's own value, if it leads to the same server, keeps its database and parameters.
    fn database_url(&mut self) {
        let own = self.get(DATABASE_URL).and_then(ConnectionString::parse);
        let own = own.filter(|own| own.place().is(self.watched.place()));
        self.lead(DATABASE_URL, &own.unwrap_or_else(|| self.watched.clone()));
    }

    /// `PGHOST` and its like. Where they name another server, they are left alone.
    fn libpq(&mut self) {
        let named = ConnectionString::of_variables(|name| {
            self.get(name).map(str::to_owned).filter(|v| !v.is_empty())
        });
        if named
            .as_ref()
            .is_some_and(|named| !named.place().is(self.watched.place()))
        {
            self.pointing.told.push(PointedVariable {
                name: "PGHOST".to_owned(),
                to: "left alone, since it names another server".to_owned(),
            });
            return;
        }
        let (host, port) = (self.host.clone(), self.port.to_string());
        self.set("PGHOST", host.clone(), format!("set to {host}"));
        self.set("PGPORT", port.clone(), format!("set to {port}"));
        let identity = [
            ("PGUSER", self.watched.user()),
            ("PGDATABASE", self.watched.database()),
            ("PGPASSWORD", self.watched.password()),
        ];
        for (name, value) in identity {
            let is_own = named.is_some() && self.get(name).is_some();
            if let Some(value) = value.filter(|_| !is_own) {
                let shown = match name {
                    "PGPASSWORD" => "set".to_owned(),
                    _ => format!("set to {value}"),
                };
                self.set(name, value, shown);
            }
        }
        self.set(
            "PGSSLMODE",
            "disable".to_owned(),
            "set to disable".to_owned(),
        );
        if self.get("PGCHANNELBINDING").is_some() {
            let disable = "disable".to_owned();
            self.set("PGCHANNELBINDING", disable, "set to disable".to_owned());
        }
        for name in LEADING_PAST {
            if self.get(name).is_some() {
                self.pointing.removed.push(name);
                self.pointing.told.push(PointedVariable {
                    name: name.to_owned(),
                    to: "taken away".to_owned(),
                });
            }
        }
    }

    /// Every other variable with a URL of the same server.
    fn others(&mut self) {
        for (name, value) in self.environment {
            if name == DATABASE_URL || name.starts_with("PG") {
                continue;
            }
            let string = ConnectionString::parse(value);
            if let Some(string) = string.filter(|s| s.place().is(self.watched.place())) {
                self.lead(name, &string);
            }
        }
    }

    fn request(&mut self, request: &VariableRequest) -> Result<(), String> {
        let name = &request.name;
        if let Some(text) = &request.text {
            // The rest of the text may be a secret.
            let parts = PARTS
                .iter()
                .filter(|part| text.contains(&format!("{{{part}}}")));
            let parts: Vec<&str> = parts.copied().collect();
            let told = match parts.as_slice() {
                [] => "set".to_owned(),
                parts => format!("set from {}", parts.join(", ")),
            };
            self.set(name, self.filled(text), told);
            return Ok(());
        }
        match self.get(name) {
            None | Some("") => {
                let watched = self.watched;
                self.lead(name, watched);
            }
            Some(value) => match ConnectionString::parse(value) {
                Some(string) => self.lead(name, &string),
                None => {
                    return Err(format!(
                        "the value of {name} is no connection string\nhelp: say what to set, as in \
                         --env {name}={{host}}; known are {{{}}}",
                        PARTS.join("}, {")
                    ));
                }
            },
        }
        Ok(())
    }

    /// The text with the parts of the address in the place of their names in braces.
    fn filled(&self, text: &str) -> String {
        let part = |name: &str| match name {
            "url" => Some(self.watched.led_to(&self.host, self.port)),
            "host" => Some(self.host.clone()),
            "port" => Some(self.port.to_string()),
            "user" => self.watched.user(),
            "password" => self.watched.password(),
            _ => self.watched.database(),
        };
        // In one pass, because a password may hold braces.
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(&part(name).unwrap_or_default());
            rest = after;
        }
        filled + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://ann:s3cret@db.example/shop?sslmode=require";

    fn pointed(environment: &[(&str, &str)], requests: &[&str]) -> Result<Pointing, String> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let requests: Vec<VariableRequest> = requests
            .iter()
            .map(|r| r.parse().expect("a request"))
            .collect();
        let watched = ConnectionString::parse(URL).expect("a URL");
        point(
            &environment,
            &watched,
            SocketAddr::from(([127, 0, 0, 1], 9)),
            &requests,
        )
    }

    fn value<'p>(pointing: &'p Pointing, name: &str) -> Option<&'p str> {
        let found = pointing.set.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn everything_that_leads_to_the_server_leads_to_us() {
        let environment = [
            (
                "DATABASE_URL",
                "postgresql+psycopg://bob:x@db.example:5432/other",
            ),
            ("SPRING_DATASOURCE_URL", "jdbc:postgresql://DB.example/shop"),
            ("REDIS_URL", "redis://db.example:5432"),
            ("REPLICA_URL", "postgres://ann:s3cret@replica.example/shop"),
            ("PGSERVICE", "prod"),
            ("PGCHANNELBINDING", "require"),
            ("PGUSER", "stray"),
        ];
        let pointing = pointed(&environment, &[]).unwrap();
        let get = |name| value(&pointing, name);
        assert_eq!(
            get("DATABASE_URL"),
            Some("postgresql+psycopg://bob:x@127.0.0.1:9/other")
        );
        assert_eq!(
            get("SPRING_DATASOURCE_URL"),
            Some("jdbc:postgresql://127.0.0.1:9/shop")
        );
        assert_eq!(get("REDIS_URL"), None);
        assert_eq!(get("REPLICA_URL"), None);
        assert_eq!(
            (get("PGHOST"), get("PGPORT")),
            (Some("127.0.0.1"), Some("9"))
        );
        assert_eq!(
            (get("PGUSER"), get("PGPASSWORD")),
            (Some("ann"), Some("s3cret"))
        );
        assert_eq!(
            (get("PGDATABASE"), get("PGSSLMODE")),
            (Some("shop"), Some("disable"))
        );
        assert_eq!(get("PGCHANNELBINDING"), Some("disable"));
        assert_eq!(pointing.removed, ["PGSERVICE"]);
    }

    #[test]
    fn nothing_that_is_told_holds_a_password() {
        let environment = [("TEST_URL", "postgres://ann:s3cret@db.example/test")];
        let pointing =
            pointed(&environment, &["A={password}", "B", "C={url}", "D=s3cret"]).unwrap();
        assert_eq!(value(&pointing, "A"), Some("s3cret"));
        assert!(
            !format!("{:?}", pointing.told).contains("s3cret"),
            "{:?}",
            pointing.told
        );
        assert!(
            pointing
                .told
                .iter()
                .any(|p| p.to == "set to postgres://ann@127.0.0.1:9/test")
        );
    }

    #[test]
    fn variables_of_libpq_that_name_another_server_are_left_alone() {
        let pointing = pointed(&[("PGHOST", "other.example")], &[]).unwrap();
        assert_eq!(value(&pointing, "PGHOST"), None);
        assert_eq!(value(&pointing, "PGSSLMODE"), None);
        assert!(value(&pointing, "DATABASE_URL").is_some());
        let own = [
            ("PGHOST", "db.example"),
            ("PGUSER", "carl"),
            ("PGPASSWORD", "pw"),
        ];
        let pointing = pointed(&own, &[]).unwrap();
        assert_eq!(value(&pointing, "PGHOST"), Some("127.0.0.1"));
        assert_eq!(value(&pointing, "PGUSER"), None);
        assert_eq!(value(&pointing, "PGDATABASE"), Some("shop"));
    }

    #[test]
    fn named_variables_are_pointed_or_refused() {
        let environment = [
            ("OTHER", "postgres://u:p@elsewhere:6000/x"),
            ("DB_HOST", "db.example"),
        ];
        let pointing = pointed(
            &environment,
            &["OTHER", "NEW", "DB_HOST={host}", "P=x{port}y"],
        )
        .unwrap();
        assert_eq!(
            value(&pointing, "OTHER"),
            Some("postgres://u:p@127.0.0.1:9/x")
        );
        assert_eq!(
            value(&pointing, "NEW"),
            Some("postgres://ann:s3cret@127.0.0.1:9/shop?sslmode=disable")
        );
        assert_eq!(value(&pointing, "DB_HOST"), Some("127.0.0.1"));
        assert_eq!(value(&pointing, "P"), Some("x9y"));
        let error = pointed(&environment, &["DB_HOST"]).err().unwrap();
        assert!(error.contains("--env DB_HOST={host}"), "{error}");
        assert!("A={hots}".parse::<VariableRequest>().is_err());
        assert!("A={host".parse::<VariableRequest>().is_err());
        assert!("=x".parse::<VariableRequest>().is_err());
    }

    #[test]
    fn an_address_of_every_interface_is_reached_on_this_one() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:5"), "127.0.0.1:5");
        assert_eq!(reached("[::]:5"), "[::1]:5");
        assert_eq!(reached("10.1.2.3:5"), "10.1.2.3:5");
    }
}
