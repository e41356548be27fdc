//! Locks of relations, advisory locks, and keys that are entered.

use super::super::{check, told};
use super::update;

#[test]
fn locked_relations_and_migrations_against_readers() {
    let reader = || {
        told(
            "report",
            &[
                ("select * from orders", "orders AccessShareLock"),
                (
                    "update accounts set balance = 0 where id = 1",
                    "accounts RowExclusiveLock; accounts 1 n",
                ),
            ],
        )
    };
    let migration = |second: &str, mode: &str| {
        told(
            "migration",
            &[
                (
                    "alter table accounts add column x int",
                    "accounts AccessExclusiveLock",
                ),
                (second, &format!("orders {mode}")),
            ],
        )
    };
    check(
        &[
            reader(),
            migration("alter table orders add column x int", "AccessExclusiveLock"),
        ],
        &["migration report: accounts, orders"],
    );
    check(
        &[
            reader(),
            migration("create index on orders (total)", "ShareLock"),
        ],
        &[],
    );
    let lock = |name, tables: [&str; 2]| {
        let statement = |table: &str| {
            (
                format!("lock table {table} in share row exclusive mode"),
                format!("{table} ShareRowExclusiveLock"),
            )
        };
        let [first, second] = tables.map(statement);
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    check(
        &[
            lock("a", ["orders", "lines"]),
            lock("b", ["lines", "orders"]),
        ],
        &["a b: lines, orders"],
    );
    check(
        &[
            lock("a", ["orders", "lines"]),
            lock("b", ["orders", "lines"]),
        ],
        &[],
    );
}

#[test]
fn two_that_read_a_relation_and_lock_it_then() {
    let upgrade = told(
        "upgrade",
        &[
            ("lock table orders in share mode", "orders ShareLock"),
            (
                "update orders set total = 1 where id = 1",
                "orders RowExclusiveLock",
            ),
        ],
    );
    check(&[upgrade], &["upgrade upgrade: orders"]);
}

#[test]
fn advisory_locks_in_opposite_orders() {
    let takes = |name, keys: [u32; 2], function: &str| {
        let statement = |key: u32| (format!("select {function}({key})"), format!("#{key}"));
        let [first, second] = keys.map(statement);
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    let lock = "pg_advisory_xact_lock";
    check(
        &[takes("a", [1, 2], lock), takes("b", [2, 1], lock)],
        &["a b: advisory"],
    );
    // One loop over keys that differ, seen in both orders.
    check(
        &[takes("a", [11, 12], lock), takes("b", [29, 27], lock)],
        &["a b: advisory"],
    );
    check(
        &[takes("a", [11, 12], lock), takes("b", [27, 29], lock)],
        &[],
    );
    check(
        &[
            takes("a", [1, 2], lock),
            takes("b", [2, 1], "pg_try_advisory_xact_lock"),
        ],
        &[],
    );
}

#[test]
fn unique_keys_entered_in_opposite_orders() {
    let enter = |name, emails: [&str; 2]| {
        let statement = |email: &str| {
            (
                format!("insert into users (email) values ('{email}')"),
                format!("!users_email email={email}"),
            )
        };
        let [first, second] = emails.map(statement);
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    let found = check(
        &[
            enter("a", ["ann@x", "bob@x"]),
            enter("b", ["tim@x", "sue@x"]),
        ],
        &["a b: users"],
    );
    // Keys that were entered in the capture are there already.
    let sql = &found.groups[0].alternatives[0].members[0].statements[0].sql;
    assert!(!sql.contains("ann@x") && !sql.contains("sue@x"), "{sql}");
    check(
        &[
            enter("a", ["ann@x", "bob@x"]),
            enter("b", ["sue@x", "tim@x"]),
        ],
        &[],
    );
}

#[test]
fn keys_out_of_a_sequence_meet_nobody() {
    let insert = |name, id: u32, email: &str| {
        told(
            name,
            &[
                (
                    &format!("insert into users (email) values ('{email}') returning id"),
                    &format!("!users_pkey id={id};!users_email email={email}"),
                ),
                (
                    &format!("update accounts set balance = 1 where id = {id}"),
                    "",
                ),
            ],
        )
    };
    check(&[insert("a", 17, "a@x"), insert("b", 18, "b@x")], &[]);
    // Nor are they a gate between two transactions of one kind.
    let order = |name, id: u32, rows: [u32; 2]| {
        let rows = rows.map(|id| update("products", id));
        told(
            name,
            &[
                (
                    "insert into orders (total) values (5)",
                    &format!("!orders_pkey id={id}"),
                ),
                (&rows[0].0, &rows[0].1),
                (&rows[1].0, &rows[1].1),
            ],
        )
    };
    check(
        &[order("a", 17, [1, 2]), order("b", 17, [9, 4])],
        &["a b: products"],
    );
}

#[test]
fn rows_that_a_transaction_made_itself_are_not_there_for_others() {
    let insert = |name, id: u32, account: u32| {
        told(
            name,
            &[
                (
                    &format!("insert into orders (id, total) values ({id}, 5)"),
                    &format!("!orders_pkey id={id}"),
                ),
                (
                    &format!("update orders set total = 6 where id = {id}"),
                    &format!("orders {id} n"),
                ),
                (
                    &format!("update accounts set balance = 1 where id = {account}"),
                    &format!("accounts {account} n"),
                ),
            ],
        )
    };
    let later = told(
        "later",
        &[
            (
                "update accounts set balance = 2 where id = 3",
                "accounts 3 n",
            ),
            ("update orders set total = 7 where id = 4", "orders 4 n"),
        ],
    );
    check(&[insert("a", 17, 1), later], &[]);
}
