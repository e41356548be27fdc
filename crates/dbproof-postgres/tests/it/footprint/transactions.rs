//! What a transaction does around its locks: savepoints, triggers, errors, isolation.

use dbproof_postgres::footprint;

use super::{SCHEMA, Scene, sent, told};

#[tokio::test]
async fn a_savepoint_that_is_rolled_back_gives_its_locks_back() {
    let mut scene = Scene::new().await;
    scene
        .check(
            &[
                "SELECT 1 FROM users WHERE id = 1 FOR KEY SHARE",
                "SAVEPOINT a",
                "UPDATE users SET n = 2 WHERE id = 2",
                "SELECT 1 FROM users WHERE id = 1 FOR UPDATE",
                "SELECT pg_advisory_xact_lock(5)",
                "INSERT INTO orders (id, user_id) VALUES (70, 3)",
                "ROLLBACK TO SAVEPOINT a",
                "UPDATE users SET n = 3 WHERE id = 3",
                "RELEASE SAVEPOINT a",
                "UPDATE users SET n = 3 WHERE id = 3",
                "SAVEPOINT b",
                "UPDATE users SET n = 4 WHERE id = 4",
                "RELEASE SAVEPOINT b",
            ],
            &[
                "users RowShare, users[1] KeyShare",
                "",
                "users RowExclusive, users[2] NoKeyUpdate, users_email_key=u2Old, users_pkey=2Old",
                "users[1] Update",
                "advisory(5) AdvisoryExclusive",
                "(orders RowExclusive, users[3] KeyShare, orders_pkey=70)",
                "users[1] KeyShare - orders RowExclusive, users RowExclusive, users[1] Update, \
                 users[2] NoKeyUpdate, users[3] KeyShare, orders_pkey=70, users_email_key=u2Old, \
                 users_pkey=2Old, advisory(5) AdvisoryExclusive",
                "users RowExclusive, users[3] NoKeyUpdate, users_email_key=u3Old, users_pkey=3Old",
                "",
                "",
                "",
                "users[4] NoKeyUpdate, users_email_key=u4Old, users_pkey=4Old",
                "",
            ],
        )
        .await;
}

#[tokio::test]
async fn a_failed_statement_ends_it_unless_a_savepoint_takes_it_back() {
    let mut scene = Scene::new().await;
    let lock = "SELECT 1 FROM users WHERE id = 1 FOR UPDATE";
    scene
        .check(
            &[
                lock,
                "SELECT 1/0",
                "SELECT 1 FROM users WHERE id = 2 FOR UPDATE",
            ],
            &["users RowShare, users[1] Update", "!22012"],
        )
        .await;
    scene
        .check(
            &[
                lock,
                "SAVEPOINT s",
                "SELECT 1 FROM users WHERE id = 2 FOR UPDATE",
                "INSERT INTO users VALUES (1)",
                "SELECT 1",
                "ROLLBACK TO s",
                "SELECT 1 FROM users WHERE id = 3 FOR UPDATE",
            ],
            &[
                "users RowShare, users[1] Update",
                "",
                "users[2] Update",
                "!23505",
                "!25P02",
                " - users[2] Update",
                "users[3] Update",
            ],
        )
        .await;
    // Nothing of it is left.
    scene
        .check(&[lock], &["users RowShare, users[1] Update"])
        .await;
}

#[tokio::test]
async fn triggers_functions_merges_and_common_table_expressions_lock_elsewhere() {
    let mut scene = Scene::new().await;
    scene
        .session
        .run(
            "CREATE TABLE totals (user_id int PRIMARY KEY, sum int);
             INSERT INTO totals SELECT i, 0 FROM generate_series(1, 9) i;
             CREATE FUNCTION add() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 UPDATE totals SET sum = sum + new.total WHERE user_id = new.user_id; RETURN new; END $$;
             CREATE TRIGGER add AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION add();
             CREATE FUNCTION touch(int) RETURNS void LANGUAGE sql AS
                 'UPDATE totals SET sum = 0 WHERE user_id = $1'",
        )
        .await
        .unwrap();
    scene
        .check(
            &[
                "UPDATE orders SET total = 2 WHERE id = 3",
                "SELECT touch(4)",
            ],
            &[
                "(orders RowExclusive, totals RowExclusive, orders[3] NoKeyUpdate, \
                  totals[3] NoKeyUpdate, orders_pkey=3Old, totals_pkey=3Old)",
                "totals[4] NoKeyUpdate, totals_pkey=4Old",
            ],
        )
        .await;
    scene
        .check(
            &["WITH gone AS (DELETE FROM orders WHERE id = 5 RETURNING user_id) \
               UPDATE totals SET sum = 0 FROM gone WHERE totals.user_id = gone.user_id"],
            &["(orders RowExclusive, totals RowExclusive, orders[5] Update, totals[5] NoKeyUpdate, \
               orders_pkey=5Old, totals_pkey=5Old)"],
        )
        .await;
    let version = scene.session.text("SHOW server_version_num").await.unwrap();
    if version.is_some_and(|number| number.as_str() >= "150000") {
        scene
            .check(
                &[
                    "MERGE INTO totals t USING (VALUES (1), (20)) AS s (id) ON t.user_id = s.id \
                   WHEN MATCHED THEN UPDATE SET sum = 1 \
                   WHEN NOT MATCHED THEN INSERT VALUES (s.id, 0)",
                ],
                &["(totals RowExclusive, totals[1] NoKeyUpdate, totals_pkey=20, totals_pkey=1Old)"],
            )
            .await;
    }
}

#[tokio::test]
async fn the_isolation_level_is_the_application_s() {
    let mut scene = Scene::of(SCHEMA).await;
    let statements = [
        sent("SELECT current_setting('transaction_isolation') FROM users WHERE id = 1 FOR UPDATE"),
        sent(
            "UPDATE users SET n = 1 WHERE current_setting('transaction_isolation') = 'serializable' AND id = 1",
        ),
    ];
    let begin = Some("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE");
    let read = footprint::read(&mut scene.observer, &scene.session, begin, &statements);
    let read = read.await.unwrap();
    assert_eq!(read.affected, [1, 1]);
    assert_eq!(
        told(&read.footprint),
        [
            "users RowShare, users[1] Update",
            "users RowExclusive, users_email_key=u1Old, users_pkey=1Old",
        ]
    );
}

#[tokio::test]
async fn a_rollback_takes_back_everything() {
    let mut scene = Scene::new().await;
    scene
        .session
        .run("CREATE SEQUENCE cached CACHE 5; CREATE SEQUENCE fresh; SELECT nextval('cached')")
        .await
        .unwrap();
    let statements = [
        "INSERT INTO orders (user_id) VALUES (1)",
        "SELECT nextval('cached'), nextval('fresh')",
        "SET LOCAL search_path = 'nowhere'",
        "SET search_path = 'nowhere'",
    ];
    scene.footprint(&statements).await;
    let next = "SELECT nextval('orders_id_seq') || ' ' || nextval('fresh')";
    let next = scene.session.text(next).await.unwrap();
    assert_eq!(next.as_deref(), Some("10 1"));
    let rows = "SELECT count(*) || current_setting('search_path') FROM orders";
    let rows = scene.session.text(rows).await.unwrap();
    assert_eq!(rows.as_deref(), Some("9\"$user\", public"));
}

#[tokio::test]
async fn the_session_s_own_role_and_settings_stay_as_they_are() {
    let mut scene = Scene::new().await;
    scene
        .session
        .run("CREATE ROLE writer; GRANT INSERT, UPDATE (n), SELECT (id) ON users TO writer")
        .await
        .unwrap();
    scene
        .check(
            &[
                "SET LOCAL ROLE writer",
                "INSERT INTO users VALUES (20, 'x')",
                "UPDATE users SET n = 1 WHERE id = 1 AND current_user = 'writer'",
                "SELECT name FROM users WHERE id = 1",
            ],
            &[
                "",
                "(users RowExclusive, users_email_key=x, users_pkey=20)",
                "users[1] NoKeyUpdate, users_email_key=u1Old, users_pkey=1Old",
                "!42501",
            ],
        )
        .await;
}
