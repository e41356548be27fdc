//! The metrics of a run.

use crate::sample;

#[test]
fn a_full_record_and_a_watch() {
    insta::assert_snapshot!(dbproof_report::prometheus::render(&sample::full()));
    insta::assert_snapshot!(dbproof_report::prometheus::render(&sample::watched()));
}

#[test]
fn what_was_not_measured_has_no_sample() {
    for record in [sample::empty(), sample::hollow(), sample::without_figures()] {
        let text = dbproof_report::prometheus::render(&record);
        assert!(text.contains("dbproof_run_verdict{"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("null"), "{text}");
    }
}

#[test]
fn no_statement_and_no_name_of_a_run_is_a_label() {
    // Where every free string is the same, only labels that are names remain to hold it.
    let text = dbproof_report::prometheus::render(&sample::filled_with("a \"b\" \\ c\nd"));
    let names: std::collections::BTreeSet<&str> = text
        .lines()
        .flat_map(|line| {
            line.match_indices("=\"a \\\"b")
                .map(move |(at, _)| &line[..at])
        })
        .map(|before| before.rsplit(['{', ',']).next().unwrap())
        .collect();
    let expected = [
        "code",
        "engine",
        "project",
        "query",
        "server_version",
        "shape",
        "version",
    ];
    assert_eq!(names, expected.into());
}
