//! Migrations among the transactions of an application.

use super::{check, migration, told};

fn pay(first: &str, second: &str) -> super::Told {
    let update = |table: &str| format!("update {table} set n = 1 where id = 1");
    let locks = |table: &str| format!("{table} RowExclusiveLock; {table} 1 n");
    let (a, b) = (update(first), update(second));
    let (x, y) = (locks(first), locks(second));
    told("pay", &[(&a, &x), (&b, &y)])
}

const ALTER_A: (&str, &str) = ("ALTER TABLE a ADD x int", "a AccessExclusiveLock");
const ALTER_B: (&str, &str) = ("ALTER TABLE b ADD x int", "b AccessExclusiveLock");

#[test]
fn a_migration_that_locks_in_another_order_is_found() {
    check(
        &[pay("a", "b"), migration(&[ALTER_B, ALTER_A])],
        &["7.sql pay: a, b"],
    );
}

#[test]
fn one_that_locks_in_the_same_order_or_one_table_alone_is_none() {
    check(&[pay("a", "b"), migration(&[ALTER_A, ALTER_B])], &[]);
    check(&[pay("a", "b"), migration(&[ALTER_B])], &[]);
}

#[test]
fn one_that_waits_no_longer_than_a_deadlock_takes_is_guarded() {
    let with = |timeout: &str| {
        let set = format!("SET LOCAL lock_timeout = '{timeout}'");
        migration(&[(&set, ""), ALTER_B, ALTER_A])
    };
    let guarded = check(&[pay("a", "b"), with("200ms")], &[]);
    assert_eq!(guarded.guarded, 1);
    check(&[pay("a", "b"), with("5s")], &["7.sql pay: a, b"]);
}

/// A migration is run once: neither beside itself nor beside another one of its transactions.
#[test]
fn migrations_do_not_meet_each_other() {
    let mut second = migration(&[ALTER_A, ALTER_B]);
    second.class.name = "7.sql 2".to_owned();
    check(&[migration(&[ALTER_B, ALTER_A]), second], &[]);
    let upgrade = ("CREATE INDEX ON a (n)", "a ShareLock");
    check(&[migration(&[upgrade, ALTER_A])], &[]);
}

/// Two of the application's can stand between its tables.
#[test]
fn a_migration_closes_a_ring_of_three() {
    let mut other = pay("c", "a");
    other.class.name = "refund".to_owned();
    check(
        &[pay("b", "c"), other, migration(&[ALTER_A, ALTER_B])],
        &["7.sql pay refund: a, b, c"],
    );
}

/// What a backfill changes is given; the application's rows can be any.
#[test]
fn the_rows_of_a_migration_stay_what_they_are() {
    let transfer = told(
        "transfer",
        &[
            ("update a set n = 1 where id = 8", "a 8 n"),
            ("update a set n = 1 where id = 7", "a 7 n"),
        ],
    );
    let backfill = migration(&[("UPDATE a SET x = 0 WHERE id < 3", "> a 1 n; a 2 n")]);
    let found = check(&[transfer, backfill], &["7.sql transfer: a"]);
    let members = &found.groups[0].alternatives[0].members;
    let sql = |member: usize| -> Vec<&str> {
        let sent = members[member].statements.iter();
        sent.map(|sent| &*sent.sql).collect()
    };
    assert_eq!(
        sql(0),
        [
            "update a set n = 1 where id = 2",
            "update a set n = 1 where id = 1"
        ]
    );
    assert_eq!(sql(1), ["UPDATE a SET x = 0 WHERE id < 3"]);
}

/// A concurrent build holds its table lightly, and waits for those who write it.
#[test]
fn a_concurrent_index_meets_only_whoever_asks_for_its_weak_lock() {
    let build = || {
        migration(&[(
            "CREATE INDEX CONCURRENTLY ON a (n)",
            "> a ShareUpdateExclusiveLock; a ShareLock",
        )])
    };
    check(&[pay("a", "b"), build()], &[]);
    check(&[pay("b", "a"), build()], &[]);
    let locks = told(
        "job",
        &[
            (
                "update a set n = 1 where id = 1",
                "a RowExclusiveLock; a 1 n",
            ),
            ("lock table a in share mode", "a ShareLock"),
        ],
    );
    let found = check(&[locks, build()], &["7.sql job: a", "job job: a"]);
    assert_eq!(found.groups.len(), 2);
}
