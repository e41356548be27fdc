//! The labelled corpus of traces in `tests/traces/`, and what has to be found in each.

mod busy;
mod corpus;

use std::collections::BTreeSet;
use std::path::Path;

use dbproof_model::Schema;

use super::{Detection, Detector, IgnoreRule, Thresholds};
use crate::traffic::{Executed, HashKey, SentText, Statements};

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
    for executed in executions {
        detector.push(executed);
    }
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

/// The groups with their parents' templates and everything that is counted.
fn told(detection: &Detection) -> BTreeSet<String> {
    let groups = detection.groups.iter();
    groups
        .map(|g| {
            format!(
                "{} {} {:?} {} executions, {} values, {} sessions, {} units",
                g.verdict.as_str(),
                g.template,
                g.parent,
                g.executions,
                g.distinct_values,
                g.sessions,
                g.unit_count
            )
        })
        .collect()
}

/// Every case in a database of its own, some times over: one after the other, or all at once.
fn all_cases(statements: &mut Statements, repeats: u64, at_once: bool) -> (Vec<Executed>, u32) {
    let mut all = Vec::new();
    let mut begin_us = 0;
    let cases = cases();
    for repeat in 0..repeats {
        let mut end_us = begin_us;
        for (database, (_, text)) in (0..).zip(&cases) {
            // What names a unit must not name another one of another case.
            let text = text.replace('@', &format!("@{repeat}-{database}-"));
            let executions = corpus::executions(statements, &text, database);
            let offset = if at_once { begin_us } else { end_us };
            for mut executed in executions {
                executed.session += 200_000 * u32::try_from(repeat).unwrap();
                executed.sent_us += offset;
                executed.finished_us += offset;
                end_us = end_us.max(executed.finished_us);
                all.push(executed);
            }
        }
        begin_us = end_us + 1_000;
    }
    all.sort_by_key(|executed| executed.sent_us);
    (all, u32::try_from(cases.len()).unwrap())
}

#[test]
fn what_is_found_does_not_depend_on_where_windows_end() {
    for (at_once, limits) in [(false, [6_000, 9_000]), (true, [12_000, 15_000])] {
        let (all, databases) = all_cases(&mut statements(), 8, at_once);
        let in_windows_of = |executions: usize| {
            let mut detector = Detector::with_window(Thresholds::default(), executions, usize::MAX);
            for database in 0..databases {
                detector.schema(database, corpus::schema());
            }
            for executed in &all {
                detector.push(executed.clone());
            }
            told(&detector.finish())
        };
        let whole = in_windows_of(usize::MAX);
        assert!(whole.len() > 40, "{whole:#?}");
        for executions in limits {
            assert!(all.len() > executions);
            let parts = in_windows_of(executions);
            let differing: Vec<_> = whole.symmetric_difference(&parts).collect();
            assert!(
                differing.is_empty(),
                "at once: {at_once}, {executions}: {differing:#?}"
            );
        }
    }
}

/// Whether everything that a case says is a loop with a known parent.
fn has_identity_alone(text: &str) -> bool {
    let mut said = text.lines().filter(|line| line.starts_with('!'));
    said.all(|line| line.contains(" <- "))
}

/// The executions with each pause one to twenty times as long, by a seed. Those that are longer than
/// a burst's gap already are left: a pause of seconds is no jitter.
fn stretched(mut executions: Vec<Executed>, seed: u64) -> Vec<Executed> {
    let gap_us = Thresholds::default().burst_gap_us();
    let mut state = seed;
    let (mut before_us, mut offset_us) = (0, 0);
    for executed in &mut executions {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let factor = (mixed ^ (mixed >> 31)) % 20;
        let pause_us = executed.sent_us - before_us;
        before_us = executed.sent_us;
        if pause_us <= gap_us {
            offset_us += pause_us * factor;
        }
        executed.sent_us += offset_us;
        executed.finished_us += offset_us;
    }
    executions
}

#[test]
fn what_identity_proves_does_not_depend_on_pauses() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, text) in cases().iter().filter(|(_, text)| has_identity_alone(text)) {
        count += 1;
        let expected = seen(&detected(text));
        for seed in 0..25 {
            let executions = corpus::executions(&mut statements(), text, 0);
            let found = seen(&detect(corpus::schema(), stretched(executions, seed)));
            if found != expected {
                failures.push(format!("{name}, seed {seed}: {found:#?}"));
            }
        }
    }
    assert!(count > 0);
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
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

#[test]
fn a_catalog_may_come_late() {
    let mut detector = Detector::new(Thresholds::default());
    for executed in corpus::executions(&mut statements(), LOOPED, 0) {
        detector.push(executed);
        assert_eq!(detector.wants_schema(), [0]);
    }
    detector.schema(0, corpus::schema());
    assert!(detector.wants_schema().is_empty());
    assert_eq!(detector.finish().findings[0].code, "n-plus-one");
}

#[test]
fn where_no_catalog_tells_the_traffic_does() {
    // Made in a transaction that was never committed: the OIDs are in no catalog.
    let text = "1.1 | select id, user_id from orders | | orders.id,orders.user_id | 1,7;2,8;3,9;4,7;5,8\n\
                for x in 1..5: 1.1 | select total from orders where id = $1 | {x} | orders.total | 5";
    let executions = corpus::executions(&mut statements(), text, 0);
    let detection = detect(Schema::default(), executions);
    let group = &detection.groups[0];
    assert_eq!(detection.findings[0].code, "n-plus-one");
    assert_eq!(group.parent.as_ref().unwrap().column, "orders.id");
    assert_eq!(group.executions, 5);
}

#[test]
fn different_databases_never_join() {
    let mut executions = corpus::executions(&mut statements(), LOOPED, 0);
    executions[0].database = 1;
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, corpus::schema());
    detector.schema(1, corpus::schema());
    for executed in executions {
        detector.push(executed);
    }
    let detection = detector.finish();
    assert_eq!(detection.findings[0].code, "n-plus-one-likely");
}

#[test]
fn ignored_repetition_is_told_and_no_finding() {
    let text = "1@a | select user_id from orders | | orders.user_id | 1;2;3\n\
                for x in 1..3: 1@a | select name from users where id = {x} /*route='%2Fadmin'*/ | | users.name | n\n\
                1@b | select user_id from orders | | orders.user_id | 1;2;3\n\
                for x in 1..3: 1@b | select name from users where id = {x} /*route='%2F',file='a.py',line='7'*/ | | users.name | n";
    let rules = vec![
        IgnoreRule::tag("route", "/admin", "three rows at the most"),
        IgnoreRule::template("from products where id = 1", "gone"),
    ];
    let mut detector = Detector::new(Thresholds::default()).ignoring(rules);
    detector.schema(0, corpus::schema());
    for executed in corpus::executions(&mut statements(), text, 0) {
        detector.push(executed);
    }
    let detection = detector.finish();
    let ignored: Vec<_> = detection
        .groups
        .iter()
        .map(|g| g.ignored.as_deref())
        .collect();
    assert_eq!(ignored.len(), 2);
    assert!(ignored.contains(&None) && ignored.contains(&Some("three rows at the most")));
    let codes: Vec<_> = detection.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["n-plus-one", "unused-ignore"]);
    let location = detection.findings[0].location.as_ref().unwrap();
    assert_eq!((location.file.as_str(), location.line), ("a.py", 7));
    assert!(
        detection.findings[1]
            .subject
            .contains("from products where id = ?")
    );
}

#[test]
fn texts_are_kept_of_children_and_their_parent() {
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, corpus::schema());
    for (nth, mut executed) in (0_u32..).zip(corpus::executions(&mut statements(), LOOPED, 0)) {
        executed.sent = Some(Box::new(SentText {
            sql: format!("text {nth}").into(),
            parameters: Vec::new(),
        }));
        detector.push(executed);
    }
    let detection = detector.finish();
    let sample = &detection.samples[0];
    let texts: Vec<&str> = sample.children.iter().map(|sent| &*sent.sql).collect();
    assert_eq!(
        (texts.len(), texts[0], texts[19]),
        (20, "text 1", "text 20")
    );
    assert_eq!(&*sample.parent.as_ref().unwrap().sql, "text 0");
    assert_eq!(sample.position, Some(0));
}
