//! Where metrics are sent and with what: [`Settings`].
//!
//! Variables and their precedence are those of OpenTelemetry's specification ("OTLP Exporter Configuration",
//! "Resource SDK"): what is set for metrics alone comes before what is set for all signals.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dbproof_scenarios::project::config::Endpoint;
use percent_encoding::percent_decode_str;

use crate::exit::UsageError;

/// How long one attempt may take, unless a variable says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) headers: Vec<Header>,
    pub(super) timeout: Duration,
    /// Certificates to trust instead of the system's, as PEM, and the variable that names them.
    pub(super) certificates: Option<(String, PathBuf)>,
    /// Attributes of the resource that the user adds, as name and value.
    pub(super) resource: Vec<(String, String)>,
}

/// A header of every request. Its value is a secret, and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

impl Settings {
    /// Those for a destination, or else for the endpoint of the variables.
    pub(super) fn of(
        endpoint: Option<&Endpoint>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, UsageError> {
        let of_otlp = |key: &str| {
            ["OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_"]
                .into_iter()
                .find_map(|prefix| {
                    let name = format!("{prefix}{key}");
                    variable(&name).map(|value| (name, value))
                })
        };
        let endpoint = match endpoint {
            Some(endpoint) => endpoint.for_metrics(),
            None => named_endpoint(of_otlp("ENDPOINT"), of_otlp("PROTOCOL"))?,
        };
        let headers = match of_otlp("HEADERS") {
            Some((name, text)) => pairs(&name, &text)?,
            None => Vec::new(),
        };
        let timeout = match of_otlp("TIMEOUT") {
            Some((name, text)) => milliseconds(&name, &text)?,
            None => TIMEOUT,
        };
        let mut resource = match variable("OTEL_RESOURCE_ATTRIBUTES") {
            Some(text) => pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?,
            None => Vec::new(),
        };
        if let Some(service) = variable("OTEL_SERVICE_NAME") {
            resource.retain(|(name, _)| name != "service.name");
            resource.push(("service.name".to_owned(), service));
        }
        let headers = headers.into_iter();
        Ok(Settings {
            endpoint,
            headers: headers
                .map(|(name, value)| Header { name, value })
                .collect(),
            timeout,
            certificates: of_otlp("CERTIFICATE").map(|(name, path)| (name, PathBuf::from(path))),
            resource,
        })
    }
}

/// The endpoint of the variables: that of metrics as it is, that of all signals with metrics' path below it.
fn named_endpoint(
    endpoint: Option<(String, String)>,
    protocol: Option<(String, String)>,
) -> Result<Endpoint, UsageError> {
    let (name, text) = endpoint.ok_or_else(|| {
        UsageError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is not set, and names where to export to".to_owned(),
        )
    })?;
    if let Some((protocol, value)) = protocol.filter(|(_, value)| value == "grpc") {
        return Err(UsageError(format!(
            "{protocol} is {value}, and dbproof speaks http/protobuf: name the collector's port for \
             HTTP, which is often 4318, as otlp=URL"
        )));
    }
    let endpoint: Endpoint = text
        .parse()
        .map_err(|error| UsageError(format!("{name}: {error}")))?;
    Ok(if name.contains("_METRICS_") {
        endpoint
    } else {
        endpoint.for_metrics()
    })
}

fn milliseconds(name: &str, text: &str) -> Result<Duration, UsageError> {
    let number: Option<u64> = text.trim().parse().ok().filter(|number| *number > 0);
    let wrong = || UsageError(format!("{name} takes milliseconds, a whole number above 0"));
    number.map(Duration::from_millis).ok_or_else(wrong)
}

/// `name=value,name=value`, values percent-encoded. What is wrong is told by its number: a value may be a secret.
fn pairs(variable: &str, text: &str) -> Result<Vec<(String, String)>, UsageError> {
    let mut pairs = Vec::new();
    let entries = text.split(',').map(str::trim);
    for (number, entry) in (1..).zip(entries.filter(|entry| !entry.is_empty())) {
        let wrong = |what: &str| UsageError(format!("{variable}: entry {number} {what}"));
        let (name, value) = entry
            .split_once('=')
            .ok_or_else(|| wrong("is not of the form name=value"))?;
        let value = percent_decode_str(value.trim()).decode_utf8();
        let value = value.map_err(|_| wrong("holds a value that is no UTF-8"))?;
        let name = name.trim();
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
        if !is_name || value.chars().any(char::is_control) {
            return Err(wrong("holds characters that cannot be sent"));
        }
        pairs.push((name.to_owned(), value.into_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let endpoint: Option<Endpoint> = url.map(|url| url.parse().unwrap());
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::of(endpoint.as_ref(), variable).map_err(|error| error.0)
    }

    #[test]
    fn the_endpoint_is_that_of_the_destination_or_of_the_variables() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/base");
        let metrics = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics/own");
        for (url, variables, expected) in [
            (
                Some("http://here"),
                &[all, metrics][..],
                "http://here/v1/metrics",
            ),
            (None, &[all][..], "http://all:4318/base/v1/metrics"),
            (None, &[all, metrics][..], "http://metrics/own"),
        ] {
            let settings = settings(url, variables).unwrap();
            assert_eq!(settings.endpoint.as_str(), expected);
        }
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let error = settings(None, &[all, grpc]).unwrap_err();
        assert!(error.contains("http/protobuf"), "{error}");
        assert!(settings(Some("http://here"), &[grpc]).is_ok());
        assert!(settings(None, &[]).unwrap_err().contains("is not set"));
    }

    #[test]
    fn headers_are_decoded_and_shown_nowhere() {
        let headers = (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20s3cret, x-scope = a=b ,",
        );
        let read = settings(Some("http://c"), &[headers]).unwrap();
        let told: Vec<(&str, &str)> = read
            .headers
            .iter()
            .map(|header| (header.name.as_str(), header.value.as_str()))
            .collect();
        assert_eq!(
            told,
            [("authorization", "Bearer s3cret"), ("x-scope", "a=b")]
        );
        assert!(!format!("{read:?}").contains("s3cret"));
        for text in ["s3cret", "=s3cret", "a=s3cret%0d%0ab: c", "a=s3cret%ff"] {
            let variable = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", text);
            let error = settings(Some("http://c"), &[variable]).unwrap_err();
            assert!(
                !error.contains("s3cret") && error.contains("entry 1"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_rest_of_the_variables_is_read() {
        let read = settings(
            Some("http://c"),
            &[
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
                (
                    "OTEL_RESOURCE_ATTRIBUTES",
                    "service.name=a,deployment.environment=ci",
                ),
                ("OTEL_SERVICE_NAME", "shop"),
            ],
        );
        let read = read.unwrap();
        assert_eq!(read.timeout, Duration::from_millis(2500));
        let variable = "OTEL_EXPORTER_OTLP_CERTIFICATE".to_owned();
        assert_eq!(
            read.certificates,
            Some((variable, PathBuf::from("/ca.pem")))
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("deployment.environment", "ci"),
            pair("service.name", "shop"),
        ];
        assert_eq!(read.resource, expected);
        for text in ["0", "soon", "-1"] {
            let variable = ("OTEL_EXPORTER_OTLP_TIMEOUT", text);
            assert!(settings(Some("http://c"), &[variable]).is_err(), "{text}");
        }
    }
}
