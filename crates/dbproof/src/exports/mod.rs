//! Where the figures of a run go: [`Exports`]. One file a destination.

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "otlp_left_out.rs"]
mod otlp;
mod prometheus;
mod store;

use dbproof_model::RunRecord;
use dbproof_postgres::Address;
use dbproof_postgres::store::Keep;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::project::config::Destination;

use crate::exit::{Outcome, UsageError};

/// The variables that name a collector's endpoint, where `otlp` alone is given.
const OTLP_ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty())
}

/// The destinations, known to be usable as far as that can be told without going there.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    destinations: Vec<Destination>,
    keep: Option<Keep>,
}

impl Exports {
    /// Those of the arguments, or else those of the configuration.
    ///
    /// A variable that is not set is an error where somebody has just named it. One that the
    /// configuration names is passed over with a warning: whoever runs a fork, or runs dbproof on
    /// their own machine, has not been given the store's password.
    pub(crate) fn of(
        project: &Project,
        arguments: &[String],
        keep: Option<Keep>,
    ) -> anyhow::Result<Self> {
        let config = &project.config.export;
        let mut exports = Exports {
            destinations: Vec::new(),
            keep: keep.or(config.keep().map_err(UsageError)?),
        };
        for text in arguments {
            let destination = parsed(text)?;
            let resolved = resolved(destination)?.map_err(|name| {
                UsageError(format!(
                    "the variable {name} is not set, and names where to export to"
                ))
            })?;
            exports.add(resolved)?;
        }
        if !arguments.is_empty() {
            return Ok(exports);
        }
        for text in &config.to {
            match resolved(parsed(text)?)? {
                Ok(Destination::Prometheus(file)) => {
                    let file = project.folder.join(file);
                    exports.destinations.push(Destination::Prometheus(file));
                }
                Ok(destination) => exports.add(destination)?,
                Err(name) => anstream::eprintln!(
                    "warning: nothing is exported to `{text}` of dbproof.toml: the variable {name} \
                     is not set"
                ),
            }
        }
        Ok(exports)
    }

    fn add(&mut self, destination: Destination) -> Result<(), UsageError> {
        if let Destination::Otlp(endpoint) = &destination {
            otlp::check(endpoint.as_ref())?;
        }
        self.destinations.push(destination);
        Ok(())
    }

    /// Sends the figures of a run to every destination; one that fails does not keep them from the
    /// others.
    pub(crate) fn send(&self, record: &RunRecord) -> anyhow::Result<Outcome> {
        let mut failed = None;
        for destination in &self.destinations {
            let sent = match destination {
                Destination::Prometheus(file) => prometheus::write(file, record),
                Destination::Otlp(endpoint) => otlp::send(endpoint.as_ref(), record),
                Destination::Store(url) => Address::parse(url)
                    .map_err(anyhow::Error::from)
                    .and_then(|address| store::store(&address, record, self.keep)),
                Destination::Variable(_) => unreachable!("variables are resolved"),
            };
            match (sent, &failed) {
                (Ok(Outcome::Pass), _) => {}
                (Ok(outcome), _) => return Ok(outcome),
                (Err(error), None) => failed = Some(error),
                (Err(error), Some(_)) => anstream::eprintln!("error: {error:#}"),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Outcome::Pass),
        }
    }
}

fn parsed(text: &str) -> Result<Destination, UsageError> {
    text.parse().map_err(UsageError)
}

/// The destination that a variable holds, or its name where it is empty or not set: a secret that a
/// CI does not give away is empty.
fn resolved(destination: Destination) -> Result<Result<Destination, String>, UsageError> {
    let name = match destination {
        Destination::Variable(name) => name,
        Destination::Otlp(None) if !OTLP_ENDPOINTS.iter().any(|name| is_set(name)) => {
            return Ok(Err(OTLP_ENDPOINTS[0].to_owned()));
        }
        destination => return Ok(Ok(destination)),
    };
    match std::env::var(&name).ok().filter(|value| !value.is_empty()) {
        None => Ok(Err(name)),
        Some(text) => match text.parse() {
            Ok(Destination::Variable(_)) => Err(UsageError(format!(
                "the variable {name} names another variable; it must hold the destination itself"
            ))),
            Ok(destination) => Ok(Ok(destination)),
            Err(error) => Err(UsageError(format!("the variable {name}: {error}"))),
        },
    }
}
