//! `nothing-captured`: a watch in which no statement passed.

use dbproof_model::{Finding, Scenario, Severity, WatchRecord};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "nothing-captured",
    scenario: Scenario::Watch,
    severity: Severity::Warning,
    title: "no statement was captured",
    page: include_str!("nothing_captured.md"),
};

/// The finding about a watch, which says what was pointed where.
#[must_use]
pub fn finding(watch: &WatchRecord) -> Finding {
    let connected = match watch.sessions {
        0 => format!("nobody connected to {}", watch.listened),
        1 => format!(
            "one session connected to {}, and executed nothing",
            watch.listened
        ),
        n => format!(
            "{n} sessions connected to {}, and executed nothing",
            watch.listened
        ),
    };
    let pointed: Vec<&str> = watch.pointed.iter().map(|p| p.name.as_str()).collect();
    let message = match pointed.as_slice() {
        [] => format!(
            "{connected}, which leads to {}; no variable was pointed there, because the application \
             was started elsewhere",
            watch.server
        ),
        names => format!(
            "{connected}, which leads to {} and which these variables were pointed at: {}",
            watch.server,
            names.join(", ")
        ),
    };
    let remedy = if watch.command.is_empty() {
        format!(
            "let the application connect to {} instead of {}",
            watch.listened, watch.server
        )
    } else {
        "look where the application takes its address from: if it is written into a settings file or \
         comes from a variable of another name, name that variable with --env (`--env DB_HOST={host} \
         --env DB_PORT={port}`); if it connects to another server or over a unix socket, name that \
         one with --database-url"
            .to_owned()
    };
    KIND.about("capture", message)
        .with_evidence("sessions", watch.sessions)
        .with_evidence("listened", watch.listened.clone())
        .with_evidence("server", watch.server.clone())
        .with_evidence("pointed", pointed)
        .with_remedy(remedy, None)
}
