//! What differs between two records.

use dbproof_model::{Finding, RunRecord, Severity, Verdict};
use dbproof_report::delta::{self, Change, Delta};
use dbproof_report::terminal::Style;
use serde_json::Value;

use crate::sample;

const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../schema/dbproof.diff-1.json"
);

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
    let scenarios = &mut record.scenarios;
    if let Some(slow) = &mut scenarios.slow {
        slow.queries[0].p95_ms = Some(3.4);
        slow.queries[0].bounds = Some(dbproof_model::Interval {
            estimate: 3.4,
            low: Some(3.2),
            high: Some(3.6),
        });
        slow.queries.remove(1);
    }
    if let Some(regress) = &mut scenarios.regress {
        regress.queries[0].verdict = dbproof_model::RegressVerdict::Regressed;
    }
    if let Some(nplusone) = &mut scenarios.nplusone {
        nplusone.groups.remove(0);
        if let Some(page) = nplusone.pages.first_mut() {
            page.statements += 40;
        }
    }
    record
}

/// The same on another server.
fn elsewhere() -> RunRecord {
    let mut record = changed();
    record.seed = 43;
    "18.0".clone_into(&mut record.server.version);
    let settings = &mut record.server.settings;
    settings.insert("jit".to_owned(), "on".to_owned());
    record
}

/// What became of a query.
fn of(delta: &Delta, name: &str) -> Option<Change> {
    let found = delta.queries.iter().find(|query| query.name == name);
    found.map(|query| query.change)
}

#[test]
fn a_record_does_not_differ_from_itself() {
    for record in [
        sample::full(),
        sample::empty(),
        sample::without_figures(),
        sample::watched(),
    ] {
        let delta = delta::compare(&record, &record);
        assert!(!delta.has_new_errors() && !delta.has_undecided());
        assert!(delta.incomparable.is_empty());
        assert_eq!(delta.findings.len(), record.findings.len());
        assert!(delta.findings.iter().all(|f| f.change == Change::Same));
        assert!(delta.queries.iter().all(|q| q.change == Change::Same));
    }
}

#[test]
fn what_changed_is_told() {
    let delta = delta::compare(&sample::full(), &changed());
    assert!(delta.has_new_errors());
    insta::assert_snapshot!("terminal", delta::terminal(&delta, &Style::default()));
    insta::assert_snapshot!("markdown", delta::markdown(&delta));
    let html = delta::html(&delta);
    assert!(
        html.contains("<title>dbproof: what changed</title>") && html.contains("order_history")
    );
}

#[test]
fn another_machine_decides_nothing_by_times() {
    let here = delta::compare(&sample::full(), &changed());
    let there = delta::compare(&sample::full(), &elsewhere());
    assert_eq!(of(&here, "order_history"), Some(Change::Worse));
    let slow = there
        .queries
        .iter()
        .find(|q| q.name == "order_history")
        .unwrap();
    assert!(slow.reason.is_empty(), "{slow:?}");
    assert_eq!(there.incomparable.len(), 3, "{:?}", there.incomparable);
}

#[test]
fn a_finding_that_became_an_error_is_a_new_error() {
    let mut head = sample::full();
    head.findings[1].severity = Severity::Error;
    assert!(delta::compare(&sample::full(), &head).has_new_errors());
    assert!(!delta::compare(&head, &sample::full()).has_new_errors());
}

#[test]
fn a_finding_that_moved_is_the_same() {
    let mut head = sample::full();
    for finding in &mut head.findings {
        if let Some(location) = &mut finding.location {
            location.line += 40;
        }
        finding.message.push_str(" (measured anew)");
    }
    let delta = delta::compare(&sample::full(), &head);
    assert_eq!(delta.count(Change::Same).0, head.findings.len());
}

#[test]
fn what_was_not_looked_for_is_not_gone() {
    let delta = delta::compare(&sample::full(), &sample::empty());
    assert_eq!(delta.count(Change::Unchecked).0, 4);
    assert_eq!(delta.count(Change::Gone).0, 0);
    // The scenario ran, but the query was not decided.
    let mut head = sample::full();
    head.findings
        .retain(|finding| finding.code != "too-few-samples");
    let slow = head.scenarios.slow.as_mut().unwrap();
    let query = slow
        .queries
        .iter_mut()
        .find(|q| q.name == "revenue_report")
        .unwrap();
    query.verdict = Verdict::Inconclusive;
    let delta = delta::compare(&sample::full(), &head);
    assert_eq!(delta.count(Change::Unchecked).0, 1);
    let slow = head.scenarios.slow.as_mut().unwrap();
    slow.queries
        .iter_mut()
        .for_each(|q| q.verdict = Verdict::Pass);
    let delta = delta::compare(&sample::full(), &head);
    assert_eq!(delta.count(Change::Gone).0, 1);
}

#[test]
fn what_is_no_longer_decided_is_no_pass() {
    let mut base = sample::full();
    let slow = base.scenarios.slow.as_mut().unwrap();
    slow.queries[0].verdict = Verdict::Pass;
    let mut head = base.clone();
    let slow = head.scenarios.slow.as_mut().unwrap();
    slow.queries[0].verdict = Verdict::Inconclusive;
    let delta = delta::compare(&base, &head);
    assert!(delta.has_undecided() && !delta.has_new_errors());
    assert!(delta::markdown(&delta).contains("less was decided"));
}

/// A run with so many queries and findings, each with a remedy.
fn large(queries: usize, findings: usize) -> RunRecord {
    let mut record = sample::full();
    let slow = record.scenarios.slow.as_mut().unwrap();
    let query = slow.queries[0].clone();
    slow.queries = (0..queries)
        .map(|number| {
            let mut query = query.clone();
            query.name = format!("query_{number:04}_with_a_name_as_long_as_they_are");
            query
        })
        .collect();
    let finding = record.findings[0].clone();
    record.findings = (0..findings)
        .map(|number| Finding {
            subject: format!("SELECT … FROM table_{number:04} WHERE parent_id = $1"),
            ..finding.clone()
        })
        .collect();
    record
}

#[test]
fn a_comment_stays_under_its_limit_and_counts_what_it_left_out() {
    let mut base = large(500, 0);
    base.scenarios.nplusone.as_mut().unwrap().groups.clear();
    let mut head = large(500, 200);
    let slow = head.scenarios.slow.as_mut().unwrap();
    for query in slow.queries.iter_mut().skip(480) {
        query.verdict = Verdict::Fail;
    }
    let delta = delta::compare(&base, &head);
    assert_eq!(
        (delta.count(Change::New).0, delta.count(Change::Worse).1),
        (200, 20)
    );
    let text = delta::markdown(&delta);
    assert!(
        text.chars().count() <= 65_536 && text.len() < 64_000,
        "{}",
        text.len()
    );
    // Rows stay whole, and none of another importance stands before a cut one.
    let rows = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(rows("| **new** | **error** |"), 200, "every new error");
    assert_eq!(
        rows("| **worse** | slow |"),
        20,
        "and every query that is worse"
    );
    let left: usize = text
        .lines()
        .filter_map(|line| line.strip_prefix('_')?.strip_suffix('_'))
        .filter_map(|line| {
            line.split_once(" row")?
                .0
                .replace(',', "")
                .parse::<usize>()
                .ok()
        })
        .sum();
    let shown = text.lines().filter(|line| line.starts_with("| ")).count() - 4;
    assert_eq!(shown + left, delta.findings.len() + delta.queries.len());
    assert!(left > 0);
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        assert!(line.ends_with(" |"), "{line}");
    }
    assert!(text.contains("more findings the report has the remedies"));
    assert!(delta::html(&delta).len() < 5_000_000);
}

#[test]
fn the_largest_of_runs_fits_as_well() {
    let base = sample::full();
    let mut head = sample::filled_with(&"長い名前 ".repeat(800));
    let finding = head.findings[0].clone();
    for number in 0..400 {
        let mut finding = finding.clone();
        finding.subject.push_str(&number.to_string());
        finding
            .evidence
            .insert("relation".to_owned(), number.into());
        head.findings.push(finding);
    }
    let text = delta::markdown(&delta::compare(&base, &head));
    assert!(text.len() < 64_000, "{}", text.len());
    assert!(text.contains("left out here"));
}

#[test]
fn no_field_becomes_markup() {
    let attack = "</td></details><script>alert(1)</script> | x `y` @team";
    let delta = delta::compare(&sample::full(), &sample::filled_with(attack));
    assert!(!delta::html(&delta).contains("<script"));
    let markdown = delta::markdown(&delta);
    let columns = |line: &str| line.matches('|').count();
    for line in markdown.lines().filter(|line| line.starts_with("| ")) {
        assert!([6, 10].contains(&columns(line)), "{line}");
    }
}

/// Run with `UPDATE_SCHEMA=1` after a change of the delta's types.
#[test]
fn the_checked_in_schema_is_the_one_of_the_delta() {
    let generated = delta::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&generated).expect("a schema is JSON") + "\n";
        std::fs::write(SCHEMA_FILE, text).expect("the schema folder can be written");
    }
    let stored = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();
    let stored: Value = serde_json::from_str(&stored).unwrap_or_default();
    assert!(
        stored == generated,
        "schema/dbproof.diff-1.json is not what the types say; regenerate it with\n\
         UPDATE_SCHEMA=1 cargo test -p dbproof-report the_checked_in_schema"
    );
    let validator = jsonschema::draft202012::new(&generated).expect("a valid schema");
    let delta = delta::compare(&sample::full(), &changed());
    let value: Value = serde_json::from_str(&delta::json(&delta)).expect("JSON");
    assert!(validator.is_valid(&value));
    assert_eq!(
        serde_json::from_value::<Delta>(value).expect("read back"),
        delta
    );
}
