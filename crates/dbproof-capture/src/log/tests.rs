//! Logs that real servers wrote (`scripts/record-logs`), and what has to be read from each.

use std::fmt::Write as _;

use dbproof_analysis::traffic::{Executed, HashKey};

use super::{LogError, LogReader, LogSummary};

const LOGS: &[(&str, &str)] = &[
    (
        "14-duration.csv",
        include_str!("../../tests/logs/14-duration.csv"),
    ),
    (
        "14-statement.csv",
        include_str!("../../tests/logs/14-statement.csv"),
    ),
    (
        "15-duration.csv",
        include_str!("../../tests/logs/15-duration.csv"),
    ),
    (
        "15-duration.json",
        include_str!("../../tests/logs/15-duration.json"),
    ),
    (
        "15-statement.csv",
        include_str!("../../tests/logs/15-statement.csv"),
    ),
    (
        "15-statement.json",
        include_str!("../../tests/logs/15-statement.json"),
    ),
    (
        "18-duration.csv",
        include_str!("../../tests/logs/18-duration.csv"),
    ),
    (
        "18-duration.json",
        include_str!("../../tests/logs/18-duration.json"),
    ),
    (
        "18-statement.csv",
        include_str!("../../tests/logs/18-statement.csv"),
    ),
    (
        "18-statement.json",
        include_str!("../../tests/logs/18-statement.json"),
    ),
];

fn read(text: &str) -> Result<(Vec<Executed>, LogSummary), LogError> {
    let mut reader = LogReader::new(HashKey(1, 2));
    let mut executed = Vec::new();
    reader.read(text.as_bytes(), |more| executed.extend(more))?;
    let summary = reader.finish(|more| executed.extend(more));
    Ok((executed, summary))
}

/// The executions as lines, times left out.
fn told(executed: &[Executed]) -> String {
    let mut lines = String::new();
    for one in executed {
        let failed = one
            .failed
            .map(|state| String::from_utf8_lossy(&state).into_owned());
        let route = one.tags.as_ref().and_then(|tags| tags.get("route"));
        writeln!(
            lines,
            "{} {:?} {} {:?} {:?}",
            one.session,
            one.transaction,
            one.statement.shape(),
            failed,
            route
        )
        .unwrap();
    }
    lines
}

const EXPECTED: &str = r#"1 None select id, user_id from orders order by id limit ? None Some("/orders")
1 None select name from users where id = ? None None
1 None select name from users where id = ? None None
1 None select name from users where id = ? None None
1 None select name from users where id = ? None None
1 None select name from users where id = ? None None
1 None select name from users where id = ? None None
1 Some(1) begin None None
1 Some(1) update users set name = ? where id = ? None None
1 Some(1) select nothing from users Some("42703") None
1 Some(1) rollback None None
2 None select name from users where id = ? None None
2 None select name from users where id = ? None None
2 None select name from users where id = ? None None
2 None select name from users where id = ? None None
2 None select name from users where id = ? None None
2 None select name from users where id = ? None None
"#;

#[test]
fn every_format_and_setting_tells_the_same() {
    for (name, text) in LOGS {
        let (executed, summary) = read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(told(&executed), EXPECTED, "{name}");
        assert_eq!(summary.databases, ["shop"], "{name}");
        assert_eq!((summary.executions, summary.sessions), (17, 2), "{name}");
        assert_eq!(summary.incomplete, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn literals_parameters_and_times_are_read() {
    for (name, text) in LOGS {
        let (executed, _) = read(text).unwrap();
        let literal = dbproof_analysis::traffic::ValueHasher::new(HashKey(1, 2));
        assert_eq!(executed[1].values[0], literal.text(b"2"), "{name}");
        let bound = &executed[11].values[0];
        let ids = (1..=50).map(|id: u32| literal.text(id.to_string().as_bytes()));
        assert!(ids.into_iter().any(|id| id == *bound), "{name}");
        assert!(
            executed.iter().all(|e| e.sent_us <= e.finished_us),
            "{name}"
        );
        assert!(executed.iter().any(|e| e.sent_us < e.finished_us), "{name}");
    }
}

#[test]
fn a_log_that_is_still_written_is_read_up_to_its_end() {
    for (name, text) in LOGS {
        let cut = text.len() - 40;
        let (executed, summary) = read(&text[..cut]).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(executed.len() >= 15, "{name}");
        assert_eq!(summary.incomplete.len(), 1, "{name}");
        assert!(summary.incomplete[0].contains("cut off"), "{name}");
    }
}

#[test]
fn another_format_says_the_line_and_what_to_set() {
    let message = |text: &str| read(text).unwrap_err().to_string();
    let plain = "2026-11-24 13:17:43.248 UTC [31202] LOG:  statement: select 1\n";
    assert!(
        message(plain).starts_with("line 1 is neither"),
        "{}",
        message(plain)
    );
    assert!(message(plain).contains("log_destination"));
    let (_, json) = LOGS[3];
    let broken = json
        .replacen("\n{", "\nnot json\n{", 3)
        .replacen("not json", "{", 1);
    assert!(message(&broken).contains("line 2"), "{}", message(&broken));
    assert!(read("").unwrap().0.is_empty());
}

#[test]
fn statements_without_durations_take_no_time() {
    let (_, with) = LOGS[5];
    let lines = with.lines().filter(|line| !line.contains("duration: "));
    let (mut executed, _) = read(&lines.collect::<Vec<_>>().join("\n")).unwrap();
    // What has no end in the log is only known to be over when the session goes on.
    executed.sort_by_key(|e| e.session);
    assert_eq!(told(&executed), EXPECTED);
    let timed = executed
        .iter()
        .filter(|e| e.sent_us < e.finished_us && e.failed.is_none());
    assert_eq!(timed.count(), 0);
}
