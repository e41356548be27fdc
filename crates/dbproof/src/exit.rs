//! The exit codes, a documented interface: [`Outcome`].

use std::io;
use std::process::ExitCode;

use dbproof_model::{RunRecord, Severity, Verdict};
use dbproof_postgres::PostgresError;
use dbproof_postgres::store::StoreError;
use dbproof_scenarios::RunError;

use crate::arguments::FailOn;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0: checked and within bounds, or nothing to check.
    Pass,
    /// 1: a finding at or above `--fail-on`.
    Fail,
    /// 4: too little was seen to tell.
    Inconclusive,
    /// 130: Ctrl-C or SIGTERM.
    Interrupted,
    /// The code of the command that `watch` ran, which is not 0.
    Command(u8),
}

/// An error of wrong usage, for which there is no type of its own.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// The exit code of a command's outcome; an error is written to standard error.
pub(crate) fn code(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Pass) => ExitCode::SUCCESS,
        Ok(Outcome::Fail) => ExitCode::from(1),
        Ok(Outcome::Inconclusive) => ExitCode::from(4),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Ok(Outcome::Command(code)) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(if is_wrong_input(&error) { 2 } else { 3 })
        }
    }
}

/// The outcome of a run under `--fail-on`.
pub(crate) fn outcome(record: &RunRecord, fail_on: FailOn) -> Outcome {
    let fails_from = match fail_on {
        FailOn::Never => return Outcome::Pass,
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
    };
    let found = record
        .findings
        .iter()
        .any(|finding| finding.severity >= fails_from);
    match record.verdict {
        Verdict::Fail => Outcome::Fail,
        _ if found => Outcome::Fail,
        Verdict::Inconclusive => Outcome::Inconclusive,
        Verdict::Pass => Outcome::Pass,
    }
}

/// Whoever reads our output has seen enough; that is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether the user's usage, configuration or input is at fault, and not the environment.
fn is_wrong_input(error: &anyhow::Error) -> bool {
    let wrong_address = |error: &PostgresError| {
        matches!(
            error,
            PostgresError::InvalidUrl { .. }
                | PostgresError::UnusableBinaries { .. }
                | PostgresError::Value(_)
        )
    };
    error.chain().any(|cause| {
        cause.is::<UsageError>()
            || matches!(
                cause.downcast_ref::<StoreError>(),
                Some(StoreError::OtherRun { .. })
            )
            || match cause.downcast_ref::<RunError>() {
                Some(RunError::Input(_)) => true,
                Some(RunError::Environment(error)) => wrong_address(error),
                _ => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use dbproof_scenarios::InputError;

    use super::*;

    #[test]
    fn errors_are_told_apart_by_who_is_at_fault() {
        let check = |error: anyhow::Error, expected| assert_eq!(is_wrong_input(&error), expected);
        check(RunError::from(InputError::new("x")).into(), true);
        check(UsageError("x".to_owned()).into(), true);
        let url = PostgresError::InvalidUrl {
            reason: String::new(),
        };
        check(RunError::from(url).into(), true);
        check(
            RunError::from(PostgresError::NoUnprivilegedUser).into(),
            false,
        );
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(
            &anyhow::Error::from(pipe).context("failed to write")
        ));
    }
}
