//! Conversations, message by message, and what is read from them.

mod copying;
mod extended;
mod names;
mod sent;
mod simple;
mod splits;
mod stream;
mod unreadable;
mod wire;

use std::collections::HashMap;
use std::fmt::Write as _;

use dbproof_analysis::traffic::{Executed, HashKey, ValueHash, ValueHasher};

use super::{Collector, ReadingOptions, Session, SessionNews};
use crate::tap::Closed;
use wire::Sent;

const KEY: HashKey = HashKey(1, 2);

fn collector() -> Collector {
    collector_that_keeps(false)
}

fn collector_that_keeps(keep_sent: bool) -> Collector {
    Collector::new(ReadingOptions {
        key: KEY,
        keep_sent,
        idle_transaction_us: 1_000,
    })
}

/// Reads a conversation, each message at a moment of its own.
fn collected(conversation: &[Sent]) -> Collector {
    collected_by(collector(), conversation)
}

fn collected_by(mut collector: Collector, conversation: &[Sent]) -> Collector {
    let mut session = Session::new(1);
    let mut at_us = 0;
    for sent in conversation {
        at_us += 10;
        match sent {
            Sent::Client(bytes) => session.from_client(bytes, at_us, &mut collector),
            Sent::Server(bytes) => session.from_server(bytes, at_us, &mut collector),
            Sent::Later(by_us) => at_us += by_us,
        }
    }
    session.closed(at_us, Closed::ByClient, &mut collector);
    collector
}

/// The executions of a conversation.
fn executed(conversation: &[Sent]) -> Vec<Executed> {
    collected(conversation).executed
}

/// Tells what was seen in a conversation, one execution or event a line.
fn read(conversation: &[Sent]) -> String {
    told(&collected(conversation))
}

#[track_caller]
fn check(conversation: &[&[Sent]], expected: &str) {
    let mut whole = wire::startup();
    whole.extend(conversation.iter().copied().flatten().cloned());
    let seen = read(&whole);
    let expected: Vec<_> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "\n{seen}");
}

/// What a collector has seen, but for the opening and the ordinary end of a session.
fn told(collector: &Collector) -> String {
    let words = words();
    let mut text = String::new();
    for executed in &collector.executed {
        let _ = writeln!(text, "{}", line(executed, &words));
    }
    for event in &collector.events {
        match &event.what {
            SessionNews::Opened(_) | SessionNews::Over { in_flight: 0, .. } => {}
            SessionNews::Failed(state) => {
                let _ = writeln!(text, "! {}", String::from_utf8_lossy(state));
            }
            SessionNews::Idle(idle) => {
                let last = idle.last.as_ref().map(|last| last.shape().to_owned());
                let _ = writeln!(
                    text,
                    "! t{} idle for {} after {}",
                    idle.transaction,
                    idle.for_us,
                    last.unwrap_or_default()
                );
            }
            SessionNews::NotRead { reason, in_flight } => {
                let _ = writeln!(text, "! not read ({in_flight}): {reason}");
            }
            SessionNews::Over { in_flight, .. } => {
                let _ = writeln!(text, "! over with {in_flight} in flight");
            }
        }
    }
    if collector.totals.unassigned > 0 {
        let _ = writeln!(text, "! {} unassigned", collector.totals.unassigned);
    }
    text
}

/// `shape [values] rows, t1, 42P01 -> (columns) [result]`
fn line(executed: &Executed, words: &HashMap<ValueHash, String>) -> String {
    let list = |values: &[Option<ValueHash>]| {
        let value = |value: &Option<ValueHash>| match value {
            None => "-".to_owned(),
            Some(hash) => words.get(hash).cloned().unwrap_or_else(|| "?".to_owned()),
        };
        values.iter().map(value).collect::<Vec<_>>().join(" ")
    };
    let mut text = executed.statement.shape().to_owned();
    let _ = write!(text, " [{}] {}", list(&executed.values), executed.rows);
    if let Some(number) = executed.transaction {
        let _ = write!(text, ", t{number}");
    }
    if let Some(state) = executed.failed {
        let _ = write!(text, ", {}", String::from_utf8_lossy(&state));
    }
    if let Some(result) = &executed.result {
        let columns = &result.shape.columns;
        let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
        let _ = write!(text, " -> ({}) [{}]", names.join(" "), list(&result.values));
    }
    assert!(executed.sent_us < executed.finished_us, "{text}");
    text
}

/// The words and numbers that the conversations use, by their hashes.
fn words() -> HashMap<ValueHash, String> {
    let hasher = ValueHasher::new(KEY);
    let numbers = (-5..100).map(|number| number.to_string());
    let words = ["a", "b", "c", "x"].map(str::to_owned);
    let all = numbers.chain(words);
    all.filter_map(|word| Some((hasher.text(word.as_bytes())?, word)))
        .collect()
}
