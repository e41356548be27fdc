//! Statements with parameters in text form, and what is kept of their rows.

use dbproof_postgres::{connect, rows};

use crate::server;

#[tokio::test]
async fn keys_are_kept_as_text_with_the_column_that_they_come_from() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE t (id bigint, key uuid, name text, price numeric);
             INSERT INTO t VALUES (7, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'käse', 1.5),
                                  (8, NULL, NULL, NULL)",
        )
        .await
        .unwrap();
    let sql = "SELECT id, key, name, price FROM t WHERE id = ANY($1) ORDER BY id";
    let statement = session.prepare(sql).await.unwrap();
    let values = [Some("{7,8}".to_owned())];
    let result = rows::record(&session, &statement, &values).await.unwrap();
    assert_eq!(result.row_count, 2);
    let text = |row: usize| {
        result.rows[row]
            .iter()
            .map(Option::as_deref)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        text(0),
        [
            Some("7"),
            Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            Some("käse"),
            None
        ]
    );
    assert_eq!(text(1), [Some("8"), None, None, None]);
    assert_eq!(result.columns[2].attribute, Some(3));
    assert!(result.columns[0].relation_oid.is_some());
}

#[tokio::test]
async fn a_digest_depends_on_the_rows_and_not_on_their_order() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let digest = async |sql: &str| rows::digest(&session, sql, &[], None).await.unwrap();
    let up = digest("SELECT i FROM generate_series(1, 9) i ORDER BY i").await;
    let down = digest("SELECT i FROM generate_series(1, 9) i ORDER BY i DESC").await;
    let other = digest("SELECT i + 1 FROM generate_series(1, 9) i").await;
    assert_eq!(up, down);
    let widened = digest("SELECT i::bigint FROM generate_series(1, 9) i").await;
    assert_eq!(up, widened, "a wider type is no other row");
    assert_eq!(up.count, other.count);
    assert_ne!(up.digest, other.digest);
}

#[tokio::test]
async fn a_digest_can_leave_columns_out() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let digest = async |sql: &str, columns: &[usize]| {
        rows::digest(&session, sql, &[], Some(columns))
            .await
            .unwrap()
    };
    let narrow = digest("SELECT 1, 'a'", &[0, 1]).await;
    assert_eq!(narrow, digest("SELECT 1, now(), 'a'", &[0, 2]).await);
    assert_ne!(narrow, digest("SELECT 1, now(), 'b'", &[0, 2]).await);
}
