//! What the figures of a shape mean: verdicts and findings.

use dbproof_analysis::findings;
use dbproof_model::{DeadlockExpectation, DeadlockShape, DeadlockStorm, Finding, Verdict};

/// A shape passes when every run ended as expected, its control and its mended version deadlocked in
/// none, and the server counted as many deadlocks as the clients.
pub(super) fn verdict_of(record: &DeadlockShape) -> Verdict {
    let versions = [&record.control, &record.mended];
    if versions
        .into_iter()
        .flatten()
        .any(|version| version.deadlocks > 0)
        || is_unexpected(record)
    {
        return Verdict::Fail;
    }
    let needs_control = !matches!(
        record.expected,
        DeadlockExpectation::None | DeadlockExpectation::Any
    );
    let reproduced = record.as_expected == Some(record.runs);
    if reproduced && counts_agree(record) && (record.control.is_some() || !needs_control) {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

/// A storm has no expectation, but both counts of its deadlocks must agree.
pub(super) fn verdict_of_storm(storm: &DeadlockStorm) -> Verdict {
    let agree = storm
        .server_deadlocks
        .is_none_or(|counted| counted == storm.deadlocks);
    if agree && storm.commits > 0 {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    }
}

fn counts_agree(record: &DeadlockShape) -> bool {
    record
        .server_deadlocks
        .is_none_or(|counted| counted == record.deadlocks)
}

/// A shape that must not deadlock, and did.
fn is_unexpected(record: &DeadlockShape) -> bool {
    record.expected == DeadlockExpectation::None && record.deadlocks > 0
}

/// The findings about a shape, from its runs at every timeout.
pub(super) fn findings(records: &[DeadlockShape]) -> Vec<Finding> {
    let mut found: Vec<Finding> = records.iter().flat_map(findings_at).collect();
    // What the shape costs at the server's usual timeout, that is the longest one that was run.
    let longest = records
        .iter()
        .filter(|record| record.as_expected.is_some_and(|runs| runs > 0))
        .max_by(|a, b| a.deadlock_timeout_ms.total_cmp(&b.deadlock_timeout_ms));
    let Some(longest) = longest else {
        return found;
    };
    match longest.expected {
        DeadlockExpectation::Deadlock | DeadlockExpectation::Immediate => {
            found.push(findings::deadlock_cost::finding(longest));
        }
        DeadlockExpectation::Soft => found.push(findings::deadlock_soft::finding(longest)),
        DeadlockExpectation::Invisible => {
            found.push(findings::deadlock_invisible::finding(longest));
        }
        DeadlockExpectation::None | DeadlockExpectation::Any => {}
    }
    if let Some(savepoint) = &longest.savepoint {
        found.extend(findings::deadlock_savepoint::finding(longest, savepoint));
    }
    found
}

fn findings_at(record: &DeadlockShape) -> Vec<Finding> {
    let mut found = Vec::new();
    let versions = [&record.control, &record.mended];
    for version in versions.into_iter().flatten() {
        if version.deadlocks > 0 {
            found.push(findings::control_deadlocked::finding(record, version));
        }
    }
    if is_unexpected(record) {
        found.push(findings::deadlock_unexpected::finding(record));
    } else if record.as_expected != Some(record.runs) {
        found.push(findings::deadlock_not_reproduced::finding(record));
    }
    if !counts_agree(record) {
        found.push(findings::deadlock_count_differs::finding(record));
    }
    found
}

/// What a storm teaches about the count of deadlocks.
pub(super) fn storm_finding(storms: &[DeadlockStorm]) -> Option<Finding> {
    findings::deadlock_count_misleads::finding(storms)
}
