//! Cycles whose members hold and ask by one statement.

use dbproof_analysis::lock_order::{RelationMode, RowMode};

use super::{account, advisory, at_once, check_all_deadlock, name, relation, row, transfer, two};

#[tokio::test]
async fn rows_of_one_statement_are_confirmed_every_time() {
    use RowMode::{KeyShare, Update};
    let lock_row = |id: &str, mode| row("account", id, mode);
    // Index scans in opposite directions: the plan alone decides on the order.
    let by = |column: &str, low: u32, held: &str, asked: &str| {
        let sql = format!("UPDATE item SET n = n + 1 WHERE {column} BETWEEN {low} AND {low} + 1");
        let lock = |id: &str| row("item", id, RowMode::NoKeyUpdate);
        at_once(&sql, lock(held), lock(asked))
    };
    let ordered = |direction: &str, held: &str, asked: &str| {
        let sql =
            format!("SELECT id FROM account WHERE id IN (1, 2) ORDER BY id {direction} FOR UPDATE");
        at_once(&sql, lock_row(held, Update), lock_row(asked, Update))
    };
    let children = |first: u32, second: u32, mode| {
        let sql = format!("INSERT INTO transfer (account) VALUES ({first}), ({second})");
        at_once(
            &sql,
            lock_row(&first.to_string(), mode),
            lock_row(&second.to_string(), mode),
        )
    };
    let deleted = |direction: &str, held: &str, asked: &str| {
        let sql = format!(
            "WITH gone AS (SELECT id FROM item WHERE id IN (1, 2) ORDER BY id {direction} FOR UPDATE) \
             DELETE FROM item USING gone WHERE item.id = gone.id"
        );
        at_once(&sql, row("item", held, Update), row("item", asked, Update))
    };
    let one_then_two = || {
        let clause = |id: u32| format!("SELECT 1 FROM account WHERE id = {id} FOR UPDATE");
        two(
            (&clause(1), lock_row("1", Update)),
            (&clause(2), lock_row("2", Update)),
        )
    };
    let upgrade = || {
        let sql = "WITH seen AS MATERIALIZED (SELECT id FROM account WHERE id = 7 FOR SHARE) \
                   UPDATE account SET amount = 1 FROM seen WHERE account.id = seen.id";
        at_once(sql, lock_row("7", RowMode::Share), account(7))
    };
    check_all_deadlock(vec![
        (
            "plans",
            vec![by("id", 1, "1", "2"), by("rank", 99998, "2", "1")],
        ),
        (
            "ORDER BY",
            vec![ordered("ASC", "1", "2"), ordered("DESC", "2", "1")],
        ),
        ("one side", vec![one_then_two(), ordered("DESC", "2", "1")]),
        (
            "children",
            vec![children(1, 2, KeyShare), ordered("DESC", "2", "1")],
        ),
        (
            "a CTE",
            vec![deleted("ASC", "1", "2"), deleted("DESC", "2", "1")],
        ),
        ("an upgrade", vec![upgrade(), upgrade()]),
    ])
    .await;
}

#[tokio::test]
async fn keys_relations_and_functions_of_one_statement_are_confirmed_every_time() {
    use RelationMode::AccessExclusive;
    let tags = |table: &str, a: &str, b: &str| {
        let sql = format!("INSERT INTO {table} VALUES ('{a}'), ('{b}')");
        at_once(&sql, name(table, a), name(table, b))
    };
    let tables = |a: &str, b: &str| {
        let sql = format!("LOCK TABLE {a}, {b}");
        at_once(
            &sql,
            relation(a, AccessExclusive),
            relation(b, AccessExclusive),
        )
    };
    let keys = |a: &str, b: &str| {
        let sql = format!("SELECT pg_advisory_xact_lock({a}), pg_advisory_xact_lock({b})");
        at_once(&sql, advisory(a), advisory(b))
    };
    let moved = |a: u32, b: u32| at_once(&format!("SELECT move({a}, {b})"), account(a), account(b));
    check_all_deadlock(vec![
        (
            "unique keys",
            vec![tags("tag", "a", "b"), tags("tag", "b", "a")],
        ),
        (
            "a constraint",
            vec![tags("label", "a", "b"), tags("label", "b", "a")],
        ),
        (
            "tables",
            vec![tables("account", "tag"), tables("tag", "account")],
        ),
        ("advisory", vec![keys("1", "2"), keys("2", "1")]),
        ("a function", vec![moved(1, 2), moved(2, 1)]),
        ("three", vec![moved(1, 2), moved(2, 3), moved(3, 1)]),
        (
            "three, one of them in two",
            vec![moved(1, 2), transfer(2, 3), moved(3, 1)],
        ),
        (
            "four",
            vec![moved(1, 2), moved(2, 3), moved(3, 4), moved(4, 1)],
        ),
    ])
    .await;
}

#[tokio::test]
async fn upserts_names_in_capitals_partitions_and_changed_keys_are_confirmed_every_time() {
    let known = |first: u32, second: u32| {
        let sql = format!(
            "INSERT INTO account (id) VALUES ({first}), ({second}) \
             ON CONFLICT (id) DO UPDATE SET amount = account.amount + 1"
        );
        at_once(&sql, account(first), account(second))
    };
    let new = |first: &str, second: &str| {
        let sql = format!(
            "INSERT INTO tag VALUES ('{first}'), ('{second}') ON CONFLICT (name) DO NOTHING"
        );
        at_once(&sql, name("tag", first), name("tag", second))
    };
    let user = |direction: &str, held: &str, asked: &str| {
        let sql = format!("SELECT id FROM \"User\" ORDER BY id {direction} FOR UPDATE");
        let lock = |id: &str| row("\"User\"", id, RowMode::Update);
        at_once(&sql, lock(held), lock(asked))
    };
    let part = |first: &str, second: &str| {
        let sql = format!("INSERT INTO part VALUES ('{first}'), ('{second}')");
        at_once(&sql, name("part_0", first), name("part_0", second))
    };
    let renamed = |from: u32, to: &str, direction: &str, held: &str, asked: &str| {
        let sql = format!(
            "UPDATE label SET name = '{to}' || right(name, 1) \
             FROM (SELECT name AS old FROM label WHERE name LIKE 'x{from}%' \
                   ORDER BY name {direction} OFFSET 0) AS seen WHERE name = old"
        );
        at_once(&sql, name("label", held), name("label", asked))
    };
    check_all_deadlock(vec![
        ("rows that are there", vec![known(1, 2), known(2, 1)]),
        ("rows that are not", vec![new("a", "b"), new("b", "a")]),
        (
            "capitals",
            vec![user("ASC", "1", "2"), user("DESC", "2", "1")],
        ),
        ("partitions", vec![part("a", "b"), part("b", "a")]),
        (
            "changed keys",
            vec![
                renamed(1, "y", "ASC", "ya", "yb"),
                renamed(2, "y", "DESC", "yb", "ya"),
            ],
        ),
    ])
    .await;
}
