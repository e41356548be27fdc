//! What is a candidate, and what is none: one test a rule, with what is close to it and is none.

use super::{Told, check, search_of, shop, summary, told};

mod guards;
mod objects;
mod within;

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
