//! Frequent and absent values of columns.

use dbproof_postgres::column_values::{absent_value, common_values};
use dbproof_postgres::{catalog, connect};

use crate::server;

#[tokio::test]
async fn frequent_values_come_first_and_absent_ones_are_in_no_row() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            r#"CREATE SCHEMA "my shop";
               CREATE TYPE colour AS ENUM ('red', 'green');
               CREATE TABLE "my shop"."order" (
                   id int PRIMARY KEY, "user" bigint, small smallint, price numeric(8, 2), share real,
                   status text, short varchar(3), fixed char(8), day date, at timestamptz,
                   until timestamp(3), key uuid, tint colour, note text);
               INSERT INTO "my shop"."order"
               SELECT i, CASE WHEN i % 2 = 0 THEN 7 ELSE i END, 32767, i, i,
                      (ARRAY['paid', 'open, "late"'])[1 + (i % 3 = 0)::int], 'abc', 'abcdefgh',
                      '2024-01-01'::date + i, now() + i * interval '1 min', now(),
                      gen_random_uuid(), 'red', NULL
               FROM generate_series(1, 1000) i;
               CREATE TABLE empty (id int);
               ANALYZE"#,
        )
        .await
        .unwrap();
    let schema = catalog::schema(&session).await.unwrap();
    let relation = schema.relation_named(Some("my shop"), "order").unwrap();
    let common = common_values(&session, relation, "user").await.unwrap();
    assert_eq!(common.len(), 1);
    assert_eq!(common[0].0, "7");
    assert!((common[0].1 - 0.5).abs() < 0.01);
    let statuses = common_values(&session, relation, "status").await.unwrap();
    let names: Vec<&str> = statuses.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["paid", "open, \"late\""]);
    assert!(
        common_values(&session, relation, "id")
            .await
            .unwrap()
            .is_empty()
    );
    for (column, expected) in [
        ("id", true),
        ("user", true),
        ("price", true),
        ("share", true),
        ("status", true),
        ("short", true),
        ("fixed", true),
        ("day", true),
        ("at", true),
        ("until", true),
        ("key", true),
        // One more than the largest is no smallint, and an enumeration has only its own values.
        ("small", false),
        ("tint", false),
        ("note", true),
        ("missing", false),
    ] {
        let absent = absent_value(&session, relation, column).await.unwrap();
        assert_eq!(absent.is_some(), expected, "{column}: {absent:?}");
        if let Some(value) = absent {
            let sql = format!(
                r#"SELECT count(*)::text FROM "my shop"."order" WHERE "{column}"::text = '{value}'"#
            );
            assert_eq!(session.text(&sql).await.unwrap().unwrap(), "0", "{column}");
        }
    }
    let empty = schema.relation_named(None, "empty").unwrap();
    assert_eq!(absent_value(&session, empty, "id").await.unwrap(), None);
}
