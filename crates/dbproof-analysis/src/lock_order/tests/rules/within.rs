//! Several rows within one statement.

use super::super::{check, told};
use super::transfer;

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
    let batch_of = |found: &super::super::Candidates| {
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
