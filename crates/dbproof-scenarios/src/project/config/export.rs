//! `[export]`: where the figures of a run go besides its report, and how that is written:
//! [`ExportConfig`], [`Destination`], [`Endpoint`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use dbproof_postgres::Address;
use dbproof_postgres::store::Keep;
use schemars::JsonSchema;
use serde::Deserialize;

use super::place_of_key;
use crate::error::InputError;

/// `[export]`: where `dbproof run` sends its figures, and `dbproof export` without `--to`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportConfig {
    /// Destinations: `prometheus=FILE` (a file for `node_exporter`'s textfile collector, relative to
    /// this one's folder), `otlp=URL` (an OpenTelemetry collector; `otlp` alone for that of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`), `postgres://…` without a password (the results store), or
    /// `env:NAME` for one of these in the variable NAME.
    pub to: Vec<String>,
    /// For how long the results store keeps this project's runs, such as `90d` or `12w`; for ever
    /// where nothing is said.
    pub keep: Option<String>,
}

impl ExportConfig {
    /// Refuses what is no destination, and passwords: this file is checked in.
    pub(super) fn check(&self, file: &str, text: &str) -> Result<(), Box<InputError>> {
        let wrong = |key: &str, message: String| {
            InputError::at(format!("`{key}` {message}"), place_of_key(file, text, key))
        };
        for (number, entry) in (1..).zip(&self.to) {
            let destination: Destination = entry
                .parse()
                .map_err(|error| wrong("to", format!("entry {number}: {error}")))?;
            if destination.has_password() {
                return Err(wrong(
                    "to",
                    format!("entry {number} holds a password, and this file is read by many"),
                )
                .with_help(Some(
                    "put the URL into an environment variable and write `env:` and its name here"
                        .to_owned(),
                )));
            }
        }
        self.keep().map_err(|error| wrong("keep", error))?;
        Ok(())
    }

    /// For how long runs are kept; `None` for ever.
    pub fn keep(&self) -> Result<Option<Keep>, String> {
        let keep = self.keep.as_deref().map(str::parse::<Keep>).transpose();
        keep.map_err(|error| error.to_string())
    }
}

/// Where figures of a run go.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// `prometheus=FILE`: a file in Prometheus' text format.
    Prometheus(PathBuf),
    /// `otlp=URL`, or `otlp` for the endpoint that OpenTelemetry's own variables name.
    Otlp(Option<Endpoint>),
    /// `postgres://…`: the results store. The URL may hold a password.
    Store(String),
    /// `env:NAME`: what the variable holds.
    Variable(String),
}

impl Destination {
    fn has_password(&self) -> bool {
        match self {
            Destination::Store(url) => Address::parse(url).is_ok_and(|a| a.has_password()),
            _ => false,
        }
    }
}

impl FromStr for Destination {
    /// Never quotes the text, which may hold a password.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(file) = text.strip_prefix("prometheus=") {
            let is_file = !file.is_empty() && !file.ends_with('/');
            return is_file
                .then(|| Destination::Prometheus(PathBuf::from(file)))
                .ok_or_else(|| "the file's name is missing after `prometheus=`".to_owned());
        }
        if text == "otlp" {
            return Ok(Destination::Otlp(None));
        }
        if let Some(url) = text.strip_prefix("otlp=") {
            return Ok(Destination::Otlp(Some(url.parse()?)));
        }
        if let Some(name) = text.strip_prefix("env:") {
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            return is_name
                .then(|| Destination::Variable(name.to_owned()))
                .ok_or_else(|| "`env:` takes the name of an environment variable".to_owned());
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Address::parse(text).map_err(|error| error.to_string())?;
            return Ok(Destination::Store(text.to_owned()));
        }
        Err("not a destination; known are prometheus=FILE, otlp=URL, \
             postgres://USER@HOST/DATABASE and env:NAME"
            .to_owned())
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Prometheus(file) => f.debug_tuple("Prometheus").field(file).finish(),
            Destination::Otlp(endpoint) => f.debug_tuple("Otlp").field(endpoint).finish(),
            // The URL may hold a password.
            Destination::Store(_) => f.write_str("Store(…)"),
            Destination::Variable(name) => f.debug_tuple("Variable").field(name).finish(),
        }
    }
}

/// Where a collector of OpenTelemetry takes metrics: an `http://` or `https://` URL without credentials, so that it
/// may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL that metrics are sent to, where this one is that of the collector: `/v1/metrics` below it, unless it
    /// ends so.
    #[must_use]
    pub fn for_metrics(&self) -> Self {
        let base = self.0.trim_end_matches('/');
        if base.ends_with("/v1/metrics") {
            Endpoint(base.to_owned())
        } else {
            Endpoint(format!("{base}/v1/metrics"))
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Endpoint {
    /// Never quotes the text, which may hold a password.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or("an OTLP endpoint is a URL such as http://localhost:4318")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(
                "an OTLP endpoint takes no user and no password; put what authorises into \
                 OTEL_EXPORTER_OTLP_HEADERS, such as `authorization=Bearer%20…`"
                    .to_owned(),
            );
        }
        if rest.contains(['?', '#']) {
            return Err("an OTLP endpoint has neither `?` nor `#`".to_owned());
        }
        let is_plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if authority.is_empty() || authority.starts_with(':') || !rest.chars().all(is_plain) {
            return Err("the host is missing or not readable in the OTLP endpoint".to_owned());
        }
        Ok(Endpoint(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn destinations_are_read_and_their_passwords_are_shown_nowhere() {
        let check = |text: &str, expected| assert_eq!(text.parse(), Ok(expected), "{text}");
        check(
            "prometheus=a/b.prom",
            Destination::Prometheus("a/b.prom".into()),
        );
        check(
            "env:STORE_URL",
            Destination::Variable("STORE_URL".to_owned()),
        );
        check("otlp", Destination::Otlp(None));
        for (text, metrics) in [
            ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
            (
                "https://otlp.example/otlp/",
                "https://otlp.example/otlp/v1/metrics",
            ),
            ("http://c/v1/metrics", "http://c/v1/metrics"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.for_metrics().as_str(), metrics);
            check(&format!("otlp={text}"), Destination::Otlp(Some(endpoint)));
        }
        let url = "postgres://ann:s3cret@db/results";
        check(url, Destination::Store(url.to_owned()));
        assert!(!format!("{:?}", url.parse::<Destination>()).contains("s3cret"));
        let wrong = [
            "prometheus=",
            "prometheus=a/",
            "prometheus",
            "env:",
            "env:A B",
            "mysql://ann:s3cret@db/x",
            "otlp=",
            "otlp=localhost:4318",
            "otlp=http://",
            "otlp=http://:4318",
            "otlp=http://ann:s3cret@collector:4318",
            "otlp=https://collector/x?key=s3cret",
            "otlp=http://a b/s3cret",
            "postgres://ann:s3cret@db:port/x",
            "",
        ];
        for text in wrong {
            let error = text.parse::<Destination>().unwrap_err();
            assert!(!error.contains("s3cret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_refused_where_it_stands() {
        let text = "[export]\nkeep = \"90d\"\nto = [\"postgres://ann:s3cret@db/results\"]\n";
        let error = Config::parse("dbproof.toml", text).unwrap_err();
        insta::assert_snapshot!(error.to_string(), @r#"
        `to` entry 1 holds a password, and this file is read by many
         --> dbproof.toml:3:1
          |
        3 | to = ["postgres://ann:…@db/results"]
          | ^^
          |
          = help: put the URL into an environment variable and write `env:` and its name here
        "#);
        let broken = [
            "[export]\nto = \"postgres://ann:s3cret@db/results\"\n",
            "[export]\nto = [\"postgress://ann:s3cret@db/results\"]\n",
            "[export]\nto = [\"postgres://ann:s3cret@db/results]\n",
            "[export]\nfrom = [\"postgres://ann:s3cret@db/results\"]\n",
        ];
        for text in broken {
            let error = Config::parse("dbproof.toml", text).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        for text in ["[export]\nto = [\"x\"]\n", "[export]\nkeep = \"90\"\n"] {
            assert!(Config::parse("dbproof.toml", text).is_err(), "{text}");
        }
        let fine =
            "[export]\nto = [\"postgres://ann@db/results\", \"env:STORE\"]\nkeep = \"12w\"\n";
        let config = Config::parse("dbproof.toml", fine).unwrap();
        assert_eq!(config.export.keep().unwrap().unwrap().days(), 84);
    }
}
