//! Migrations: what they lock, what refuses a transaction, and what fails.

use dbproof_postgres::{catalog, connect, migration};

use crate::server;

#[tokio::test]
async fn statements_are_timed_with_their_locks() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let statements = [
        "CREATE TABLE t (id int)",
        "CREATE INDEX t_id ON t (id)",
        "CREATE INDEX CONCURRENTLY t_id_2 ON t (id)",
        "BEGIN",
        "ALTER TABLE t ADD name text",
        "COMMIT",
    ];
    let applied = migration::apply(&session, &statements).await.unwrap();
    assert!(
        applied[1].locks.contains(&"t: ShareLock".to_owned()),
        "{:?}",
        applied[1].locks
    );
    assert!(
        applied[4]
            .locks
            .contains(&"t: AccessExclusiveLock".to_owned())
    );
    assert!(applied.iter().all(|a| a.duration_ms > 0.0));
    let schema = catalog::schema(&session).await.unwrap();
    assert!(
        schema
            .relation_named(None, "t")
            .unwrap()
            .column_named("name")
            .is_some()
    );
}

#[tokio::test]
async fn a_failing_statement_is_named_and_leaves_no_open_transaction() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let statements = [
        "BEGIN",
        "CREATE TABLE t (id int)",
        "ALTER TABLE missing ADD x int",
    ];
    let failure = migration::apply(&session, &statements).await.unwrap_err();
    assert_eq!(failure.statement, 2);
    assert_eq!(failure.error.server_error().unwrap().sqlstate, "42P01");
    session.run("CREATE TABLE t (id int)").await.unwrap();
}
