//! What makes a finding the same finding in another run: [`fingerprint`].

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use dbproof_model::{Finding, Severity};
use serde_json::Value;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// What of the evidence says which thing a finding is about, beside its subject: the relation, the
/// statement that a loop belongs to, the setting that a shape was measured at.
const IDENTIFYING: [&str; 3] = ["relation", "parent", "deadlock_timeout_ms"];

/// Names what a finding is about: 32 hexadecimal digits, the same in every run that finds the same
/// thing.
///
/// It is the 128-bit `SipHash` (1-3, with a key of zeros) of the finding's code, scenario and subject,
/// and of the evidence that says what it is about: `relation`, `parent` and `deadlock_timeout_ms`.
/// Neither the place in a file nor the severity, the message, a figure or a parameter's value is part
/// of it, so that a line that moves and a time that differs leave it as it is.
#[must_use]
pub fn fingerprint(finding: &Finding) -> String {
    let mut parts = vec![
        finding.code.clone(),
        finding.scenario.as_str().to_owned(),
        finding.subject.clone(),
    ];
    for name in IDENTIFYING {
        let value = finding.evidence.get(name).map(text).unwrap_or_default();
        parts.push(value);
    }
    of(&parts)
}

/// The fingerprints of all findings of a run, in their order, each once: where several findings would
/// share one, the second and later ones are told apart by their number.
#[must_use]
pub fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    let mut unique = |finding| {
        let first = fingerprint(finding);
        let count = seen.entry(first.clone()).or_default();
        *count += 1;
        match *count {
            1 => first,
            n => of(&[first, n.to_string()]),
        }
    };
    findings.iter().map(&mut unique).collect()
}

/// The hash of parts that are told apart by their lengths.
pub(crate) fn of(parts: &[String]) -> String {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part.as_bytes());
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

/// How much a finding matters, as an order: errors first.
pub(crate) fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Location, Scenario};
    use serde_json::Map;

    use super::*;

    fn finding() -> Finding {
        Finding {
            code: "n-plus-one".to_owned(),
            severity: Severity::Error,
            scenario: Scenario::NPlusOne,
            subject: "select 1 from b where a_id = ?".to_owned(),
            title: "one query, and then one more".to_owned(),
            message: "executed 20 times".to_owned(),
            location: None,
            evidence: Map::new(),
            remedy: None,
        }
    }

    #[test]
    fn it_is_published_and_must_never_change() {
        assert_eq!(fingerprint(&finding()), "0e3eb925b65dddf398fa1dfa2ca014e4");
    }

    #[test]
    fn places_and_figures_leave_it_as_it_is() {
        let mut moved = finding().with_evidence("executions", 900);
        moved.message = "executed 900 times".to_owned();
        moved.severity = Severity::Warning;
        moved.location = Some(Location {
            file: "queries/a.sql".to_owned(),
            line: 7,
        });
        assert_eq!(fingerprint(&moved), fingerprint(&finding()));
    }

    #[test]
    fn what_it_is_about_tells_findings_apart() {
        let mut all = vec![finding(), finding().with_evidence("relation", "orders")];
        all.push(finding().with_evidence("parent", "orders"));
        all.push(finding().with_evidence("deadlock_timeout_ms", 100.0));
        all.push(Finding {
            subject: "select 2".to_owned(),
            ..finding()
        });
        // The same finding twice in one run.
        all.extend([finding(), finding()]);
        let mut prints = fingerprints(&all);
        assert_eq!(prints[0], fingerprint(&all[0]));
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), all.len());
    }
}
