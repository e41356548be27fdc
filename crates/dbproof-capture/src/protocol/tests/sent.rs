//! What was sent, where it is kept, and which statements were sent at once.

use super::wire::*;
use super::{collected_by, collector_that_keeps};

/// The texts as they were sent, each with its parameters in text form; `-` where it is not kept.
fn sent(conversation: &[&[Sent]]) -> Vec<String> {
    let mut whole = startup();
    whole.extend(conversation.iter().copied().flatten().cloned());
    let collector = collected_by(collector_that_keeps(true), &whole);
    let told = collector.executed.iter().map(|executed| {
        let Some(sent) = &executed.sent else {
            return "-".to_owned();
        };
        let mut text = sent.sql.trim().to_owned();
        for parameter in &sent.parameters {
            let value = parameter.value.as_deref().map(String::from_utf8_lossy);
            text = format!("{text} | {}", value.unwrap_or("NULL".into()));
        }
        text
    });
    told.collect()
}

#[test]
fn execute_keeps_the_statement_that_it_runs() {
    let prepare = "prepare pay(int, int) as update a set x = $2 where id = $1";
    let through = [
        parse("", "execute pay($1, 4)", &[]),
        bind("", "", &[Some("3")]),
        execute("", 0),
        sync(),
        parsed(),
        bound(),
        complete("UPDATE 1"),
        ready(b'I'),
    ];
    assert_eq!(
        sent(&[
            &simple(prepare, "PREPARE", b'I'),
            &simple("execute pay(1, null)", "UPDATE 1", b'I'),
            &simple("execute pay(1 + 1, 2)", "UPDATE 1", b'I'),
            &through,
        ]),
        [
            prepare,
            "update a set x = $2 where id = $1 | 1 | NULL",
            "-",
            "update a set x = $2 where id = $1 | 3 | 4",
        ]
    );
}

#[test]
fn a_text_that_was_cut_off_is_not_kept() {
    let long = format!("update a set x = '{}'", "x".repeat(1 << 20));
    assert_eq!(
        sent(&[
            &simple(&long, "UPDATE 1", b'I'),
            &extended(&long, "UPDATE 1", b'I'),
            &simple("update a set x = 'y'", "UPDATE 1", b'I'),
        ]),
        ["-", "-", "update a set x = 'y'"]
    );
}

#[test]
fn what_is_sent_at_once_is_one_series() {
    let batch = [
        query("update a set x = 1; update b set x = 1"),
        complete("UPDATE 1"),
        complete("UPDATE 1"),
        ready(b'I'),
    ];
    let pipeline = [
        parse("", "update c set x = $1", &[]),
        bind("", "", &[Some("1")]),
        execute("", 0),
        bind("", "", &[Some("2")]),
        execute("", 0),
        sync(),
        bind("", "", &[Some("3")]),
        execute("", 0),
        sync(),
        parsed(),
        bound(),
        complete("UPDATE 1"),
        bound(),
        complete("UPDATE 1"),
        ready(b'I'),
        bound(),
        complete("UPDATE 1"),
        ready(b'I'),
    ];
    let mut whole = startup();
    whole.extend(batch);
    whole.extend(pipeline);
    let collector = collected_by(collector_that_keeps(true), &whole);
    let series: Vec<_> = collector.executed.iter().map(|e| e.series).collect();
    let first = series[0];
    assert_eq!(series, [first, first, first + 1, first + 1, first + 2]);
}
