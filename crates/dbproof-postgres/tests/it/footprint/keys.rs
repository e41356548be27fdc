//! Keys that are entered into unique indexes, and those whose rows are changed.

use super::Scene;

const SCHEMA: &str = "\
    CREATE TABLE account (id int PRIMARY KEY, email text, tenant int, slug text, is_open bool DEFAULT true);
    CREATE UNIQUE INDEX by_email ON account (lower(email)) WHERE is_open;
    CREATE UNIQUE INDEX by_slug ON account (tenant, slug) INCLUDE (email);
    CREATE INDEX plain ON account (tenant);
    INSERT INTO account VALUES (1, 'Ann', 1, 'a', true), (2, 'Bob', 1, 'b', false), (3, NULL, 1, NULL, true)";

#[tokio::test]
async fn every_unique_index_that_a_row_is_in_has_its_key() {
    let mut scene = Scene::of(SCHEMA).await;
    scene
        .check(
            &[
                "INSERT INTO account VALUES (10, 'Zoe', 2, 'z', true)",
                "INSERT INTO account VALUES (11, 'Zed', 2, NULL, false)",
                "INSERT INTO account VALUES (10, 'Other', 3, 'y', true)",
            ],
            &[
                "(account RowExclusive, account_pkey=10, by_email=zoe, by_slug=2/z)",
                "account_pkey=11",
                "!23505",
            ],
        )
        .await;
    scene
        .check(
            &[
                "UPDATE account SET slug = 'b2' WHERE id = 2",
                "UPDATE account SET is_open = true WHERE id = 2",
                "DELETE FROM account WHERE id = 1",
                "INSERT INTO account VALUES (1, 'ANN', 1, 'a', true)",
                "DELETE FROM account WHERE id = 3",
            ],
            &[
                "(account RowExclusive, account[2] Update, by_slug=1/b2, account_pkey=2Old, by_slug=1/bOld)",
                "by_email=bob",
                "account[1] Update, account_pkey=1Old, by_email=annOld, by_slug=1/aOld",
                // What the transaction has freed itself, it holds already.
                "",
                "account[3] Update, account_pkey=3Old",
            ],
        )
        .await;
}

#[tokio::test]
async fn an_upsert_locks_the_row_that_is_there_or_enters_the_key() {
    let mut scene = Scene::of(SCHEMA).await;
    let upsert = |id: i32, end: &str| {
        format!("INSERT INTO account VALUES ({id}, NULL, 9, 's{id}') ON CONFLICT (id) {end}")
    };
    let update = "DO UPDATE SET tenant = 5";
    scene
        .check(
            &[
                &upsert(1, update),
                &upsert(30, update),
                &upsert(30, update),
                &upsert(2, "DO NOTHING"),
                &upsert(31, "DO NOTHING"),
                &upsert(3, "DO UPDATE SET tenant = 6 WHERE false"),
            ],
            &[
                "(account RowExclusive, account[1] Update, by_slug=5/a, account_pkey=1Old, \
                  by_email=annOld, by_slug=1/aOld)",
                "(account_pkey=30, by_slug=9/s30)",
                "by_slug=5/s30 - by_slug=9/s30",
                "",
                "(account_pkey=31, by_slug=9/s31)",
                // Locked to see whether it is to be updated.
                "account[3] Update",
            ],
        )
        .await;
}

#[tokio::test]
async fn keys_that_may_be_null_once_and_those_checked_at_the_end() {
    let mut scene = Scene::of(
        "CREATE TABLE late (id int PRIMARY KEY, place int, \
             CONSTRAINT places UNIQUE (place) DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE plain (a int UNIQUE)",
    )
    .await;
    scene
        .check(
            &[
                "INSERT INTO late VALUES (1, 1)",
                "INSERT INTO plain VALUES (NULL)",
                "INSERT INTO plain VALUES (4)",
            ],
            &[
                "late RowExclusive, late_pkey=1",
                "plain RowExclusive",
                "plain_a_key=4",
            ],
        )
        .await;
    let version = scene.session.text("SHOW server_version_num").await.unwrap();
    if version.is_some_and(|number| number.as_str() >= "150000") {
        let sql = "CREATE TABLE once (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b))";
        scene.session.run(sql).await.unwrap();
        scene
            .check(
                &["INSERT INTO once VALUES (1, NULL)"],
                &["once RowExclusive, once_a_b_key=1/NULL"],
            )
            .await;
    }
}
