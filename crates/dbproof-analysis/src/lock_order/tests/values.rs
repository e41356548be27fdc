//! Which values are replaced, and by what.

use dbproof_model::Schema;

use super::{Told, candidates, check, search_of, shop, summary, told, with_parameters};
use crate::lock_order::{Member, Searched};
use crate::traffic::SentParameter;

/// The statements of the members with their parameters, those of each class.
fn statements(member: &Member) -> Vec<String> {
    let of = |sent: &crate::traffic::SentText| {
        let parameters: Vec<String> = sent
            .parameters
            .iter()
            .map(|p| String::from_utf8_lossy(p.value.as_deref().unwrap_or(b"NULL")).into_owned())
            .collect();
        format!("{} {}", sent.sql, parameters.join(" "))
            .trim()
            .to_owned()
    };
    member.statements.iter().map(of).collect()
}

fn members(told: &[Told], schema: &Schema) -> Vec<Vec<String>> {
    let found = search_of(told, schema);
    assert_eq!(
        found.groups.len(),
        1,
        "{:?} {:?}",
        summary(told, &found),
        found.limits
    );
    let mut members = found.groups[0].alternatives[0].members.clone();
    members.sort_by_key(|member| member.class);
    members.iter().map(statements).collect()
}

#[test]
fn parameters_and_literals_are_replaced_together_and_equal_ones_stay_equal() {
    let up = with_parameters(
        "up",
        &[
            (
                "update accounts set n = $1 where id = $2",
                &["5", "3"],
                "accounts 3 n",
            ),
            (
                "update accounts set n = $1 where id = $2",
                &["3", "8"],
                "accounts 8 n",
            ),
            (
                "insert into log (account_id, other) values ($1, $2)",
                &["3", "3"],
                "",
            ),
            ("select 1 from accounts where id = 3", &[], ""),
        ],
    );
    let down = told(
        "down",
        &[
            ("update accounts set n = 0 where id = 71", "accounts 71 n"),
            ("update accounts set n = 0 where id = 64", "accounts 64 n"),
        ],
    );
    let [up, down] = members(&[up, down], &Schema::default()).try_into().unwrap();
    // One of the two keeps its own rows, and only the other's are replaced.
    assert_eq!(up[0], "update accounts set n = $1 where id = $2 5 3");
    assert_eq!(
        down,
        [
            "update accounts set n = 0 where id = 8",
            "update accounts set n = 0 where id = 3"
        ]
    );
}

#[test]
fn a_binary_parameter_and_an_array_are_replaced() {
    let mut binary = with_parameters(
        "binary",
        &[
            (
                "update accounts set n = 0 where id = $1",
                &["9"],
                "accounts 9 n",
            ),
            (
                "update accounts set n = 0 where id = any($1)",
                &["{4,9}"],
                "accounts 4 n",
            ),
        ],
    );
    binary.class.statements[0].sent.parameters[0] = SentParameter {
        type_oid: 20,
        binary: true,
        value: Some(9_i64.to_be_bytes().to_vec()),
    };
    let first = told(
        "first",
        &[
            ("update accounts set n = 0 where id = 1", "accounts 1 n"),
            ("update accounts set n = 0 where id = 2", "accounts 2 n"),
        ],
    );
    let [_, binary] = members(&[first, binary], &Schema::default())
        .try_into()
        .unwrap();
    assert_eq!(
        binary,
        [
            "update accounts set n = 0 where id = $1 2",
            "update accounts set n = 0 where id = any($1) {\"1\",\"2\"}"
        ]
    );
}

#[test]
fn a_foreign_key_carries_its_value_along() {
    let line = told(
        "line",
        &[
            (
                "insert into lines (order_id, product) values (7, '7')",
                "orders 7 k",
            ),
            (
                "update accounts set balance = 1 where id = 1",
                "accounts 1 n",
            ),
        ],
    );
    let delete = told(
        "delete",
        &[
            (
                "update accounts set balance = 1 where id = 2",
                "accounts 2 n",
            ),
            ("delete from lines where order_id = 9", ""),
            ("delete from orders where id = 9", "orders 9 u"),
        ],
    );
    let [line, delete] = members(&[line, delete], &shop()).try_into().unwrap();
    assert_eq!(
        line[0],
        "insert into lines (order_id, product) values (7, '7')"
    );
    assert_eq!(delete[1], "delete from lines where order_id = 7");
    assert_eq!(delete[2], "delete from orders where id = 7");
}

#[test]
fn rows_found_by_another_column_meet_through_it() {
    let by_email = |name, emails: [(&str, u32); 2]| {
        let statement = |(email, id): (&str, u32)| {
            (
                format!("select 1 from accounts where email = '{email}' for update"),
                format!("accounts {id} u"),
            )
        };
        let [first, second] = emails.map(statement);
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    let told = [
        by_email("a", [("ann", 5), ("bob", 3)]),
        by_email("b", [("tim", 8), ("sue", 9)]),
    ];
    let [_, b] = members(&told, &shop()).try_into().unwrap();
    assert_eq!(
        b,
        [
            "select 1 from accounts where email = 'bob' for update",
            "select 1 from accounts where email = 'ann' for update"
        ]
    );
    // It is the e-mails that the application sorts, whatever the ids are.
    let found = search_of(
        &[
            by_email("a", [("ann", 5), ("bob", 3)]),
            by_email("b", [("sue", 8), ("tim", 9)]),
        ],
        &shop(),
    );
    assert!(found.groups.is_empty());
}

#[test]
fn arguments_of_a_function_are_keys_where_they_have_the_value_of_one() {
    let call = |name, from: u32, to: u32| {
        told(
            name,
            &[(
                &format!("select transfer({from}, {to}, 100.50)"),
                &format!("> accounts {from} n; accounts {to} n"),
            )],
        )
    };
    let [up, down] = members(&[call("up", 3, 8), call("down", 40, 5)], &Schema::default())
        .try_into()
        .unwrap();
    assert_eq!(up, ["select transfer(3, 8, 100.50)"]);
    assert_eq!(down, ["select transfer(8, 3, 100.50)"]);
}

#[test]
fn keys_of_several_columns_meet_column_by_column() {
    let stock = |name, rows: [(u32, u32); 2]| {
        let statement = |(shop, product): (u32, u32)| {
            (
                format!("update stock set n = 0 where shop = {shop} and product = {product}"),
                format!("stock shop={shop},product={product} n"),
            )
        };
        let [first, second] = rows.map(statement);
        told(name, &[(&first.0, &first.1), (&second.0, &second.1)])
    };
    check(
        &[stock("a", [(1, 5), (1, 6)]), stock("b", [(2, 9), (2, 7)])],
        &["a b: stock"],
    );
    check(
        &[stock("a", [(1, 5), (1, 6)]), stock("b", [(2, 7), (2, 9)])],
        &[],
    );
    check(
        &[stock("a", [(1, 5), (2, 3)]), stock("b", [(3, 9), (4, 7)])],
        &[],
    );
    check(
        &[stock("a", [(1, 5), (2, 3)]), stock("b", [(4, 7), (3, 9)])],
        &["a b: stock"],
    );
}

#[test]
fn an_advisory_lock_on_a_rows_key_goes_with_the_row() {
    let guarded = |name, rows: [u32; 2]| {
        let statements = rows.map(|id| {
            (
                format!("select pg_advisory_xact_lock({id})"),
                format!("#{id}"),
                format!("update accounts set n = 0 where id = {id}"),
                format!("accounts {id} n"),
            )
        });
        let [a, b] = &statements;
        told(
            name,
            &[(&a.0, &a.1), (&a.2, &a.3), (&b.0, &b.1), (&b.2, &b.3)],
        )
    };
    let told = [guarded("up", [3, 8]), guarded("down", [40, 5])];
    let found = search_of(&told, &Schema::default());
    let told_of = summary(&told, &found);
    assert!(
        told_of.contains(&"down up: advisory".to_owned()),
        "{told_of:?}"
    );
    let down = found.groups[0].alternatives[0]
        .members
        .iter()
        .find(|m| m.class == 1)
        .unwrap();
    assert_eq!(statements(down)[0], "select pg_advisory_xact_lock(8)");
    assert_eq!(
        statements(down)[3],
        "update accounts set n = 0 where id = 3"
    );
}

#[test]
fn a_class_counts_only_with_a_footprint() {
    let told = [
        told(
            "a",
            &[("update accounts set n = 0 where id = 1", "accounts 1 n")],
        ),
        told(
            "b",
            &[("update accounts set n = 0 where id = 2", "accounts 2 n")],
        ),
    ];
    let searched = told.iter().map(|one| Searched {
        class: &one.class,
        footprint: None,
    });
    let found = candidates(&searched.collect::<Vec<_>>(), &[], &|| false);
    assert!(found.groups.is_empty() && found.limits.len() == 1);
}
