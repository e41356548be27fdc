//! A request on its way to a collector: [`deliver`].
//!
//! What is tried again is what the OTLP specification names ("OTLP/HTTP Throttling", "Failures"): 429, 502, 503 and
//! 504, and connections that fail. A point that arrives twice is the same point.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dbproof_postgres::trusted_certificates;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use rand::RngExt as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, http};

use super::settings::{Header, Settings};

/// How long a collector is asked again that asks for patience.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a connection is tried: a wrong URL should not take a minute.
const CONNECTIONS: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// No answer of a collector is longer.
const LONGEST_ANSWER: u64 = 1024 * 1024;

const PROTOBUF: &str = "application/x-protobuf";

/// A collector that took the request, if not all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Points that it refused.
    pub(super) rejected: i64,
    /// What it has to say.
    pub(super) message: String,
}

/// Why a request did not arrive. Never holds a header's value.
#[derive(Debug)]
pub(super) enum DeliveryError {
    /// The file of certificates to trust cannot be used.
    Certificates(String),
    /// No answer came.
    Connection(ureq::Error),
    /// The collector refused, or asked for more patience than there is.
    Refused { status: u16, message: String },
}

impl std::fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeliveryError::Certificates(error) => f.write_str(error),
            DeliveryError::Connection(error) => write!(f, "no answer: {error}"),
            DeliveryError::Refused { status, message } => {
                write!(f, "the collector answered {status}")?;
                match *status {
                    401 | 403 => f.write_str(
                        "; OTEL_EXPORTER_OTLP_HEADERS holds what authorises, such as \
                         `authorization=Bearer%20…`",
                    )?,
                    404 => f.write_str("; is this its URL for OTLP over HTTP?")?,
                    _ => {}
                }
                if message.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {message}")
                }
            }
        }
    }
}

impl std::error::Error for DeliveryError {}

/// What became of one attempt.
enum Attempt {
    Taken(Taken),
    /// Worth another attempt, after this pause where the collector named one.
    Later(DeliveryError, Option<Duration>),
    Failed(DeliveryError),
}

/// Sends a request until it is taken, refused, or patience is at its end.
pub(super) async fn deliver(settings: &Settings, body: Vec<u8>) -> Result<Taken, DeliveryError> {
    let agent = agent(settings)?;
    let body = Arc::new(body);
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut connections = 0;
    loop {
        let sending = {
            let (agent, body) = (agent.clone(), Arc::clone(&body));
            let (url, headers) = (settings.endpoint.to_string(), settings.headers.clone());
            tokio::task::spawn_blocking(move || attempt(&agent, &url, &headers, &body))
        };
        let (error, asked) = match sending.await.expect("sending does not panic") {
            Attempt::Taken(taken) => return Ok(taken),
            Attempt::Failed(error) => return Err(error),
            Attempt::Later(error, asked) => (error, asked),
        };
        if matches!(error, DeliveryError::Connection(_)) {
            connections += 1;
            if connections == CONNECTIONS {
                return Err(error);
            }
        }
        let wait = asked.unwrap_or_else(|| spread(pause));
        if began.elapsed() + wait > PATIENCE {
            return Err(error);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a collector that asks for a pause tells nothing before it is over"
        )]
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Between half of a pause and all of it, so that those who were refused together do not come back together.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

fn agent(settings: &Settings) -> Result<Agent, DeliveryError> {
    let mut tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
    if settings.endpoint.as_str().starts_with("https:") {
        tls = tls.root_certs(RootCerts::new_with_certs(&trusted(settings)?));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(settings.timeout))
        .http_status_as_error(false)
        // Headers are for this collector alone.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("dbproof/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(config.build().new_agent())
}

/// The certificates of the user's file, or else those of the system.
fn trusted(settings: &Settings) -> Result<Vec<Certificate<'static>>, DeliveryError> {
    let found = match &settings.certificates {
        Some((variable, file)) => trusted_certificates(variable, Some(file)),
        None => trusted_certificates("https", None),
    };
    let found = found.map_err(DeliveryError::Certificates)?.into_iter();
    Ok(found
        .map(|certificate| Certificate::from_der(&certificate).to_owned())
        .collect())
}

fn attempt(agent: &Agent, url: &str, headers: &[Header], body: &[u8]) -> Attempt {
    let mut request = agent.post(url).content_type(PROTOBUF);
    for header in headers {
        request = request.header(&header.name, &header.value);
    }
    let mut response = match request.send(body) {
        Ok(response) => response,
        Err(error) => return unanswered(error),
    };
    let status = response.status().as_u16();
    let is_protobuf =
        of_header(&response, "content-type").is_some_and(|kind| kind.starts_with(PROTOBUF));
    let pause = of_header(&response, "retry-after").and_then(pause);
    let limited = response.body_mut().with_config().limit(LONGEST_ANSWER);
    let answer = limited.read_to_vec().unwrap_or_default();
    if (200..300).contains(&status) {
        return Attempt::Taken(taken(&answer, is_protobuf, headers));
    }
    let message = if is_protobuf {
        Status::decode(answer.as_slice()).map_or_else(|_| String::new(), |status| status.message)
    } else {
        String::from_utf8_lossy(&answer).into_owned()
    };
    let error = DeliveryError::Refused {
        status,
        message: shown(&message, headers),
    };
    match status {
        429 | 502..=504 => Attempt::Later(error, pause),
        _ => Attempt::Failed(error),
    }
}

/// What is wrong with the request or with a certificate is wrong the next time too.
fn unanswered(error: ureq::Error) -> Attempt {
    let is_lasting = match &error {
        ureq::Error::Http(_)
        | ureq::Error::BadUri(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    let error = DeliveryError::Connection(error);
    if is_lasting {
        Attempt::Failed(error)
    } else {
        Attempt::Later(error, None)
    }
}

fn of_header<'a>(response: &'a http::Response<ureq::Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// A `Retry-After`: seconds, or a moment (RFC 9110, 10.2.3).
fn pause(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()?;
    let ahead = jiff::Timestamp::now().duration_until(moment);
    // One that has passed already is no pause.
    Some(Duration::try_from(ahead).unwrap_or(Duration::ZERO))
}

fn taken(answer: &[u8], is_protobuf: bool, headers: &[Header]) -> Taken {
    let answer = is_protobuf
        .then(|| ExportMetricsServiceResponse::decode(answer).ok())
        .flatten();
    answer
        .and_then(|answer| answer.partial_success)
        .map_or_else(Taken::default, |partial| Taken {
            rejected: partial.rejected_data_points,
            message: shown(&partial.error_message, headers),
        })
}

/// What a collector said, on one line and not too long. One that repeats a header must not have us show it.
fn shown(message: &str, headers: &[Header]) -> String {
    let mut message = message.to_owned();
    for header in headers {
        for secret in header.value.split(' ').filter(|secret| secret.len() > 3) {
            message = message.replace(secret, "…");
        }
    }
    let words: Vec<&str> = message
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let mut shown: String = words.join(" ").chars().take(300).collect();
    if words.join(" ").chars().count() > 300 {
        shown.push('…');
    }
    shown
}

/// How a collector says what it refused: `google.rpc.Status`, of which only the message is for people.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_moment() {
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let ahead = pause("Wed, 21 Oct 2093 07:28:00 GMT").unwrap();
        assert!(ahead > Duration::from_secs(365 * 24 * 3600));
        assert_eq!(pause("soon"), None);
    }

    #[test]
    fn a_pause_is_spread_over_its_second_half() {
        for _ in 0..100 {
            let spread = spread(Duration::from_secs(2));
            assert!(spread >= Duration::from_secs(1) && spread <= Duration::from_secs(2));
        }
    }

    #[test]
    fn what_a_collector_says_is_one_line_and_repeats_no_header() {
        let headers = [Header {
            name: "authorization".to_owned(),
            value: "Bearer s3cret".to_owned(),
        }];
        let said = "no\n such\ttoken: Bearer s3cret\u{1b}[31m";
        assert_eq!(
            shown(said, &headers),
            "no such token: … …  [31m".replace("  ", " ")
        );
        assert_eq!(shown(&"x ".repeat(400), &[]).chars().count(), 301);
    }
}
