//! What is a candidate, and what is none: one test a rule, with what is close to it and is none.

use super::{Told, check, search_of, shop, summary, told};

/// A transfer that takes its two accounts in this order.
fn transfer(name: &str, from: u32, to: u32) -> Told {
    let take = |id: u32| format!("update accounts set balance = balance + 0 where id = {id}");
    let lock = |id: u32| format!("accounts {id} n");
    told(name, &[(&take(from), &lock(from)), (&take(to), &lock(to))])
}

fn update(table: &str, id: u32) -> (String, String) {
    (
        format!("update {table} set n = 0 where id = {id}"),
        format!("{table} {id} n"),
    )
}

/// A transaction that updates these rows one after the other.
pub(super) fn updates(name: &str, rows: &[(&str, u32)]) -> Told {
    let statements: Vec<(String, String)> = rows.iter().map(|(t, id)| update(t, *id)).collect();
    let statements: Vec<(&str, &str)> = statements
        .iter()
        .map(|(sql, locks)| (sql.as_str(), locks.as_str()))
        .collect();
    told(name, &statements)
}

#[test]
fn sorted_transfers_meet_in_one_order() {
    check(&[transfer("transfer", 3, 8)], &[]);
    check(
        &[
            transfer("a", 3, 8),
            transfer("b", 1, 2),
            transfer("c", 10, 20),
        ],
        &[],
    );
    check(&[transfer("down", 8, 3), transfer("too", 20, 9)], &[]);
}

#[test]
fn transfers_seen_in_both_orders_may_deadlock() {
    let found = check(
        &[transfer("up", 3, 8), transfer("down", 40, 5)],
        &["down up: accounts"],
    );
    let members = &found.groups[0].alternatives[0].members;
    let texts = |at: usize| -> Vec<&str> {
        members[at]
            .statements
            .iter()
            .map(|sent| &*sent.sql)
            .collect()
    };
    let first = texts(0);
    let second = texts(1);
    let mut reversed = second.clone();
    reversed.reverse();
    assert_eq!(first, reversed);
    assert_eq!(members[0].asked.lock.object, members[1].held.lock.object);
    assert_eq!(members[1].asked.lock.object, members[0].held.lock.object);
}

#[test]
fn different_tables_in_opposite_orders() {
    check(
        &[
            updates("a", &[("accounts", 1), ("orders", 1)]),
            updates("b", &[("orders", 2), ("accounts", 2)]),
        ],
        &["a b: accounts, orders"],
    );
    check(
        &[
            updates("a", &[("accounts", 1), ("orders", 1)]),
            updates("b", &[("accounts", 2), ("orders", 2)]),
        ],
        &[],
    );
}

#[test]
fn a_foreign_keys_check_does_not_exclude_an_update_of_other_columns() {
    let insert = |name| {
        told(
            name,
            &[
                ("insert into lines (order_id) values (7)", "orders 7 k"),
                (
                    "update accounts set balance = 1 where id = 1",
                    "accounts 1 n",
                ),
            ],
        )
    };
    let touch = |name, mode: &str| {
        told(
            name,
            &[
                (
                    "update accounts set balance = 2 where id = 2",
                    "accounts 2 n",
                ),
                (
                    "update orders set total = 3 where id = 9",
                    &format!("orders 9 {mode}"),
                ),
            ],
        )
    };
    let told = |mode| [insert("insert"), touch("touch", mode), touch("more", mode)];
    let found = search_of(&told("n"), &shop());
    assert_eq!(summary(&told("n"), &found), Vec::<String>::new());
    let found = search_of(&told("u"), &shop());
    assert_eq!(
        summary(&told("u"), &found),
        [
            "insert more: accounts, orders",
            "insert touch: accounts, orders"
        ]
    );
}

#[test]
fn two_that_upgrade_one_row() {
    let upgrade = |name, first: &str, second: &str| {
        told(
            name,
            &[
                (
                    "select 1 from accounts where id = 5 for share",
                    &format!("accounts 5 {first}"),
                ),
                (
                    "update accounts set balance = 0 where id = 5",
                    &format!("accounts 5 {second}"),
                ),
            ],
        )
    };
    let found = check(
        &[upgrade("upgrade", "s", "n")],
        &["upgrade upgrade: accounts"],
    );
    let members = &found.groups[0].alternatives[0].members;
    assert_eq!(members[0].statements, members[1].statements);
    check(
        &[upgrade("upgrade", "k", "u")],
        &["upgrade upgrade: accounts"],
    );
    check(&[upgrade("check and update", "k", "n")], &[]);
    check(&[upgrade("update first", "n", "u")], &[]);
}

#[test]
fn cycles_of_three_and_of_four() {
    let chain = |names: &[&str]| -> Vec<Told> {
        let tables = ["t0", "t1", "t2", "t3"];
        (0..names.len())
            .map(|at| {
                let next = (at + 1) % names.len();
                updates(names[at], &[(tables[at], 1), (tables[next], 1)])
            })
            .collect()
    };
    check(&chain(&["a", "b", "c"]), &["a b c: t0, t1, t2"]);
    check(&chain(&["a", "b", "c", "d"]), &["a b c d: t0, t1, t2, t3"]);
    let mut open = chain(&["a", "b", "c"]);
    open.pop();
    check(&open, &[]);
}

#[test]
fn a_longer_cycle_is_not_told_beside_the_shorter_one_in_it() {
    check(
        &[
            transfer("up", 3, 8),
            transfer("down", 40, 5),
            transfer("else", 1, 2),
        ],
        &["down else: accounts", "down up: accounts"],
    );
}

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

#[test]
fn rows_within_one_statement_may_come_in_any_order() {
    let batch = |name, where_: &str| {
        told(
            name,
            &[(
                &format!("update accounts set balance = 0 where {where_}"),
                "accounts 3 n; accounts 8 n",
            )],
        )
    };
    let found = check(
        &[batch("batch", "id in (3, 8)"), transfer("transfer", 1, 2)],
        &["batch transfer: accounts"],
    );
    let batch_of = |found: &super::Candidates| {
        let members = &found.groups[0].alternatives[0].members;
        let member = members.iter().find(|m| m.statements.len() == 1).unwrap();
        (member.held.statement, member.asked.statement)
    };
    assert_eq!(batch_of(&found), (0, 0));
    // One statement locks its rows in one order whenever it runs.
    check(&[batch("batch", "id in (3, 8)")], &[]);
    check(
        &[batch("a", "id in (3, 8)"), batch("b", "id in (3, 8)")],
        &[],
    );
    // Another statement may have another plan.
    check(
        &[batch("a", "id in (3, 8)"), batch("b", "balance > 5")],
        &["a b: accounts"],
    );
}

#[test]
fn rows_within_one_statement_in_a_known_order() {
    let sorted = |name| {
        told(
            name,
            &[(
                "select id from accounts where id in (3, 8) order by id for update",
                "> accounts 3 u; accounts 8 u",
            )],
        )
    };
    check(&[sorted("a"), transfer("up", 1, 2)], &[]);
    check(
        &[sorted("a"), transfer("down", 2, 1)],
        &["a down: accounts"],
    );
}

#[test]
fn a_batch_of_inserts_enters_its_keys_as_they_are_written() {
    let batch = |name, keys: [&str; 2]| {
        told(
            name,
            &[(
                &format!(
                    "insert into tags (name) values ('{}'), ('{}') on conflict do nothing",
                    keys[0], keys[1]
                ),
                // As they come out of a set, not in the order of the rows.
                "!tags_name name=a; !tags_name name=b",
            )],
        )
    };
    check(&[batch("up", ["a", "b"]), batch("too", ["a", "b"])], &[]);
    check(
        &[batch("up", ["a", "b"]), batch("down", ["b", "a"])],
        &["down up: tags"],
    );
}

#[test]
fn a_batch_that_a_plan_may_follow_counts_by_the_order_of_its_list() {
    let batch = |name, ids: [u32; 2]| {
        told(
            name,
            &[(
                &format!(
                    "update accounts a set balance = v.b from (values ({}, 1), ({}, 2)) v (id, b) where a.id = v.id",
                    ids[0], ids[1]
                ),
                "accounts 3 n; accounts 8 n",
            )],
        )
    };
    check(&[batch("up", [3, 8]), batch("too", [3, 8])], &[]);
    check(
        &[batch("up", [3, 8]), batch("down", [8, 3])],
        &["down up: accounts"],
    );
}

#[test]
fn databases_do_not_lock_against_each_other() {
    let mut two = [transfer("up", 3, 8), transfer("down", 40, 5)];
    two[1].class.database = 2;
    check(&two, &[]);
}

#[test]
fn what_was_not_read_is_said() {
    let one = transfer("up", 3, 8);
    let found = super::candidates(
        &[super::Searched {
            class: &one.class,
            footprint: None,
        }],
        &[],
        &|| false,
    );
    assert_eq!(
        found.limits,
        ["of 1 kinds of transactions it is not known what they lock"]
    );
}

#[test]
fn a_search_that_is_over_says_what_it_has_not_looked_at() {
    let two = [transfer("up", 3, 8), transfer("down", 40, 5)];
    let found = super::candidates(&super::searched(&two), &[], &|| true);
    assert!(found.groups.is_empty() && found.cut_short);
    assert_eq!(
        found.limits,
        [2, 3, 4].map(|length| format!(
            "not all cycles of {length} transactions were looked at: there are too many"
        ))
    );
}
