//! Who waits for whom.

use std::time::{Duration, Instant};

use dbproof_postgres::connect;
use dbproof_postgres::locks::Watcher;

use crate::server;

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_blocked_session_is_seen_with_its_blocker_and_its_lock_and_a_free_one_is_not() {
    let server = server().await;
    let open = || connect(server.address());
    let observer = Watcher::new(open().await.unwrap()).await.unwrap();
    let (holder, waiter) = (open().await.unwrap(), open().await.unwrap());
    let (holds, waits) = (
        holder.backend_pid().await.unwrap(),
        waiter.backend_pid().await.unwrap(),
    );
    let setup = "CREATE TABLE t (id int); INSERT INTO t VALUES (1)";
    observer.session().run(setup).await.unwrap();
    holder.run("BEGIN; UPDATE t SET id = 1").await.unwrap();
    assert_eq!(observer.blockers(waits).await.unwrap(), Vec::<i32>::new());
    assert_eq!(observer.awaited(waits).await.unwrap(), None);
    let seen_blocked = async {
        let began = Instant::now();
        while observer.blockers(waits).await.unwrap() != [holds] {
            assert!(began.elapsed() < LIMIT, "the update is never blocked");
        }
        let lock = observer.awaited(waits).await.unwrap().unwrap();
        holder.run("ROLLBACK").await.unwrap();
        lock
    };
    let (updated, lock) = tokio::join!(waiter.run("UPDATE t SET id = 2"), seen_blocked);
    updated.unwrap();
    assert_eq!(
        lock.description,
        "ShareLock on a transaction, for row (0,1) of t"
    );
    assert!(lock.since_ms.unwrap() > 0.0);
    let stranger = observer.stranger(holds).await.unwrap();
    assert!(stranger.what.starts_with("client backend"), "{stranger:?}");
}

#[tokio::test]
async fn terminated_sessions_are_gone_and_their_locks_with_them() {
    let server = server().await;
    let open = || connect(server.address());
    let observer = Watcher::new(open().await.unwrap()).await.unwrap();
    let holder = open().await.unwrap();
    let pid = holder.backend_pid().await.unwrap();
    holder.run("BEGIN; CREATE TABLE t (id int)").await.unwrap();
    observer.terminate(&[pid], LIMIT).await.unwrap();
    let held = format!("SELECT 1 FROM pg_locks WHERE pid = {pid}");
    assert_eq!(observer.session().text(&held).await.unwrap(), None);
}

#[tokio::test]
async fn notices_are_counted() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let two = "DO $$ BEGIN RAISE NOTICE 'a'; RAISE NOTICE 'b'; END $$";
    session.run(two).await.unwrap();
    assert_eq!(session.notices(), 2);
}
