//! Relations and advisory locks.

use dbproof_postgres::connect;

use super::Scene;

#[tokio::test]
async fn lock_table_takes_every_mode() {
    let mut scene = Scene::new().await;
    for (mode, name) in [
        ("ACCESS SHARE", "AccessShare"),
        ("ROW SHARE", "RowShare"),
        ("ROW EXCLUSIVE", "RowExclusive"),
        ("SHARE UPDATE EXCLUSIVE", "ShareUpdateExclusive"),
        ("SHARE", "Share"),
        ("SHARE ROW EXCLUSIVE", "ShareRowExclusive"),
        ("EXCLUSIVE", "Exclusive"),
        ("ACCESS EXCLUSIVE", "AccessExclusive"),
    ] {
        let sql = format!("LOCK TABLE users IN {mode} MODE");
        let nowait = format!("LOCK TABLE orders IN {mode} MODE NOWAIT");
        let expected = format!("users {name}");
        scene
            .check(
                &[&sql, &nowait, "SELECT 1 FROM users"],
                &[
                    &expected,
                    &format!("orders {name} Fails"),
                    if name == "AccessShare" {
                        ""
                    } else {
                        "users AccessShare"
                    },
                ],
            )
            .await;
    }
    // Whoever shuts others out has their rows too; those that it had before are told before.
    scene
        .check(
            &[
                "UPDATE orders SET total = 1 WHERE id = 1",
                "LOCK TABLE orders, users",
                "UPDATE users SET n = 1 WHERE id = 1",
            ],
            &[
                "orders RowExclusive, orders[1] NoKeyUpdate, orders_pkey=1Old",
                "(orders AccessExclusive, users AccessExclusive)",
                "users RowExclusive",
            ],
        )
        .await;
}

#[tokio::test]
async fn ddl_locks_what_it_changes_and_what_it_refers_to() {
    let mut scene = Scene::new().await;
    let foreign = scene
        .footprint(&[
            "ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users",
        ])
        .await;
    let foreign = super::told(&foreign).remove(0);
    for part in ["orders ShareRowExclusive", "users ShareRowExclusive"] {
        assert!(foreign.contains(part), "{foreign}");
    }
    scene
        .check(
            &[
                "CREATE INDEX ON orders (total)",
                "ALTER TABLE orders ADD COLUMN note text",
                "CREATE TABLE made (id int PRIMARY KEY, user_id int)",
                "INSERT INTO made VALUES (1, 1)",
                "UPDATE orders SET note = 'x' WHERE id = 3",
                "DROP TABLE orders",
            ],
            &[
                "orders Share",
                "orders AccessExclusive",
                // Nobody else sees it.
                "",
                "",
                "orders RowExclusive",
                // Its sequence goes with it, and a trigger of the table that it refers to.
                "(orders_id_seq AccessExclusive, users AccessExclusive)",
            ],
        )
        .await;
    let truncated = scene.footprint(&["TRUNCATE orders"]).await;
    let truncated = super::told(&truncated).remove(0);
    assert!(truncated.contains("orders AccessExclusive"), "{truncated}");
    scene
        .check(
            &[
                "ALTER TABLE users ALTER COLUMN name SET NOT NULL",
                "SELECT 1 FROM users WHERE id = 1 FOR UPDATE",
            ],
            &["users AccessExclusive", "users RowShare"],
        )
        .await;
}

#[tokio::test]
async fn views_sequences_and_temporary_tables() {
    let mut scene = Scene::new().await;
    scene
        .session
        .run("CREATE VIEW active AS SELECT id, n FROM users; CREATE SEQUENCE counter")
        .await
        .unwrap();
    scene
        .check(
            &[
                "UPDATE active SET n = 3 WHERE id = 3",
                "SELECT nextval('counter')",
                "CREATE TEMPORARY TABLE mine (id int PRIMARY KEY)",
                "INSERT INTO mine VALUES (1)",
            ],
            &[
                "(active RowExclusive, users RowExclusive, users[3] NoKeyUpdate, users_email_key=u3Old, \
                  users_pkey=3Old)",
                "counter RowExclusive",
                "",
                "",
            ],
        )
        .await;
}

#[tokio::test]
async fn advisory_locks_are_told_by_their_keys_and_given_back() {
    let mut scene = Scene::new().await;
    scene
        .check(
            &[
                "SELECT pg_advisory_xact_lock(42)",
                "SELECT pg_advisory_lock_shared(-7)",
                "SELECT pg_advisory_lock(1, -2)",
                "SELECT pg_try_advisory_xact_lock(9)",
                "SELECT pg_advisory_xact_lock(i) FROM generate_series(100, 101) i",
                "SELECT pg_advisory_unlock(1, -2)",
            ],
            &[
                "advisory(42) AdvisoryExclusive",
                "advisory(-7) AdvisoryShared",
                "advisory(1, -2) AdvisoryExclusive",
                "advisory(9) AdvisoryExclusive Fails",
                "(advisory(100) AdvisoryExclusive, advisory(101) AdvisoryExclusive)",
                " - advisory(1, -2) AdvisoryExclusive",
            ],
        )
        .await;
    let left = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(
        scene.session.text(left).await.unwrap().as_deref(),
        Some("0")
    );
}

#[tokio::test]
async fn what_the_observer_may_not_read_is_said() {
    let mut scene = Scene::new().await;
    scene
        .session
        .run(
            "CREATE ROLE looker LOGIN PASSWORD 'x'; GRANT SELECT ON users TO looker;
             GRANT SELECT, UPDATE ON orders TO looker;
             CREATE TABLE guarded (id int PRIMARY KEY, n int); INSERT INTO guarded VALUES (1, 1);
             ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; GRANT ALL ON guarded TO looker",
        )
        .await
        .unwrap();
    let observer = connect(scene.server.address()).await.unwrap();
    observer.run("SET ROLE looker").await.unwrap();
    scene.observer = dbproof_postgres::footprint::LockObserver::new(observer)
        .await
        .unwrap();
    let footprint = scene
        .footprint(&[
            "UPDATE users SET n = 1 WHERE id = 1",
            "UPDATE orders SET total = 1 WHERE id = 1",
            "UPDATE guarded SET n = 2",
        ])
        .await;
    assert_eq!(
        super::told(&footprint),
        [
            "users RowExclusive",
            "orders RowExclusive, orders[1] NoKeyUpdate, orders_pkey=1Old",
            "guarded RowExclusive",
        ]
    );
    assert_eq!(
        footprint.unread,
        [
            "public.guarded was not searched for locked rows: row security hides rows of it from the \
             role looker",
            "public.users was not searched for locked rows: the role looker may not read and lock rows of it",
        ]
    );
}

#[tokio::test]
async fn tables_that_are_too_large_are_not_searched() {
    let mut scene = Scene::of(
        "CREATE TABLE large (id int PRIMARY KEY, text text);
         ALTER TABLE large ALTER COLUMN text SET STORAGE PLAIN;
         INSERT INTO large SELECT i, repeat('x', 8000) FROM generate_series(1, 8300) i",
    )
    .await;
    let footprint = scene
        .footprint(&["UPDATE large SET text = '' WHERE id = 1"])
        .await;
    assert_eq!(super::told(&footprint), ["large RowExclusive"]);
    assert_eq!(
        footprint.unread,
        ["public.large was not searched for locked rows: it has 64 MiB"]
    );
}
