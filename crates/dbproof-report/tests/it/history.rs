//! The same queries in earlier runs.

use dbproof_model::RunRecord;
use dbproof_report::formats::{Document as _, Setting};
use dbproof_report::history::History;

use crate::sample;

fn earlier(day: u32, p95: Option<f64>) -> RunRecord {
    let mut record = sample::full();
    record.run_id = format!("day {day}");
    record.started_at = format!("2026-02-{day:02}T09:15:03Z");
    let git = record.git.as_mut().expect("a checkout");
    git.commit = format!("{day:02}aaaaaaaaaaaaaaaa");
    let slow = record.scenarios.slow.as_mut().expect("it ran");
    slow.queries[0].p95_ms = p95;
    record
}

fn drawn(format: &str, record: &RunRecord, history: &History) -> String {
    let format = RunRecord::format(format).expect("registered");
    let setting = Setting {
        history: Some(history),
        ..Setting::default()
    };
    (format.draw)(record, &setting)
}

#[test]
fn runs_are_put_in_order_and_counted_once() {
    let record = sample::full();
    let mut other = earlier(3, Some(9.0));
    other.project = Some("another".to_owned());
    let mut moved = earlier(1, None);
    moved.host.cores = 2;
    let given = [
        earlier(5, Some(0.9)),
        moved,
        earlier(5, Some(0.9)),
        record.clone(),
        other,
        earlier(28, Some(7.0)),
    ];
    let history = History::of(&record, &given);
    let starts: Vec<&str> = history.runs.iter().map(|r| &r.started_at[..10]).collect();
    assert_eq!(starts, ["2026-02-01", "2026-02-05", "2026-02-14"]);
    assert_eq!((history.of_others, history.incomparable()), (1, 1));
    let own = record.scenarios.slow.as_ref().expect("it ran").queries[0].p95_ms;
    assert_eq!(history.series[0].p95_ms, [None, Some(0.9), own]);
}

#[test]
fn it_is_drawn_with_commits_and_dates() {
    let record = sample::full();
    let given = [earlier(1, Some(1.5)), earlier(5, Some(0.9))];
    let history = History::of(&record, &given);
    for format in ["terminal", "markdown", "html"] {
        let text = drawn(format, &record, &history);
        assert!(
            text.contains("3 runs since 2026-02-01T09:15:03Z"),
            "{format}: {text}"
        );
    }
    let markdown = drawn("markdown", &record, &history);
    assert!(
        markdown.contains("2026-02-05T09:15:03Z    05aaaaaaaaaa    0.9"),
        "{markdown}"
    );
    assert!(markdown.contains('▁') && markdown.contains('█'));
    let html = drawn("html", &record, &history);
    assert!(html.contains("<polyline points=\"0.00,"));
    assert!(html.contains("0.900 ms at 05aaaaaaaaaa, 2026-02-05T09:15:03Z"));
}

#[test]
fn nothing_of_it_becomes_markup() {
    let attack = "</svg><script>alert(1)</script>";
    let record = sample::filled_with(attack);
    let mut before = sample::filled_with(attack);
    before.run_id = "before".to_owned();
    let history = History::of(&record, &[before]);
    assert_eq!(history.runs.len(), 2);
    assert!(!drawn("html", &record, &history).contains("<script"));
    assert!(!drawn("markdown", &record, &history).contains("\n<script"));
}
