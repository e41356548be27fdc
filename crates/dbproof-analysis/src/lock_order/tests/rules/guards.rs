//! What keeps a cycle from closing.

use super::super::{Told, check, told};
use super::{transfer, update};

/// The same inversion behind a lock that both take first.
fn gated(gate_a: (&str, &str), gate_b: (&str, &str)) -> [Told; 2] {
    let behind = |name, gate: (&str, &str), rows: [u32; 2]| {
        let rows = rows.map(|id| update("accounts", id));
        told(
            name,
            &[gate, (&rows[0].0, &rows[0].1), (&rows[1].0, &rows[1].1)],
        )
    };
    [behind("a", gate_a, [1, 2]), behind("b", gate_b, [9, 4])]
}

#[test]
fn a_gate_row_keeps_the_cycle_from_closing() {
    let lock = "select 1 from settings where id = 1 for update";
    let found = check(&gated((lock, "settings 1 u"), (lock, "settings 1 u")), &[]);
    assert_eq!(found.guarded, 1);
    // A gate that both can pass is none.
    check(
        &gated((lock, "settings 1 k"), (lock, "settings 1 n")),
        &["a b: accounts"],
    );
}

#[test]
fn rows_that_differ_from_transaction_to_transaction_are_no_gate() {
    let cart = |id: u32| {
        (
            format!("select 1 from carts where id = {id} for update"),
            format!("carts {id} u"),
        )
    };
    let (a, b) = (cart(1), cart(2));
    let found = check(&gated((&a.0, &a.1), (&b.0, &b.1)), &["a b: accounts"]);
    let members = &found.groups[0].alternatives[0].members;
    assert_ne!(members[0].statements[0], members[1].statements[0]);
    // The same cart by chance: others were seen, so it need not be the same.
    let mut three = gated((&a.0, &a.1), (&a.0, &a.1)).to_vec();
    three.push(told("c", &[(&b.0, &b.1)]));
    let found = check(&three, &["a b: accounts"]);
    let members = &found.groups[0].alternatives[0].members;
    assert_ne!(members[0].statements[0], members[1].statements[0]);
}

#[test]
fn an_advisory_gate_keeps_the_cycle_from_closing() {
    let lock = "select pg_advisory_xact_lock(42)";
    let found = check(&gated((lock, "#42"), (lock, "#42")), &[]);
    assert_eq!(found.guarded, 1);
    check(
        &gated((lock, "#42 shared"), (lock, "#42 shared")),
        &["a b: accounts"],
    );
    let other = "select pg_advisory_xact_lock(43)";
    check(&gated((lock, "#42"), (other, "#43")), &["a b: accounts"]);
}

#[test]
fn an_advisory_gate_that_is_opened_again_is_none() {
    let behind = |name, rows: [u32; 2]| {
        let rows = rows.map(|id| update("accounts", id));
        told(
            name,
            &[
                ("select pg_advisory_lock(42)", "#42"),
                ("select pg_advisory_unlock(42)", ""),
                (&rows[0].0, &rows[0].1),
                (&rows[1].0, &rows[1].1),
            ],
        )
    };
    check(
        &[behind("a", [1, 2]), behind("b", [9, 4])],
        &["a b: accounts"],
    );
}

#[test]
fn who_does_not_wait_cannot_deadlock() {
    let asks = |name, ids: [u32; 2], suffix: &str| {
        let lock = |id: u32, suffix: &str| {
            (
                format!("select 1 from accounts where id = {id} for update{suffix}"),
                format!("accounts {id} u"),
            )
        };
        let (first, second) = (lock(ids[0], ""), lock(ids[1], suffix));
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    for suffix in [" nowait", " skip locked"] {
        let found = check(&[asks("a", [1, 2], suffix), asks("b", [2, 1], "")], &[]);
        assert_eq!(found.guarded, 1, "{suffix}");
    }
    check(
        &[asks("a", [1, 2], ""), asks("b", [2, 1], "")],
        &["a b: accounts"],
    );
}

#[test]
fn a_lock_timeout_ends_the_wait_before_a_deadlock_is_seen() {
    let with = |timeout: &str| {
        let set = format!("SET LOCAL lock_timeout = '{timeout}'");
        let (first, second) = (update("accounts", 1), update("accounts", 2));
        [
            told(
                "a",
                &[(&set, ""), (&first.0, &first.1), (&second.0, &second.1)],
            ),
            transfer("b", 9, 4),
        ]
    };
    assert_eq!(check(&with("200ms"), &[]).guarded, 1);
    check(&with("30s"), &["a b: accounts"]);
    check(&with("0"), &["a b: accounts"]);
}

#[test]
fn what_a_savepoint_gave_back_is_not_held() {
    let (first, second) = (update("accounts", 1), update("accounts", 2));
    let told_with = |end: &str| {
        [
            told(
                "a",
                &[
                    ("SAVEPOINT s1", ""),
                    (&first.0, &first.1),
                    (end, ""),
                    (&second.0, &second.1),
                ],
            ),
            transfer("b", 9, 4),
        ]
    };
    check(&told_with("ROLLBACK TO SAVEPOINT s1"), &[]);
    check(&told_with("RELEASE SAVEPOINT s1"), &["a b: accounts"]);
    check(
        &told_with("ROLLBACK TO SAVEPOINT other"),
        &["a b: accounts"],
    );
}
