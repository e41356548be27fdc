//! Rows: in which mode they are locked, and by which key they are told.

use dbproof_analysis::traffic::{SentParameter, SentText};
use dbproof_postgres::connect;
use dbproof_postgres::footprint::FootprintReader;

use super::{Scene, step};

#[tokio::test]
async fn each_locking_clause_and_each_kind_of_write_has_its_mode() {
    let mut scene = Scene::new().await;
    for (clause, mode) in [
        ("FOR KEY SHARE", "KeyShare"),
        ("FOR SHARE", "Share"),
        ("FOR NO KEY UPDATE", "NoKeyUpdate"),
        ("FOR UPDATE", "Update"),
    ] {
        let sql = format!("SELECT id FROM users WHERE id = 2 {clause}");
        let expected = format!("users RowShare, users[2] {mode}");
        scene.check(&[&sql], &[&expected]).await;
    }
    scene
        .check(
            &[
                "UPDATE users SET n = 5 WHERE id = 1",
                "UPDATE users SET email = 'other' WHERE id = 2",
                "DELETE FROM orders WHERE id = 4",
                "DELETE FROM users WHERE id = 4",
                "UPDATE users SET id = 33 WHERE id = 9",
            ],
            &[
                "users RowExclusive, users[1] NoKeyUpdate, users_email_key=u1Old, users_pkey=1Old",
                // Any column of a unique index is a key, whether or not something refers to it.
                "(users[2] Update, users_email_key=other, users_email_key=u2Old, users_pkey=2Old)",
                "orders RowExclusive, orders[4] Update, orders_pkey=4Old",
                // Looking for orders of the user locks their table, and none of them.
                "(orders RowShare, users RowShare, users[4] Update, users_email_key=u4Old, users_pkey=4Old)",
                "!23503",
            ],
        )
        .await;
}

#[tokio::test]
async fn a_stronger_lock_is_told_again_and_an_equal_one_is_not() {
    let mut scene = Scene::new().await;
    scene
        .check(
            &[
                "SELECT 1 FROM users WHERE id = 1 FOR KEY SHARE",
                "SELECT 1 FROM users WHERE id = 1 FOR KEY SHARE",
                "SELECT 1 FROM users WHERE id = 1 FOR SHARE",
                "UPDATE users SET n = 0 WHERE id = 1",
                "SELECT 1 FROM users WHERE id = 1 FOR UPDATE",
                "UPDATE users SET n = 1 WHERE id = 1",
                "DELETE FROM orders WHERE user_id = 1",
                "DELETE FROM users WHERE id = 1",
            ],
            &[
                "users RowShare, users[1] KeyShare",
                "",
                "users[1] Share",
                "users RowExclusive, users[1] NoKeyUpdate, users_email_key=u1Old, users_pkey=1Old",
                // The new version of the row is what is locked then, and it counts as the row.
                "users[1] Update",
                "",
                "orders RowExclusive, orders[1] Update, orders_pkey=1Old",
                "orders RowShare",
            ],
        )
        .await;
}

#[tokio::test]
async fn parents_are_locked_by_whoever_refers_to_them() {
    let mut scene = Scene::of(
        "CREATE TABLE place (a int, b text, PRIMARY KEY (a, b));
         CREATE TABLE visit (id int PRIMARY KEY, a int, b text, n int, \
             FOREIGN KEY (a, b) REFERENCES place);
         CREATE TABLE node (id int PRIMARY KEY, parent int REFERENCES node ON DELETE CASCADE, n int);
         INSERT INTO place VALUES (1, 'x, \"y\"'), (2, 'z');
         INSERT INTO node VALUES (1, NULL, 0), (2, 1, 0), (3, 2, 0), (4, NULL, 0)",
    )
    .await;
    scene
        .check(
            &[
                "INSERT INTO visit VALUES (1, 1, 'x, \"y\"', 0)",
                "INSERT INTO visit VALUES (2, NULL, 'z', 0)",
                "UPDATE visit SET n = 1 WHERE id = 1",
                "UPDATE visit SET a = 2, b = 'z' WHERE id = 1",
            ],
            &[
                "(place RowShare, visit RowExclusive, place[1/x, \"y\"] KeyShare, visit_pkey=1)",
                "visit_pkey=2",
                "",
                "place[2/z] KeyShare",
            ],
        )
        .await;
    scene
        .check(
            &[
                "INSERT INTO node VALUES (5, 3, 0)",
                "UPDATE node SET n = 9 WHERE id = 2",
            ],
            &[
                "(node RowShare, node RowExclusive, node[3] KeyShare, node_pkey=5)",
                "node[2] NoKeyUpdate, node_pkey=2Old",
            ],
        )
        .await;
    // A cascade goes down, and in which order rows are locked is not known.
    scene
        .check(
            &["DELETE FROM node WHERE id = 1"],
            &[
                "(node RowExclusive, node[1] Update, node[2] Update, node[3] Update, \
               node_pkey=1Old, node_pkey=2Old, node_pkey=3Old)",
            ],
        )
        .await;
}

#[tokio::test]
async fn checks_that_are_put_off_lock_at_commit() {
    let mut scene = Scene::of(
        "CREATE TABLE parent (id int PRIMARY KEY);
         CREATE TABLE child (id int PRIMARY KEY, parent_id int \
             REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO parent VALUES (1)",
    )
    .await;
    scene
        .check(
            &["INSERT INTO child VALUES (7, 1)"],
            &[
                "child RowExclusive, child_pkey=7",
                "COMMIT parent RowShare, parent[1] KeyShare",
            ],
        )
        .await;
    scene
        .check(
            &["INSERT INTO child VALUES (7, 99)"],
            &["child RowExclusive, child_pkey=7", "COMMIT !23503"],
        )
        .await;
}

#[tokio::test]
async fn rows_are_told_by_the_best_key_there_is() {
    let mut scene = Scene::of(
        "CREATE TABLE twokeys (a int NOT NULL, b int NOT NULL, c int UNIQUE, d int NOT NULL UNIQUE, \
             UNIQUE (a, b));
         CREATE TABLE nokey (a int);
         CREATE TABLE nullable (a int UNIQUE, b int, UNIQUE (a, b));
         CREATE SCHEMA \"Odd schema\";
         CREATE TABLE \"Odd schema\".\"T \"\"1\"\"\" (\"Key, 1\" text PRIMARY KEY, n int);
         CREATE TABLE stored (a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);
         CREATE TABLE moments (at timestamptz, n int, PRIMARY KEY (at));
         INSERT INTO twokeys VALUES (1, 2, NULL, 4);
         INSERT INTO nokey VALUES (8);
         INSERT INTO nullable VALUES (1, 1);
         INSERT INTO \"Odd schema\".\"T \"\"1\"\"\" VALUES ('it''s', 0);
         INSERT INTO stored VALUES (4);
         INSERT INTO moments VALUES ('2024-05-01 12:00:00+02', 0)",
    )
    .await;
    for (sql, expected) in [
        (
            "SELECT 1 FROM twokeys FOR UPDATE",
            "twokeys RowShare, twokeys[4] Update",
        ),
        (
            "SELECT 1 FROM nokey FOR UPDATE",
            "nokey RowShare, nokey[(0,1)] Update",
        ),
        (
            "SELECT 1 FROM nullable FOR UPDATE",
            "nullable RowShare, nullable[(0,1)] Update",
        ),
        (
            "UPDATE \"Odd schema\".\"T \"\"1\"\"\" SET n = 1",
            "\"Odd schema\".\"T \"\"1\"\"\" RowExclusive, \
             \"Odd schema\".\"T \"\"1\"\"\"[it's] NoKeyUpdate, T \"1\"_pkey=it'sOld",
        ),
        (
            "SELECT 1 FROM stored FOR UPDATE",
            "stored RowShare, stored[8] Update",
        ),
    ] {
        scene.check(&[sql], &[expected]).await;
    }
    // Both sessions write a key in the same way, whatever the application has set.
    scene
        .session
        .run("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'")
        .await
        .unwrap();
    scene
        .check(
            &["UPDATE moments SET n = 1"],
            &[
                "moments RowExclusive, moments[2024-05-01 10:00:00+00] NoKeyUpdate, \
               moments_pkey=2024-05-01 10:00:00+00Old",
            ],
        )
        .await;
}

#[tokio::test]
async fn rows_of_partitions_and_of_children_are_told_by_these() {
    let mut scene = Scene::of(
        "CREATE TABLE part (id int, day int, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
         CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
         CREATE TABLE base (id int PRIMARY KEY, n int);
         CREATE TABLE derived (PRIMARY KEY (id)) INHERITS (base);
         INSERT INTO part VALUES (1, 1, 0), (2, 11, 0);
         INSERT INTO base VALUES (1, 0);
         INSERT INTO derived VALUES (2, 0)",
    )
    .await;
    scene
        .check(
            &[
                "UPDATE part SET n = 1 WHERE id = 2 AND day = 11",
                "UPDATE part SET day = 12 WHERE id = 1 AND day = 1",
                "INSERT INTO part VALUES (3, 3, 3)",
            ],
            &[
                "(part AccessShare, part RowExclusive, part_2 RowExclusive, part_2[2/11] NoKeyUpdate, part_2_pkey=2/11Old)",
                // A row that moves is deleted in one partition and entered into the other.
                "(part_1 RowExclusive, part_1[1/1] Update, part_2_pkey=1/12, part_1_pkey=1/1Old)",
                "part_1_pkey=3/3",
            ],
        )
        .await;
    scene
        .check(
            &["UPDATE base SET n = 1"],
            &["(base RowExclusive, derived RowExclusive, base[1] NoKeyUpdate, derived[2] NoKeyUpdate, \
               base_pkey=1Old, derived_pkey=2Old)"],
        )
        .await;
}

#[tokio::test]
async fn rows_are_in_the_order_in_which_they_are_returned() {
    let mut scene = Scene::new().await;
    for (sql, expected) in [
        (
            "SELECT id FROM users WHERE id < 4 ORDER BY id DESC FOR UPDATE",
            "users RowShare, users[3] Update, users[2] Update, users[1] Update",
        ),
        (
            "SELECT name FROM users WHERE id < 3 ORDER BY id DESC FOR UPDATE",
            "(users RowShare, users[1] Update, users[2] Update)",
        ),
        (
            "SELECT id FROM users WHERE id < 9 ORDER BY n DESC LIMIT 2 FOR UPDATE SKIP LOCKED",
            "users RowShare, users[8] Update, users[7] Update Skips",
        ),
        (
            "SELECT id FROM users WHERE id = 1 FOR UPDATE NOWAIT",
            "users RowShare, users[1] Update Fails",
        ),
        (
            "SELECT u.id, o.id FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = 1 FOR UPDATE",
            "(orders RowShare, users RowShare, orders[1] Update, users[1] Update)",
        ),
        (
            "UPDATE orders SET total = 1 WHERE id < 3 RETURNING id",
            "orders RowExclusive, orders[1] NoKeyUpdate, orders[2] NoKeyUpdate, \
             orders_pkey=1Old, orders_pkey=2Old",
        ),
    ] {
        scene.check(&[sql], &[expected]).await;
    }
    // Those that were locked before are not new, and the others keep their order.
    scene
        .check(
            &[
                "SELECT id FROM users WHERE id = 2 FOR UPDATE",
                "SELECT id FROM users WHERE id < 4 ORDER BY id DESC FOR UPDATE",
            ],
            &[
                "users RowShare, users[2] Update",
                "users[3] Update, users[1] Update",
            ],
        )
        .await;
}

#[tokio::test]
async fn parameters_are_sent_in_their_own_formats() {
    let mut scene = Scene::new().await;
    let parameter = |binary: bool, value: &[u8]| SentParameter {
        type_oid: 0,
        binary,
        value: Some(value.to_vec()),
    };
    let mut reader = FootprintReader::begin(&mut scene.observer, &scene.session, None)
        .await
        .unwrap();
    for (sql, parameter, expected) in [
        (
            "UPDATE users SET n = n + 1 WHERE id = $1 RETURNING id",
            parameter(true, &3_i32.to_be_bytes()),
            "users RowExclusive, users[3] NoKeyUpdate, users_email_key=u3Old, users_pkey=3Old",
        ),
        (
            "SELECT id FROM users WHERE email = ANY ($1) ORDER BY id DESC FOR SHARE",
            parameter(false, b"{u1,u2}"),
            "users RowShare, users[2] Share, users[1] Share",
        ),
    ] {
        let statement = SentText {
            sql: sql.into(),
            parameters: vec![parameter],
        };
        assert_eq!(step(&reader.step(&statement).await.unwrap()), expected);
    }
    assert!(reader.rollback().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_others_locked_before_and_gave_back_is_not_told() {
    let mut scene = Scene::new().await;
    let other = connect(scene.server.address()).await.unwrap();
    for leave in ["ROLLBACK", "COMMIT"] {
        // A lock that is shared leaves another kind of mark than one that is held alone.
        let sql = "BEGIN; UPDATE users SET n = 3 WHERE id = 1; DELETE FROM orders WHERE id = 7;
                   SELECT 1 FROM users WHERE id IN (2, 3) FOR KEY SHARE;
                   SAVEPOINT a; SELECT 1 FROM users WHERE id IN (2, 3) FOR NO KEY UPDATE; RELEASE a";
        other.run(sql).await.unwrap();
        let sql = "BEGIN; SELECT 1 FROM users WHERE id IN (2, 3) FOR KEY SHARE; COMMIT";
        scene.session.run(sql).await.unwrap();
        other.run(leave).await.unwrap();
        for _ in 0..2 {
            scene
                .check(
                    &[
                        "SELECT 1 FROM users WHERE id = 5 FOR UPDATE",
                        "SELECT 1 FROM users WHERE id = 2 FOR SHARE",
                    ],
                    &["users RowShare, users[5] Update", "users[2] Share"],
                )
                .await;
        }
    }
    // What the observer tried, it has given back too.
    let sql = "SET lock_timeout = '2s'; SELECT 1 FROM users, orders FOR UPDATE";
    other.run(sql).await.unwrap();
}

#[tokio::test]
async fn many_rows_are_told_as_far_as_there_is_room() {
    let mut scene = Scene::of(
        "CREATE TABLE many (id int PRIMARY KEY, n int);
         INSERT INTO many SELECT i, 0 FROM generate_series(1, 5000) i;
         UPDATE many SET n = 1",
    )
    .await;
    let marks = "BEGIN; SELECT 1 FROM many FOR SHARE; ROLLBACK";
    scene.session.run(marks).await.unwrap();
    // All rows bear marks that mean nothing any more, and they hide nothing.
    let few = scene
        .footprint(&["UPDATE many SET n = 2 WHERE id > 4990"])
        .await;
    assert!(few.unread.is_empty(), "{:?}", few.unread);
    assert_eq!(few.steps[0].locks.len(), 1 + 2 * 10);
    let all = scene.footprint(&["UPDATE many SET n = 2"]).await;
    assert!(all.steps[0].locks.len() > 2000);
    assert_eq!(
        all.unread,
        [
            "public.many has more than 2000 rows that the transaction locks; the others were not read"
        ]
    );
    let one = scene
        .footprint(&["UPDATE many SET n = 2 WHERE id = 4990"])
        .await;
    assert_eq!(one.steps[0].locks.len(), 1 + 2);
}
