//! EXPLAIN with parameters, and without leaving a trace.

use dbproof_postgres::explain::{Mode, explain};
use dbproof_postgres::{catalog, connect};

use crate::server;

#[tokio::test]
async fn a_writing_statement_is_analysed_and_rolled_back() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE TABLE t (id int, name text)")
        .await
        .unwrap();
    let values = [Some("7".to_owned()), Some("O'Hara".to_owned())];
    let sql = "INSERT INTO t VALUES ($1, $2)";
    let plan = explain(&session, sql, &values, Mode::Analyze)
        .await
        .unwrap();
    assert_eq!(plan[0]["Plan"]["Operation"], "Insert");
    assert!(plan[0]["Plan"]["Shared Hit Blocks"].is_number());
    assert_eq!(catalog::row_count(&session, "t").await.unwrap(), 0);
    let planned = explain(&session, sql, &values, Mode::Plan).await.unwrap();
    assert!(planned[0]["Plan"]["Actual Rows"].is_null());
}

#[tokio::test]
async fn an_error_counts_its_position_from_the_users_first_character() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let error = explain(&session, "SELECT colour FROM pg_class", &[], Mode::Plan)
        .await
        .unwrap_err();
    assert_eq!(error.server_error().unwrap().position, Some(8));
    session.run("SELECT 1").await.unwrap();
}
