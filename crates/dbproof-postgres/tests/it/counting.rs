//! `pg_stat_statements`, read before and after.

use dbproof_postgres::statement_statistics::{NoStatistics, statement_statistics};
use dbproof_postgres::{EphemeralServer, connect};

use crate::binaries;

const PRELOADED: &[(&str, &str)] = &[("shared_preload_libraries", "pg_stat_statements")];

#[tokio::test]
async fn what_ran_in_between_is_told() {
    let server = EphemeralServer::start_with(&binaries(), PRELOADED)
        .await
        .expect("a throw-away server with the extension");
    let session = connect(server.address()).await.unwrap();
    let missing = statement_statistics(&session).await.unwrap();
    assert_eq!(missing.unwrap_err(), NoStatistics::NotCreated);

    session
        .run("CREATE EXTENSION pg_stat_statements; CREATE TABLE t (id int); SELECT * FROM t")
        .await
        .unwrap();
    let before = statement_statistics(&session).await.unwrap().unwrap();
    session
        .run("INSERT INTO t VALUES (1), (2), (3)")
        .await
        .unwrap();
    for id in 1..=5 {
        session
            .run(&format!("SELECT * FROM t WHERE id = {id}"))
            .await
            .unwrap();
    }
    let after = statement_statistics(&session).await.unwrap().unwrap();
    let mut told: Vec<(String, u64, u64)> = after
        .since(&before)
        .into_iter()
        .map(|counter| (counter.query, counter.calls, counter.rows))
        .collect();
    told.sort();
    let inserted = ("INSERT INTO t VALUES ($1), ($2), ($3)".to_owned(), 1, 3);
    let looked_up = ("SELECT * FROM t WHERE id = $1".to_owned(), 5, 3);
    assert_eq!(told, [inserted, looked_up]);
    assert_eq!(after.lost_since(&before), None);
    assert!(after.since(&after).is_empty());

    session
        .run("SELECT pg_stat_statements_reset(); SELECT * FROM t WHERE id = 9")
        .await
        .unwrap();
    let reset = statement_statistics(&session).await.unwrap().unwrap();
    assert!(reset.lost_since(&after).unwrap().contains("reset"));
    // The reset counts itself no more, or not yet, depending on the version.
    let again = reset.since(&after);
    assert!(
        again
            .iter()
            .any(|c| c.query.contains("WHERE id") && c.calls == 1)
    );
    session.close().await;
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let server = crate::server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE EXTENSION pg_stat_statements")
        .await
        .unwrap();
    let missing = statement_statistics(&session).await.unwrap().unwrap_err();
    assert_eq!(missing, NoStatistics::NotLoaded);
    assert!(missing.to_string().contains("shared_preload_libraries"));
    session.close().await;
}
