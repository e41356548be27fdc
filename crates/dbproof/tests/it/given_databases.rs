//! `dbproof regress --before URL --after URL`.

use serde_json::Value;

use crate::project::Shop;
use crate::server::Server;

/// Orders with an index on their user; the same rows wherever it runs.
const ORDERS: &str = "
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, note text NOT NULL);
    INSERT INTO orders SELECT i, i % 500, repeat('o', 80) FROM generate_series(1, 20000) i;
    CREATE INDEX orders_user ON orders (user_id);
    VACUUM (ANALYZE) orders;";

const QUERY: &str =
    "-- name: q\n-- param user: uniform(0, 499)\nSELECT id FROM orders WHERE user_id = :user;\n";

/// Two databases that were there before dbproof, and the URLs to name them by.
fn databases(server: &Server) -> (String, String) {
    let url = server.url();
    for name in ["old", "new"] {
        server.run(&format!("CREATE DATABASE {name}"));
        for statement in ORDERS.split_inclusive(';') {
            server.run_in(name, statement);
        }
    }
    let named = |name: &str| url.replace("/postgres", &format!("/{name}"));
    (named("old"), named("new"))
}

fn regress(shop: &Shop, (was, is): &(String, String)) -> (i32, Value) {
    shop.record(&["regress", "--before", was, "--after", is])
}

fn codes(record: &Value) -> Vec<&str> {
    let findings = record["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect()
}

#[test]
fn two_databases_are_compared_and_left_as_they_are() {
    let server = Server::start();
    let urls = databases(&server);
    let writing = "-- name: w\nDELETE FROM orders WHERE id <= 10;\n";
    let shop = Shop::new().with_only_query(&format!("{QUERY}{writing}"));
    let (code, same) = regress(&shop, &urls);
    assert_eq!(code, 0, "{same:#}");
    assert!(codes(&same).is_empty(), "{same:#}");
    let regress_record = &same["scenarios"]["regress"];
    assert!(regress_record["migration"].is_null());
    assert_eq!(regress_record["timing"]["pinned"], false);
    let change = regress_record["change"].as_str().unwrap();
    assert!(change.ends_with("/new") && change.contains("/old..") && !change.contains("s3cret"));

    server.run_in("new", "DROP INDEX orders_user");
    let (code, worse) = regress(&shop, &urls);
    assert_eq!(code, 1, "{worse:#}");
    assert_eq!(codes(&worse), ["index-scan-lost"]);
    let rows = server.texts_in("new", "SELECT count(*)::text FROM orders");
    assert_eq!(rows, ["20000"]);
    assert!(server.databases_of_ours().is_empty());
}

#[test]
fn what_differs_besides_the_schema_is_named() {
    let server = Server::start();
    let urls = databases(&server);
    server.run("ALTER DATABASE new SET work_mem = '7MB'");
    server.run_in(
        "new",
        "INSERT INTO orders SELECT i, i % 500, 'more' FROM generate_series(20001, 60000) i",
    );
    server.run_in("new", "ANALYZE");
    let shop = Shop::new().with_only_query(QUERY);
    let (_, record) = regress(&shop, &urls);
    let findings = record["findings"].as_array().unwrap();
    let differ = findings
        .iter()
        .find(|f| f["code"] == "sides-differ")
        .unwrap();
    let message = differ["message"].as_str().unwrap();
    assert!(
        message.contains("work_mem 4MB → 7MB") || message.contains("work_mem default → 7MB"),
        "{message}"
    );
    assert!(
        message.contains("public.orders 20000 → 60000 rows"),
        "{message}"
    );
    // Other data give other rows, and that is not the schema's doing.
    assert!(!codes(&record).contains(&"result-rows-differ"));
}

#[test]
fn both_databases_must_be_named_and_reached() {
    let shop = Shop::new();
    shop.run(&["regress", "--before", "postgres://a@b/c"])
        .failed_with(2, &["--after"]);
    shop.run(&[
        "regress",
        "--before",
        "nonsense",
        "--after",
        "postgres://a@b/c",
    ])
    .failed_with(2, &["URL"]);
    let (dead, other) = (
        "postgres://a:s3cret@127.0.0.1:1/x",
        "postgres://a:s3cret@127.0.0.1:1/y",
    );
    let run = shop.run(&["regress", "--before", dead, "--after", other]);
    run.failed_with(3, &["127.0.0.1:1"]);
    assert!(!run.stderr.contains("s3cret"));
}
