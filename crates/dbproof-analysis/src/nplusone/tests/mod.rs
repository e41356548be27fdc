//! The labelled corpus of traces in `tests/traces/`, and what has to be found in each.

mod corpus;

use std::collections::BTreeSet;
use std::path::Path;

use dbproof_model::Schema;

use super::{Detection, Detector, Thresholds};
use crate::traffic::{Executed, HashKey, Statements};

/// The cases: their names and texts.
fn cases() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let only = std::env::var("TRACE").unwrap_or_default();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(file).unwrap())
        })
        .filter(|(name, _)| name.contains(&only))
        .collect()
}

fn statements() -> Statements {
    Statements::new(HashKey(1, 2))
}

fn detect(schema: Schema, executions: Vec<Executed>) -> Detection {
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, schema);
    executions
        .into_iter()
        .for_each(|executed| detector.push(executed));
    detector.finish()
}

fn detected(text: &str) -> Detection {
    detect(
        corpus::schema(),
        corpus::executions(&mut statements(), text, 0),
    )
}

/// The groups as the cases write them.
fn seen(detection: &Detection) -> BTreeSet<String> {
    let group = |g: &dbproof_model::NPlusOneGroup| {
        let parent = g.parent.as_ref().map(|p| format!(" <- {}", p.column));
        format!(
            "{} {}/{} {}{}",
            g.verdict.as_str(),
            g.executions,
            g.distinct_values,
            g.template,
            parent.unwrap_or_default()
        )
    };
    detection.groups.iter().map(group).collect()
}

#[test]
fn what_each_case_of_the_corpus_says_is_found_and_nothing_else() {
    let mut failures = Vec::new();
    let cases = cases();
    for (name, text) in &cases {
        assert!(text.contains('!'), "{name}: says nothing");
        let detection = detected(text);
        let expected: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix('!'))
            .filter(|line| *line != "nothing")
            .map(str::to_owned)
            .collect();
        if seen(&detection) != expected {
            failures.push(format!(
                "{name}:\n  {expected:#?}\n  {:#?}",
                seen(&detection)
            ));
        }
        assert_eq!(detection.findings.len(), detection.groups.len(), "{name}");
    }
    assert!(!cases.is_empty());
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn no_value_reaches_a_finding() {
    let text = "1 | select id, user_id from orders where status = 'secret-1' | | orders.id,orders.user_id | 1,771;2,772;3,773\n\
                for x in 771..773: 1 | select name from users where id = {x} and name <> 'secret-2' | | users.name | a";
    let detection = detected(text);
    assert_eq!(detection.findings.len(), 1);
    let written = format!("{detection:?}");
    assert!(
        !written.contains("secret") && !written.contains("77"),
        "{written}"
    );
    let remedy = detection.groups[0].remedy_sql.as_deref();
    assert_eq!(
        remedy,
        Some("select name, id from users where id = ANY($1) and name <> $2")
    );
}

const LOOPED: &str = include_str!("../../../tests/traces/looped_by_name.txt");

#[test]
fn an_incomplete_capture_is_searched_and_said_to_be_incomplete() {
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, corpus::schema());
    for executed in corpus::executions(&mut statements(), LOOPED, 0) {
        detector.push(executed);
    }
    detector.incomplete("a stream was unreadable".to_owned());
    detector.incomplete("a stream was unreadable".to_owned());
    let detection = detector.finish();
    let codes: Vec<_> = detection.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["n-plus-one", "capture-incomplete"]);
    assert_eq!(detection.incomplete, ["a stream was unreadable"]);
    assert_eq!((detection.executions, detection.sessions), (21, 1));
}

#[test]
fn rows_that_were_not_kept_are_no_counter_evidence() {
    let text = "1@a | select id from orders | | orders.id | 1;2;3;4;5;6\n\
                for x in 1..50: 1@a | select quantity from items where order_id = $1 | {x}";
    let mut executions = corpus::executions(&mut statements(), text, 0);
    executions[0].rows = 50;
    let detection = detect(corpus::schema(), executions);
    assert_eq!(detection.findings[0].code, "n-plus-one");
}

#[test]
fn without_a_catalog_no_foreign_key_proves() {
    let executions = corpus::executions(&mut statements(), LOOPED, 0);
    let detection = detect(Schema::default(), executions);
    let codes: Vec<_> = detection.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["n-plus-one-likely"]);
}
