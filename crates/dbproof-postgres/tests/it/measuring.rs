//! The measuring connection against a real server.

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, affinity, connect};

use crate::server;

#[tokio::test]
async fn rows_are_counted_and_errors_leave_the_connection_usable() {
    let server = server().await;
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    let statement = connection
        .prepare("SELECT i, 10 / (i - $2::int) FROM generate_series(1, $1::int) i")
        .unwrap();
    let request = |c: &MeasuringConnection, n: &str, zero: &str| {
        c.encode(&statement, &[Some(n.to_owned()), Some(zero.to_owned())])
            .unwrap()
    };
    let good = request(&connection, "20000", "0");
    let bad = request(&connection, "5", "5");
    assert_eq!(connection.execute(&good).unwrap(), 20_000);
    let error = connection.execute(&bad).unwrap_err();
    assert_eq!(error.server_error().unwrap().sqlstate, "22012");
    assert_eq!(connection.execute(&good).unwrap(), 20_000);
    assert!(
        connection.encode(&statement, &[None]).is_err(),
        "one value is missing"
    );
}

#[tokio::test]
async fn a_watching_connection_sees_the_same_answers() {
    let server = server().await;
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    connection.watch();
    for (sql, rows) in [
        // At once; longer than it watches; more than fits its buffer; an error in between.
        ("SELECT 1", 1),
        ("SELECT pg_sleep(0.05)", 1),
        (
            "SELECT repeat('x', 1000) FROM generate_series(1, 1000)",
            1000,
        ),
    ] {
        let statement = connection.prepare(sql).unwrap();
        let request = connection.encode(&statement, &[]).unwrap();
        assert_eq!(connection.execute(&request).unwrap(), rows, "{sql}");
        assert!(connection.run("SELECT 1 / 0").is_err());
    }
    let own = connection.process_id();
    let other = connect(server.address()).await.unwrap();
    let terminate = format!("SELECT pg_terminate_backend({own}, 10000)::text");
    assert_eq!(other.text(&terminate).await.unwrap().unwrap(), "true");
    let lost = connection.run("SELECT 1").unwrap_err();
    assert!(
        matches!(lost, PostgresError::ConnectionLost { .. }),
        "{lost}"
    );
}

#[tokio::test]
async fn a_result_without_a_binary_form_is_counted_too() {
    let server = server().await;
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    for sql in [
        "SELECT format('=r/%I', current_user)::aclitem FROM generate_series(1, 3)",
        "SELECT relacl, oid FROM pg_class LIMIT 3",
        "SELECT ARRAY['a', 'b'], '(1,2)'::point, ROW(1, 'x') FROM generate_series(1, 3)",
    ] {
        let statement = connection.prepare(sql).unwrap();
        let request = connection.encode(&statement, &[]).unwrap();
        assert_eq!(connection.execute(&request).unwrap(), 3, "{sql}");
    }
}

#[tokio::test]
async fn an_unpreparable_statement_tells_the_position() {
    let server = server().await;
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    let error = connection
        .prepare("SELECT colour FROM pg_class")
        .unwrap_err();
    let error = error.server_error().unwrap().clone();
    assert_eq!(
        (error.sqlstate.as_str(), error.position),
        ("42703", Some(8))
    );
    connection.run("SELECT 1").unwrap();
}

#[tokio::test]
async fn every_kind_of_password_is_accepted_over_tcp() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'käse%';
             SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'pa55'",
        )
        .await
        .unwrap();
    // Without this line of its own, scram-sha-256 in pg_hba.conf refuses MD5 hashes.
    let hba = server.folder().join("data/pg_hba.conf");
    let lines = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("host all hashed 127.0.0.1/32 md5\n{lines}")).unwrap();
    session.run("SELECT pg_reload_conf()").await.unwrap();
    let text = std::fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let port = text.lines().nth(3).unwrap();
    let open = |user: &str, password: &str| {
        let url = format!("postgres://{user}:{password}@127.0.0.1:{port}/postgres");
        MeasuringConnection::open(&Address::parse(&url).unwrap())
    };
    open("scram", "k%C3%A4se%25")
        .unwrap()
        .run("SELECT 1")
        .unwrap();
    // The reload reaches new connections a moment later.
    let hashed = (0..1000).find_map(|_| open("hashed", "pa55").ok());
    hashed.expect("an MD5 password").run("SELECT 1").unwrap();
    let error = open("scram", "wrong-s3cret").unwrap_err();
    assert!(
        matches!(error, PostgresError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("28P01") && !error.to_string().contains("s3cret"));
}

#[tokio::test]
async fn a_backend_that_is_terminated_is_a_lost_connection() {
    let server = server().await;
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    let error = connection
        .run("SELECT pg_terminate_backend(pg_backend_pid())")
        .unwrap_err();
    assert!(
        matches!(error, PostgresError::ConnectionLost { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn client_and_backend_can_be_pinned_to_one_processor() {
    let server = server().await;
    let allowed = affinity::allowed_processors();
    let Some(&processor) = allowed.last() else {
        return;
    };
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    let backend = connection.process_id();
    let pinned = std::thread::spawn(move || {
        assert!(affinity::pin_to(processor, &[backend]));
        connection.run("SELECT 1").unwrap();
        affinity::allowed_processors()
    });
    assert_eq!(pinned.join().unwrap(), [processor]);
    assert_eq!(
        affinity::allowed_processors(),
        allowed,
        "other threads stay free"
    );
    assert!(
        !affinity::pin_to(processor, &[u32::MAX]),
        "there is no such process"
    );
}

#[tokio::test]
async fn only_backends_of_our_databases_on_this_machine_are_pinned() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE DATABASE dbproof_r1_before")
        .await
        .unwrap();
    session.close().await;
    let can_pin = |database: &str, claimed: &str| {
        let address = server.address().with_database(database);
        let connection = MeasuringConnection::open(&address).unwrap();
        affinity::can_pin(&connection, claimed)
    };
    let linux = cfg!(target_os = "linux");
    assert_eq!(can_pin("dbproof_r1_before", "dbproof_r1_before"), linux);
    // As if the number of the process were that of another server's backend.
    assert!(!can_pin("postgres", "dbproof_r1_before"));
    assert!(!can_pin("postgres", "postgres"));
}
