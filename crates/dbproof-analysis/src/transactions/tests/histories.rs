//! What was done to a database, in the order of time.

use super::{Traffic, collect};
use crate::transactions::Collector;

#[test]
fn what_may_have_changed_a_database_is_its_history() {
    let transactions = collect(
        "create table account (id int)
         set search_path to public
         set application_name to 'x'
         select * from account
         begin
         insert into account values (1)
         savepoint s
         insert into account values (2)
         rollback to s
         rollback
         select nextval('x')
         select setval('x', 5) !42P01
         copy account from stdin #7
         copy account from stdin #3
         select 1 from account for update",
    );
    let history = &transactions.histories[0];
    let texts: Vec<_> = history
        .entries
        .iter()
        .map(|e| (e.sent.sql.as_ref(), e.transaction, e.exemplar_of))
        .collect();
    assert_eq!(
        texts,
        [
            ("create table account (id int)", None, None),
            ("set search_path to public", None, None),
            ("insert into account values (1)", Some(1), Some(0)),
            ("insert into account values (2)", Some(1), None),
            ("select nextval('x')", None, None),
            ("select setval('x', 5)", None, None),
            ("select 1 from account for update", None, Some(1)),
        ]
    );
    assert!(history.entries[5].failed);
    assert_eq!(history.database, "shop");
    assert_eq!(history.missing, ["10 rows that COPY put into account"]);
    assert!(!history.from_the_beginning);
}

#[test]
fn a_database_that_is_made_begins_then_with_what_its_template_had() {
    let mut traffic = Traffic::new();
    let mut collector = Collector::new();
    for (number, name) in [
        (0, "postgres"),
        (1, "test_shop"),
        (2, "test_shop_1"),
        (3, "old"),
        (4, "empty"),
    ] {
        collector.database(number, name);
    }
    collector.is_born_empty(4);
    let script = [
        (1, "insert into a values ('of an earlier run')"),
        (0, "drop database if exists test_shop"),
        (0, "create database \"test_shop\""),
        (1, "create table a (b int)"),
        (0, "create database test_shop_1 template test_shop"),
        (1, "insert into a values (1)"),
        (2, "insert into a values (2)"),
        (3, "insert into a values (3)"),
        (0, "create database old !42P04"),
        (4, "create table b (c int)"),
    ];
    for (database, sql) in script {
        traffic.line(&format!("{} | {sql}", database + 1), |mut executed| {
            executed.database = database;
            collector.push(&executed);
        });
    }
    let transactions = collector.finish();
    let seen = transactions.histories.iter().map(|history| {
        let texts: Vec<_> = history
            .entries
            .iter()
            .map(|e| e.sent.sql.to_string())
            .collect();
        (
            history.database.as_str(),
            history.from_the_beginning,
            texts.join("; "),
        )
    });
    let expected = [
        ("postgres", false, ""),
        (
            "test_shop",
            true,
            "create table a (b int); insert into a values (1)",
        ),
        (
            "test_shop_1",
            true,
            "create table a (b int); insert into a values (2)",
        ),
        ("old", false, "insert into a values (3)"),
        ("empty", true, "create table b (c int)"),
    ];
    let expected = expected.map(|(name, whole, texts)| (name, whole, texts.to_owned()));
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}
