//! Candidates that do not deadlock, whatever was predicted of them.

use dbproof_analysis::lock_order::RowMode;

use super::{account, at_once, check_none_deadlocks, member, name, row, transfer, two, update};

#[tokio::test]
async fn what_does_not_deadlock_is_never_confirmed_and_the_reason_is_told() {
    use RowMode::Update;
    let queue = "transactions wait in a queue and not in a cycle: 1, 2";
    let lock_row = |id: &str| row("account", id, Update);
    let sorted = || transfer(1, 2);
    let ordered = || {
        let sql = "SELECT id FROM account WHERE id IN (1, 2) ORDER BY id FOR UPDATE";
        at_once(sql, lock_row("1"), lock_row("2"))
    };
    // Whatever the candidate says of them.
    let misread = || {
        let sql = "SELECT id FROM account WHERE id IN (1, 2) ORDER BY id FOR UPDATE";
        at_once(sql, lock_row("2"), lock_row("1"))
    };
    let apart = |a: u32, b: u32| transfer(a, b);
    let gated = |a: u32, b: u32| {
        let statements = [
            "SELECT pg_advisory_xact_lock(1)",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (1, account(a)), (2, account(b)))
    };
    let fails = |a: u32, b: u32| {
        let statements = [&update(a).0, "INSERT INTO tag VALUES ('old')", &update(b).0];
        member(&statements, (0, account(a)), (2, account(b)))
    };
    let nowait = |a: u32, b: u32| {
        let asks = format!("SELECT 1 FROM account WHERE id = {b} FOR UPDATE NOWAIT");
        two(
            (&update(a).0, account(a)),
            (&asks, lock_row(&b.to_string())),
        )
    };
    let gives_up = |a: u32, b: u32| {
        let statements = [
            "SET LOCAL lock_timeout = '900ms'",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (1, account(a)), (2, account(b)))
    };
    let changed = || {
        let statements = [
            "SELECT amount FROM account WHERE id = 8",
            "UPDATE account SET amount = amount + 1 WHERE id = 8",
        ];
        member(&statements, (1, account(8)), (1, account(8)))
    };
    let one_tag = || {
        at_once(
            "INSERT INTO tag VALUES ('c'), ('d')",
            name("tag", "c"),
            name("tag", "d"),
        )
    };
    let counts = |child: u32, parent: u32| {
        let insert = format!("INSERT INTO transfer (account) VALUES ({child})");
        let held = row("account", &child.to_string(), RowMode::KeyShare);
        two((&insert, held), (&update(parent).0, account(parent)))
    };
    let copies = || {
        two(
            ("COPY account FROM STDIN", account(1)),
            (&update(2).0, account(2)),
        )
    };
    check_none_deadlocks(vec![
        ("sorted", vec![sorted(), sorted()], None, queue),
        ("ordered", vec![ordered(), misread()], None, queue),
        ("keys in one order", vec![one_tag(), one_tag()], None, queue),
        ("apart", vec![apart(1, 2), apart(3, 4)], None, "no transaction waited for another one"),
        ("foreign keys and amounts", vec![counts(1, 2), counts(2, 1)], None, "no transaction waited for another one"),
        ("a gate lock", vec![gated(1, 2), gated(2, 1)], None, queue),
        ("an error", vec![fails(1, 2), fails(2, 1)], None, "statement 2 of transaction 1 failed with SQLSTATE 23505; statement 2 of transaction 2 failed with SQLSTATE 23505"),
        ("NOWAIT", vec![nowait(1, 2), nowait(2, 1)], None, "statement 2 of transaction 1 failed with SQLSTATE 55P03; statement 2 of transaction 2 failed with SQLSTATE 55P03"),
        ("lock_timeout", vec![gives_up(1, 2), gives_up(2, 1)], None, "every transaction's lock_timeout ends its wait before the server looks for a deadlock"),
        ("one row", vec![changed(), changed()], Some("BEGIN ISOLATION LEVEL SERIALIZABLE"), queue),
        ("no BEGIN", vec![sorted(), sorted()], Some("BEGIN ISOLATION LEVEL NONE"), "transaction 1 could not be begun: SQLSTATE 42601"),
        ("SET TRANSACTION", vec![changed(), changed()], Some("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), queue),
        ("COPY", vec![copies(), sorted()], None, "statement 1 of transaction 1 cannot be run again: its rows were not captured"),
    ])
    .await;
}
