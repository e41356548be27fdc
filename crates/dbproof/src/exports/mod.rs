//! Where the figures of a run go: [`Exports`]. One file a destination.

mod prometheus;
mod store;

use dbproof_model::RunRecord;
use dbproof_postgres::Address;
use dbproof_postgres::store::Keep;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::project::config::Destination;

use crate::exit::{Outcome, UsageError};

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
            exports.destinations.push(resolved);
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
                Ok(destination) => exports.destinations.push(destination),
                Err(name) => anstream::eprintln!(
                    "warning: nothing is exported to `env:{name}` of dbproof.toml: the variable is \
                     not set"
                ),
            }
        }
        Ok(exports)
    }

    /// Sends the figures of a run to every destination; one that fails does not keep them from the
    /// others.
    pub(crate) fn send(&self, record: &RunRecord) -> anyhow::Result<Outcome> {
        let mut failed = None;
        for destination in &self.destinations {
            let sent = match destination {
                Destination::Prometheus(file) => prometheus::write(file, record),
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
    let Destination::Variable(name) = destination else {
        return Ok(Ok(destination));
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
