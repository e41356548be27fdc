//! Cycles whose members hold by one statement and ask by a later one.

use dbproof_analysis::lock_order::{RelationMode, RowMode};

use super::{
    account, advisory, check_all_deadlock, member, name, relation, row, transfer, two, update,
};

#[tokio::test]
async fn rows_and_keys_are_confirmed_every_time() {
    use RowMode::{KeyShare, Share, Update};
    let refers = |id: u32| format!("INSERT INTO transfer (account) VALUES ({id})");
    let for_update = |id: u32| format!("SELECT 1 FROM account WHERE id = {id} FOR UPDATE");
    let lock_row = |id: &str, mode| row("account", id, mode);
    let crossed = |a: u32, b: u32| {
        two(
            (&refers(a), lock_row(&a.to_string(), KeyShare)),
            (&for_update(b), lock_row(&b.to_string(), Update)),
        )
    };
    let upgrade = || {
        two(
            (&refers(3), lock_row("3", KeyShare)),
            (&for_update(3), lock_row("3", Update)),
        )
    };
    let shared = || {
        two(
            (
                "SELECT 1 FROM account WHERE id = 4 FOR SHARE",
                lock_row("4", Share),
            ),
            (&update(4).0, account(4)),
        )
    };
    let tags = |a: &str, b: &str| {
        let insert = |tag: &str| format!("INSERT INTO tag VALUES ('{tag}')");
        two((&insert(a), name("tag", a)), (&insert(b), name("tag", b)))
    };
    let put_off = member(
        &["INSERT INTO \"Later\" VALUES (5)", &for_update(6)],
        (1, lock_row("6", Update)),
        (2, lock_row("5", KeyShare)),
    );
    let five_six = two(
        (&for_update(5), lock_row("5", Update)),
        (&for_update(6), lock_row("6", Update)),
    );
    let rescued = |a: u32, b: u32| {
        let statements = [
            "SAVEPOINT s",
            "INSERT INTO tag VALUES ('old')",
            "ROLLBACK TO SAVEPOINT s",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (3, account(a)), (4, account(b)))
    };
    check_all_deadlock(vec![
        ("transfer", vec![transfer(1, 2), transfer(2, 1)]),
        ("foreign keys crossed", vec![crossed(1, 2), crossed(2, 1)]),
        ("foreign key upgraded", vec![upgrade(), upgrade()]),
        ("share upgraded", vec![shared(), shared()]),
        ("unique keys", vec![tags("a", "b"), tags("b", "a")]),
        ("checked by COMMIT", vec![put_off, five_six]),
        ("an error rescued", vec![rescued(1, 2), rescued(2, 1)]),
    ])
    .await;
}

#[tokio::test]
async fn relations_advisory_locks_and_longer_cycles_are_confirmed_every_time() {
    use RelationMode::{AccessExclusive, AccessShare, Exclusive};
    let locks = |a: &str, b: &str| {
        let lock = |key: &str| format!("SELECT pg_advisory_lock({key})");
        two((&lock(a), advisory(a)), (&lock(b), advisory(b)))
    };
    let tables = |a: &str, b: &str| {
        let lock = |table: &str| format!("LOCK TABLE {table} IN EXCLUSIVE MODE");
        two(
            (&lock(a), relation(a, Exclusive)),
            (&lock(b), relation(b, Exclusive)),
        )
    };
    let alters = |reads: &str, alters: &str| {
        let alter = format!("ALTER TABLE {alters} ADD COLUMN extra int");
        two(
            (
                &format!("SELECT count(*) FROM {reads}"),
                relation(reads, AccessShare),
            ),
            (&alter, relation(alters, AccessExclusive)),
        )
    };
    check_all_deadlock(vec![
        ("advisory", vec![locks("1", "2"), locks("2", "1")]),
        (
            "advisory of two keys",
            vec![locks("1, 7", "2, 7"), locks("2, 7", "1, 7")],
        ),
        (
            "tables",
            vec![tables("account", "tag"), tables("tag", "account")],
        ),
        (
            "DDL and readers",
            vec![alters("account", "tag"), alters("tag", "account")],
        ),
        (
            "three",
            vec![transfer(1, 2), transfer(2, 3), transfer(3, 1)],
        ),
        (
            "three, the other way round",
            vec![transfer(1, 2), transfer(3, 1), transfer(2, 3)],
        ),
        (
            "four",
            vec![
                transfer(1, 2),
                transfer(2, 3),
                transfer(3, 4),
                transfer(4, 1),
            ],
        ),
    ])
    .await;
}
