//! The databases of a run: made, cloned, dropped, and refused where the role may not.

use dbproof_postgres::{Address, Databases, PostgresError, catalog, connect, janitor_main};

use crate::server;

#[tokio::test]
async fn twins_are_clones_and_only_our_own_databases_are_dropped() {
    let server = server().await;
    let databases = Databases::new(server.address(), "0a1b2c3d");
    let base = databases.create("base").await.unwrap();
    let session = connect(&base).await.unwrap();
    session
        .run("CREATE TABLE t (id int, name text)")
        .await
        .unwrap();
    session
        .run("INSERT INTO t SELECT i, 'name ' || i FROM generate_series(1, 1000) i")
        .await
        .unwrap();
    assert_eq!(catalog::never_analysed(&session).await.unwrap(), ["t"]);
    session.run("ANALYZE").await.unwrap();
    assert!(catalog::never_analysed(&session).await.unwrap().is_empty());

    let busy = databases.clone(&base, "before").await.unwrap_err();
    assert_eq!(
        busy.server_error().unwrap().sqlstate,
        "55006",
        "somebody is connected"
    );
    session.close().await;
    let twin = databases.clone(&base, "before").await.unwrap();
    assert_eq!(twin.database(), "dbproof_0a1b2c3d_before");
    let session = connect(&twin).await.unwrap();
    assert_eq!(catalog::row_count(&session, "t").await.unwrap(), 1000);
    let name = session
        .text("SELECT name FROM t WHERE id = 7")
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("name 7"));
    databases.drop(&twin).await.unwrap();
    assert!(connect(&twin).await.is_err());
}

#[tokio::test]
async fn a_role_without_createdb_is_told_what_to_grant() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE ROLE reader LOGIN PASSWORD 'pa55'")
        .await
        .unwrap();
    let folder = server.folder().display().to_string().replace('/', "%2F");
    let text = std::fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let port = text.lines().nth(3).unwrap();
    let url = format!("postgres://reader:pa55@{folder}:{port}/postgres");
    let error = Databases::new(&Address::parse(&url).unwrap(), "1")
        .create("base")
        .await
        .unwrap_err();
    assert!(
        matches!(error, PostgresError::MayNotCreateDatabases { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("ALTER ROLE \"reader\" CREATEDB"),
        "{error}"
    );
    assert!(!error.to_string().contains("pa55"), "{error}");
}

#[tokio::test]
async fn the_schema_is_read_with_its_foreign_keys() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE users (id int PRIMARY KEY, gone int, name text);
             ALTER TABLE users DROP COLUMN gone;
             CREATE UNIQUE INDEX ON users (name) WHERE id > 7;
             CREATE UNIQUE INDEX ON users (lower(name));
             CREATE TABLE orders (id int, user_id int REFERENCES users (id), code text UNIQUE,
                                  PRIMARY KEY (id, user_id))",
        )
        .await
        .unwrap();
    let schema = catalog::schema(&session).await.unwrap();
    let users = schema.relation_named(None, "users").unwrap();
    let orders = schema.relation_named(Some("public"), "orders").unwrap();
    assert!(users.column_named("gone").is_none());
    assert_eq!(users.column_named("name").unwrap().attribute, 3);
    let unique = |of: &dbproof_model::Relation| -> Vec<String> {
        let columns = of.columns.iter().filter(|column| column.unique);
        columns.map(|column| column.name.clone()).collect()
    };
    assert_eq!(
        (unique(users), unique(orders)),
        (vec!["id".to_owned()], vec!["code".to_owned()])
    );
    let key = &schema.foreign_keys[0];
    assert_eq!(
        (key.relation_oid, key.referenced_oid),
        (orders.oid, users.oid)
    );
    assert_eq!(
        (
            key.attributes.as_slice(),
            key.referenced_attributes.as_slice()
        ),
        (&[2][..], &[1][..])
    );
}

/// Whoever is killed while a database is being made has nobody to wait for it, and the server makes it all
/// the same.
#[tokio::test]
async fn a_database_that_is_still_being_made_is_not_left_behind() {
    let server = server().await;
    let databases = Databases::new(server.address(), "feed");
    let source = server.address().with_database("source");
    let session = connect(server.address()).await.unwrap();
    session.run("CREATE DATABASE source").await.unwrap();
    // While somebody is there, it cannot be copied yet, and the server tries again.
    let there = connect(&source).await.unwrap();
    let making = tokio::spawn({
        let databases = Clone::clone(&databases);
        let source = source.clone();
        async move { databases.clone(&source, "copy").await }
    });
    let active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
                  AND query LIKE 'CREATE DATABASE \"dbproof_feed_%'";
    while session.text(active).await.unwrap().as_deref() != Some("1") {}
    let input = format!("feed\n{}\n", server.address().url_with_password());
    let cleaning = tokio::task::spawn_blocking(move || janitor_main(input.as_bytes()));
    cleaning.await.unwrap().unwrap();
    there.close().await;
    assert!(making.await.unwrap().is_err());
    let left = "SELECT datname FROM pg_database WHERE datname LIKE 'dbproof\\_%'";
    assert_eq!(session.texts(left).await.unwrap(), [""; 0]);
}
