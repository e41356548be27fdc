//! Memory does not grow with the traffic.

use std::sync::Arc;

use super::{Traffic, check, collect, shown};
use crate::traffic::Executed;
use crate::transactions::Collector;

/// Executions of a request, to be pushed again and again.
fn prepared(script: &str) -> Vec<Executed> {
    let mut traffic = Traffic::new();
    let mut all = Vec::new();
    for line in script.lines().map(str::trim) {
        traffic.line(line, |executed| all.push(executed));
    }
    all
}

#[test]
fn two_million_executions_of_one_test_class_are_held_in_little() {
    let mut test = prepared(
        "begin
         savepoint s1
         insert into account values (1)
         savepoint s2
         update account set b = 1 where id = 1
         update account set b = 1 where id = 2
         release s2
         select * from account
         rollback to s1
         release s1",
    );
    let mut collector = Collector::new();
    let mut pushed = 0_u64;
    collector.push(&test[0]);
    let mut most = 0;
    while pushed < 2_000_000 {
        for executed in &mut test[1..] {
            pushed += 1;
            executed.sent_us = pushed;
            collector.push(executed);
        }
        most = most.max(collector.open_bytes());
    }
    assert!(most < 4 << 20, "{most} bytes were open");
    let mut end = prepared("begin\nrollback");
    let mut end = end.remove(1);
    end.transaction = test[0].transaction;
    collector.push(&end);
    let transactions = collector.finish();
    let class = transactions
        .classes
        .iter()
        .find(|class| class.in_test_transaction)
        .unwrap();
    assert_eq!(
        class.occurrences,
        pushed / 9 + u64::from(!pushed.is_multiple_of(9))
    );
    assert_eq!(class.statements.len(), 2);
    let history = &transactions.histories[0];
    assert_eq!(history.entries.len(), 200_000);
    assert!(
        history.missing[0].contains("beyond what is kept"),
        "{:?}",
        history.missing
    );
    let first = &history.entries[0].sent.sql;
    let again = history
        .entries
        .iter()
        .filter(|entry| Arc::ptr_eq(&entry.sent.sql, first));
    assert!(again.count() > 60_000, "equal texts are kept once");
}

#[test]
fn made_up_statements_fill_neither_table_nor_memory() {
    let mut traffic = Traffic::new();
    let mut collector = Collector::new();
    for n in 0..5_000 {
        traffic.line(&format!("{n} | update t{n} set a = 1 where id = 1"), |e| {
            collector.push(&e);
        });
    }
    assert!(collector.sessions() <= 5_000);
    let transactions = collector.finish();
    assert_eq!(transactions.classes.len(), 400);
    assert_eq!(
        transactions.lost,
        ["4600 transactions of kinds beyond the first 400"]
    );
}

#[test]
fn sessions_that_never_end_are_forgotten() {
    let mut traffic = Traffic::new();
    let mut collector = Collector::new();
    for n in 0..50_000 {
        traffic.line(&format!("{n} | update t set a = 1 where id = 1"), |e| {
            collector.push(&e);
        });
        assert!(collector.sessions() <= 20_000);
    }
    assert_eq!(collector.finish().classes[0].occurrences, 50_000);
}

#[test]
fn values_in_every_order_are_not_all_told_apart() {
    let mut script = String::new();
    for n in 0..200_u64 {
        script += "begin\n";
        for at in 0..5 {
            let statement = format!(
                "update a set b = 1 where id = {}\nupdate c{at} set b = 1\n",
                ((n + 1) * (at + 3) * (at + 7) * 2_654_435_761) % 1009
            );
            script.push_str(&statement);
        }
        script += "commit\n";
    }
    let transactions = collect(&script);
    assert_eq!(transactions.classes.len(), 24);
    assert!(shown(&transactions).contains("compare in more than 24 ways"));
}

#[test]
fn a_transaction_of_very_many_statements_is_lost_and_said_so() {
    let many = |count: usize| {
        let lines = (0..count).map(|n| format!("update t{} set a = 1\n", n % 50));
        format!("begin\n{}commit\n", lines.collect::<String>())
    };
    check(
        &many(1_001),
        "lost: 1 transaction of more than 1000 statements",
    );
    check(
        &many(20_000),
        "lost: 1 transaction of more than 1000 statements",
    );
}

#[test]
fn what_was_too_long_to_be_kept_is_said() {
    let mut traffic = Traffic::new();
    let mut collector = Collector::new();
    for line in ["begin", "select 1", "update a set b = 1", "commit"] {
        traffic.line(line, |mut executed| {
            executed.sent = None;
            collector.push(&executed);
        });
    }
    let transactions = collector.finish();
    assert_eq!(
        shown(&transactions),
        "lost: 1 transaction with a text or a parameter that was too long to be kept\n"
    );
    let missing = &transactions.histories[0].missing;
    assert_eq!(
        missing,
        &["1 statements with a text or a parameter that was too long to be kept"]
    );
}
