//! `dbproof seed --infer`: what it writes can be read, and fills a fresh copy of the schema.

use std::fs;

use crate::project::{Run, Shop};
use crate::server::Server;

const SCHEMA: &str = include_str!("nasty_schema.sql");
const ROWS: &str = include_str!("nasty_rows.sql");

/// Infers from a database into an empty data folder, and returns what was said.
fn infer(shop: &Shop, url: &str, more: &[&str]) -> Run {
    fs::remove_dir_all(shop.path("data")).unwrap();
    let run = shop.run(&[&["seed", "--infer", "--database-url", url], more].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

fn all_files(shop: &Shop) -> String {
    let files = fs::read_dir(shop.path("data")).unwrap();
    files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn the_shop_is_seeded_again_from_what_was_inferred_of_it() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let run = shop.run(&["seed", "--database-url", &url, "--name", "shop"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    infer(&shop, &url.replace("/postgres", "/shop"), &[]);

    let orders = shop.read("data/orders.toml");
    for expected in [
        "rows = 2500",
        "fan_out = { zipf = ",
        "\"delivered\" = 70",
        "with = \"created_at\"",
        "null_rate = 0.09",
    ] {
        assert!(
            orders.contains(expected),
            "`{expected}` is not in:\n{orders}"
        );
    }
    let items = shop.read("data/order_items.toml");
    assert!(items.contains("fan_out = { uniform = [1, 5] }"), "{items}");
    // Countries are no enum and in no list: their shares are told, and not what they are.
    let users = shop.read("data/users.toml");
    assert!(
        !users.contains("DE") && users.contains("\"01\" = 3"),
        "{users}"
    );

    shop.run(&[
        "seed",
        "--infer",
        "--database-url",
        &url.replace("/postgres", "/shop"),
    ])
    .failed_with(2, &["is there already", "--output"]);
    let run = shop.run(&["seed", "--database-url", &url, "--name", "again"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let rows = server.texts_in(
        "again",
        "SELECT count(*) BETWEEN 6000 AND 9000 FROM order_items",
    );
    assert_eq!(rows, ["t"]);
}

#[test]
fn a_nasty_schema_is_inferred_and_filled() {
    let server = Server::start();
    let url = server.url();
    server.run("CREATE DATABASE nasty");
    server.run_in("nasty", SCHEMA);
    let nasty = url.replace("/postgres", "/nasty");
    let shop = Shop::new();
    for file in ["001_baseline", "002_add_indexes"] {
        fs::remove_file(shop.path(&format!("migrations/{file}.sql"))).unwrap();
    }
    shop.write("migrations/001.sql", SCHEMA);
    // Of a schema without rows as well as of one with rows.
    for (rows, name) in [("", "of_nothing"), (ROWS, "of_rows")] {
        server.run_in("nasty", rows);
        let run = infer(&shop, &nasty, &[]);
        for open in [
            "jsonb",
            "root_id references the table itself",
            "would close a cycle",
            "% 2",
        ] {
            assert!(
                run.stdout.contains(open),
                "`{open}` is not in:\n{}",
                run.stdout
            );
        }
        assert!(!all_files(&shop).contains("secret") && !run.stdout.contains("secret"));
        let run = shop.run(&["seed", "--database-url", &url, "--name", name]);
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    }
    // Pairs of keys belong together, and pairs that are keys are unique: the server would say so.
    let rows = "SELECT count(*) > 100 FROM membership";
    assert_eq!(server.texts_in("of_rows", rows), ["t"]);
    infer(&shop, &nasty, &["--keep-values"]);
    assert!(all_files(&shop).contains("secret group"));
}
