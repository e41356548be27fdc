//! Who waits for whom.

use std::time::Duration;

use dbproof_postgres::connect;
use dbproof_postgres::locks::{Blocked, wait_until_blocked};

use crate::server;

#[tokio::test]
async fn a_blocked_session_is_seen_and_a_free_one_is_not() {
    let server = server().await;
    let open = || connect(server.address());
    let (observer, holder, waiter) = (
        open().await.unwrap(),
        open().await.unwrap(),
        open().await.unwrap(),
    );
    let (holds, waits) = (
        holder.backend_pid().await.unwrap(),
        waiter.backend_pid().await.unwrap(),
    );
    observer
        .run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    holder.run("BEGIN; UPDATE t SET id = 1").await.unwrap();
    let limit = Duration::from_millis(200);
    let free = wait_until_blocked(&observer, waits, holds, limit)
        .await
        .unwrap();
    assert_eq!(free, Blocked::Never);
    let blocked = async {
        let expected = wait_until_blocked(&observer, waits, holds, Duration::from_secs(20)).await;
        let others = wait_until_blocked(&observer, waits, 1, limit).await;
        holder.run("ROLLBACK").await.unwrap();
        (expected.unwrap(), others.unwrap())
    };
    let (updated, (expected, others)) = tokio::join!(waiter.run("UPDATE t SET id = 2"), blocked);
    updated.unwrap();
    assert_eq!(expected, Blocked::AsExpected);
    assert_eq!(others, Blocked::ByOthers(vec![holds]));
}
