//! A collector of OpenTelemetry, by OTLP over HTTP with protobuf (`http/protobuf`).
//!
//! * `settings`: where to and with what, from the destination and OpenTelemetry's own variables.
//! * `payload`: a record as a request.
//! * `delivery`: the request on its way, tried again as OTLP says.

mod delivery;
mod payload;
mod settings;

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_scenarios::project::config::Endpoint;
use prost::Message as _;

use crate::commands::runner::until_interrupted;
use crate::exit::{Outcome, UsageError};
use settings::Settings;

/// Whether the destination and the variables can be used, as far as that can be told without going there.
pub(super) fn check(endpoint: Option<&Endpoint>) -> Result<(), UsageError> {
    Settings::of(endpoint, environment).map(|_| ())
}

/// Sends the figures of a run. Points that the collector refuses are an error, because they are lost.
pub(super) fn send(endpoint: Option<&Endpoint>, record: &RunRecord) -> anyhow::Result<Outcome> {
    let settings = Settings::of(endpoint, environment)?;
    let request = payload::request(record, &settings.resource);
    let points = payload::points(&request);
    let failed = || format!("failed to export to {}", settings.endpoint);
    let answer = until_interrupted(delivery::deliver(&settings, request.encode_to_vec()))
        .with_context(failed)?;
    let Some(answer) = answer else {
        return Ok(Outcome::Interrupted);
    };
    let said = match answer.message.as_str() {
        "" => String::new(),
        message => format!(": {message}"),
    };
    if answer.rejected > 0 {
        let rejected = answer.rejected;
        return Err(anyhow::anyhow!(
            "{rejected} of {points} points were refused{said}"
        ))
        .with_context(failed);
    }
    if !said.is_empty() {
        anstream::eprintln!("warning: {}{said}", settings.endpoint);
    }
    anstream::eprintln!("{points} points sent to {}", settings.endpoint);
    Ok(Outcome::Pass)
}

/// A variable; an empty one counts as not set, as OpenTelemetry says.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
