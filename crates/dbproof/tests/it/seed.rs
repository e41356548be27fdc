//! `dbproof seed`: a database is filled as asked, and nothing is ever left half-filled.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::project::{Run, Shop, wait_until};
use crate::server::Server;

/// The checks of a record with this outcome, as `table.column statistic`.
fn checks(record: &Value, outcome: &str) -> Vec<String> {
    let checks = record["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["outcome"] == outcome)
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap().to_owned();
            format!("{}.{} {}", text("table"), text("column"), text("statistic"))
        })
        .collect()
}

fn seeded(shop: &Shop, arguments: &[&str]) -> (Run, Value) {
    let run = shop.run(&[&["seed", "--format", "json"], arguments].concat());
    let record = serde_json::from_str(&run.stdout);
    let record = record.unwrap_or_else(|_| panic!("no record: {}", run.stderr));
    (run, record)
}

#[test]
fn a_new_database_is_kept_and_named_without_the_password() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let (run, record) = seeded(&shop, &["--database-url", &url, "--scale", "0.5"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(
        run.stderr, "",
        "nothing is drawn where there is no terminal"
    );
    assert!(!run.stdout.contains("s3cret"));
    assert_eq!(record["tables"][0]["rows"], 500);
    assert_eq!(record["verdict"], "pass");
    assert_eq!(checks(&record, "differs"), Vec::<String>::new());
    for checked in [
        "users.phone nulls",
        "orders.user_id children a parent",
        "users.id correlation",
    ] {
        assert!(
            checks(&record, "ok").contains(&checked.to_owned()),
            "{checked}"
        );
    }
    let name = record["database"].as_str().unwrap();
    assert_eq!(server.databases_of_ours(), [name]);

    // The same name again is refused, and the database that has it is left alone.
    shop.run(&["seed", "--database-url", &url, "--name", name])
        .failed_with(2, &["already", "--name"]);
    let run = shop.run(&[
        "seed",
        "--quiet",
        "--database-url",
        &url,
        "--name",
        "of ours",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("/of%20ours"), "{}", run.stdout);
    assert_eq!(server.databases_of_ours(), [name]);
}

#[test]
fn a_failed_or_interrupted_seed_leaves_no_database() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let users = shop.read("data/users.toml");
    shop.write("data/users.toml", &users.replace("DE = 30", "Germany = 30"));
    shop.run(&["seed", "--database-url", &url])
        .failed_with(2, &["data/users.toml", "users_country_check"]);
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());

    shop.write("data/users.toml", &users);
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut child = shop.start(&["seed", "--scale", "100", "--database-url", &url]);
        wait_until("rows are on their way", || {
            !server
                .texts("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY \"orders\"%'")
                .is_empty()
        });
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), (signal == Signal::SIGINT).then_some(130));
        wait_until("the database is gone", || {
            server.databases_of_ours().is_empty()
        });
    }
}

#[test]
fn in_place_it_is_everything_or_nothing() {
    let server = Server::start();
    let url = server.url();
    server.run("CREATE DATABASE mine");
    let mine = url.replace("/postgres", "/mine");
    let shop = Shop::new();
    let in_place = ["seed", "--in-place", "--database-url", &mine];
    shop.run(&in_place).failed_with(
        2,
        &["data/users.toml", "\"users\" does not exist", "migration"],
    );

    for migration in ["001_baseline", "002_add_indexes"] {
        server.run_in("mine", &shop.read(&format!("migrations/{migration}.sql")));
    }
    // The last table of all fails, so that what is there of the others has to go again.
    let orders = shop.read("data/orders.toml");
    let broken = orders.replace(
        "quantity   = { zipf = { low = 1",
        "quantity   = { zipf = { low = 0",
    );
    assert_ne!(orders, broken);
    shop.write("data/orders.toml", &broken);
    shop.run(&in_place)
        .failed_with(2, &["order_items_quantity_check"]);
    let count = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM orders)";
    assert_eq!(server.texts_in("mine", count), ["0"]);

    shop.write("data/orders.toml", &orders);
    let (run, record) = seeded(&shop, &["--in-place", "--database-url", &mine]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(
        (&record["database"], &record["in_place"]),
        (&"mine".into(), &true.into())
    );
    assert_eq!(server.texts_in("mine", count), ["3500"]);
    shop.run(&in_place)
        .failed_with(2, &["rows already in users", "nothing was written"]);
}

#[test]
fn wrong_usage_says_what_to_do() {
    let shop = Shop::new();
    shop.run(&["seed"])
        .failed_with(2, &["no server", "--database-url"]);
    shop.run(&["seed", "--infer"])
        .failed_with(2, &["no database", "--database-url"]);
    let url = "postgres://ann:s3cret@127.0.0.1:1/x";
    for scale in ["0", "-1", "nan", "much"] {
        shop.run(&["seed", "--database-url", url, &format!("--scale={scale}")])
            .failed_with(2, &["above 0"]);
    }
    let run = shop.run(&["seed", "--database-url", url]);
    run.failed_with(3, &["127.0.0.1:1"]);
    assert!(!run.stderr.contains("s3cret"));
    fs::remove_dir_all(shop.path("data")).unwrap();
    shop.run(&["seed", "--database-url", url])
        .failed_with(2, &["nothing to seed", "data/*.toml", "--infer"]);
}

/// Triggers that change what was asked for, each with the checks that must notice.
#[test]
fn rows_that_are_not_as_asked_differ() {
    let server = Server::start();
    let url = server.url();
    let tampered = [
        (
            "IF NEW.id % 2 = 0 THEN NEW.phone := NULL; END IF;",
            "users.phone nulls",
        ),
        ("NEW.country := 'DE';", "users.country frequency of DE"),
        (
            "IF NEW.country = 'IE' THEN NEW.country := 'XX'; END IF;",
            "users.country frequencies",
        ),
        (
            "NEW.created_at := now() - NEW.id * interval '1 day';",
            "users.created_at correlation",
        ),
        (
            "IF NEW.id % 10 = 0 THEN RETURN NULL; END IF;",
            "users. rows",
        ),
        (
            "NEW.email := 'ann@example.com';",
            "users.email distinct values",
        ),
    ];
    for (change, noticed) in tampered {
        let shop = Shop::new();
        fs::remove_file(shop.path("migrations/002_add_indexes.sql")).unwrap();
        fs::remove_file(shop.path("data/orders.toml")).unwrap();
        let trigger = format!(
            "CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN {change} RETURN NEW; END $$;\n\
             CREATE TRIGGER tampered BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION tamper();\n"
        );
        shop.write("migrations/003_tamper.sql", &trigger);
        let (run, record) = seeded(&shop, &["--database-url", &url]);
        let differs = checks(&record, "differs");
        assert!(
            differs.contains(&noticed.to_owned()),
            "{change}: {differs:?}"
        );
        assert_eq!(
            (run.code, &record["verdict"]),
            (1, &"fail".into()),
            "{change}"
        );
    }
    // The same for references: all orders with one user.
    let shop = Shop::new();
    let trigger = "CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN NEW.user_id := 1 + NEW.id % 50; RETURN NEW; END $$;\n\
         CREATE TRIGGER tampered BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION tamper();\n";
    shop.write("migrations/003_tamper.sql", trigger);
    let (_, record) = seeded(&shop, &["--database-url", &url]);
    let differs = checks(&record, "differs");
    assert!(
        differs.contains(&"orders.user_id children a parent".to_owned()),
        "{differs:?}"
    );
}

#[test]
fn the_rows_are_the_same_whatever_the_threads() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let mut digests = Vec::new();
    for threads in ["1", "2", "7"] {
        let name = format!("threads_{threads}");
        let run = shop.run(&[
            "seed",
            "--database-url",
            &url,
            "--name",
            &name,
            "--threads",
            threads,
            "--scale",
            "3",
        ]);
        assert_eq!(run.code, 0, "{}", run.stdout);
        let of = |table: &str| {
            let sql = format!("SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM {table} t");
            server.texts_in(&name, &sql)
        };
        digests.push(["users", "orders", "order_items", "products", "inventory"].map(of));
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}
