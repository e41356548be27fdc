//! What differs between two records.

use dbproof_model::{RunRecord, Severity};
use dbproof_report::delta;
use dbproof_report::terminal::Style;

use crate::sample;

/// The sample after somebody worked on it: one error mended, one query slower, a new error.
fn changed() -> RunRecord {
    let mut record = sample::full();
    let mut new = record.findings[2].clone();
    "threshold-exceeded".clone_into(&mut new.code);
    "product_search".clone_into(&mut new.subject);
    new.severity = Severity::Error;
    record.findings.remove(0);
    record.findings[0].severity = Severity::Error;
    record.findings.insert(0, new);
    record.seed = 43;
    "18.0".clone_into(&mut record.server.version);
    record
        .server
        .settings
        .insert("jit".to_owned(), "on".to_owned());
    let scenarios = &mut record.scenarios;
    if let Some(slow) = &mut scenarios.slow {
        slow.queries[0].p95_ms = Some(3.4);
        slow.queries.remove(1);
    }
    if let Some(regress) = &mut scenarios.regress {
        regress.queries[0].verdict = dbproof_model::RegressVerdict::Regressed;
    }
    if let Some(nplusone) = &mut scenarios.nplusone {
        nplusone.groups.remove(0);
    }
    record
}

#[test]
fn a_record_does_not_differ_from_itself() {
    for record in [sample::full(), sample::empty(), sample::without_figures()] {
        let delta = delta::compare(&record, &record);
        assert!(!delta.has_new_errors());
        assert!(delta.new.is_empty() && delta.gone.is_empty() && delta.incomparable.is_empty());
        assert_eq!(delta.remaining.len(), record.findings.len());
        assert!(delta.regress.is_empty() && delta.groups.is_empty());
    }
}

#[test]
fn what_changed_is_told() {
    let delta = delta::compare(&sample::full(), &changed());
    assert!(delta.has_new_errors());
    insta::assert_snapshot!("terminal", delta::terminal(&delta, &Style::default()));
    insta::assert_snapshot!("markdown", delta::markdown(&delta));
}

#[test]
fn a_finding_that_became_an_error_is_a_new_error() {
    let mut head = sample::full();
    head.findings[1].severity = Severity::Error;
    assert!(delta::compare(&sample::full(), &head).has_new_errors());
    assert!(!delta::compare(&head, &sample::full()).has_new_errors());
}

#[test]
fn what_was_not_looked_for_is_not_gone() {
    let delta = delta::compare(&sample::full(), &sample::empty());
    assert_eq!((delta.gone.len(), delta.unchecked.len()), (0, 4));
}

#[test]
fn a_comment_stays_under_its_limit_and_counts_what_it_left_out() {
    let mut head = sample::filled_with(&"long ".repeat(400));
    let finding = head.findings[0].clone();
    for number in 0..500 {
        let mut finding = finding.clone();
        finding.subject = format!("query {number}");
        head.findings.push(finding);
    }
    let text = delta::markdown(&delta::compare(&sample::full(), &head));
    assert!(text.len() < 64_000, "{}", text.len());
    assert!(
        text.trim_end()
            .ends_with("left out, because it would be larger than 64 kB._")
    );
}
