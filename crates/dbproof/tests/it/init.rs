//! `dbproof init`: from a project of one's own to a first verdict, with no file edited.

use std::fs;

use serde_json::Value;

use crate::project::{Run, Shop};
use crate::server::Server;

const CUSTOMERS: &str = "\
CREATE TABLE customers (id serial PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE invoices (
    id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
    status text NOT NULL CHECK (status IN ('open', 'paid')), cents int NOT NULL
);
";
const LATER: &str = "\
CREATE TABLE \"Order\" (id uuid PRIMARY KEY, \"customerId\" int NOT NULL REFERENCES customers);
ALTER TABLE invoices ADD COLUMN \"order\" uuid REFERENCES \"Order\";
";

/// A folder with these files and nothing of the shop's.
fn project(files: &[(&str, &str)]) -> Shop {
    let shop = Shop::new();
    fs::remove_dir_all(shop.path("")).unwrap();
    for (name, text) in files {
        shop.write(name, text);
    }
    shop
}

/// `init` and then `run`: the verdict passes, with as many monitored queries.
#[track_caller]
fn passes_at_once(files: &[(&str, &str)], tool: &str) {
    let shop = project(files);
    let run = shop.run(&["init"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains(&format!("({tool})")), "{}", run.stdout);
    assert!(run.stdout.contains("\n  dbproof run "), "{}", run.stdout);
    // A busy machine decides nothing here.
    let mut command = shop.command(&["run", "--format", "json"]);
    let run = Run::new(
        &command
            .env("SLOW_QUERY_THRESHOLD_MS", "10000")
            .output()
            .unwrap(),
    );
    let record: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    let code = run.code;
    let slow = record["scenarios"]["slow"]["queries"].as_array().unwrap();
    assert_eq!((code, slow.len()), (0, 2), "{record:#}");
    assert_eq!(record["verdict"], "pass");
    assert_eq!(record["scenarios"]["regress"]["verdict"], "pass");
    shop.assert_nothing_is_left();
}

#[test]
fn plain_sql() {
    passes_at_once(
        &[
            ("migrations/001_customers.sql", CUSTOMERS),
            (
                "migrations/002_index.sql",
                "CREATE INDEX ON invoices (customer_id);",
            ),
        ],
        "plain SQL",
    );
}

/// The last migration makes a table and a column that the proposed rows are for as well.
#[test]
fn sqlx_with_a_migration_that_makes_a_table() {
    passes_at_once(
        &[
            ("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n"),
            ("migrations/20240101_customers.up.sql", CUSTOMERS),
            (
                "migrations/20240101_customers.down.sql",
                "DROP TABLE invoices;",
            ),
            ("migrations/20240201_orders.up.sql", LATER),
        ],
        "sqlx",
    );
}

#[test]
fn flyway() {
    passes_at_once(
        &[
            (
                "src/main/resources/db/migration/V1__customers.sql",
                CUSTOMERS,
            ),
            ("src/main/resources/db/migration/V2__orders.sql", LATER),
        ],
        "Flyway",
    );
}

#[test]
fn prisma() {
    passes_at_once(
        &[
            ("package.json", "{\"scripts\": {\"test\": \"node --test\"}}"),
            ("prisma/migrations/20240101_a/migration.sql", CUSTOMERS),
            ("prisma/migrations/20240201_b/migration.sql", LATER),
        ],
        "Prisma",
    );
}

/// The CI job is the documented example, for the branch of the repository.
#[test]
fn the_ci_job_is_the_example() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ci");
    for (files, written, example) in [
        (
            &[(".github/workflows/test.yml", "")][..],
            ".github/workflows/dbproof.yml",
            "github.yml",
        ),
        (
            &[(".gitlab-ci.yml", "")][..],
            "dbproof.gitlab-ci.yml",
            "gitlab.yml",
        ),
    ] {
        let shop = project(&[("migrations/001_customers.sql", CUSTOMERS)]);
        for (name, text) in files {
            shop.write(name, text);
        }
        assert_eq!(shop.run(&["init"]).code, 0);
        let example = fs::read_to_string(root.join(example)).unwrap();
        assert_eq!(shop.read(written), example);
    }
    let shop = project(&[
        ("migrations/001_customers.sql", CUSTOMERS),
        (
            ".git/config",
            "[remote \"origin\"]\nurl = git@github.com:a/b.git\n",
        ),
        (".git/HEAD", "ref: refs/heads/master\n"),
    ]);
    assert_eq!(shop.run(&["init"]).code, 0);
    let workflow = shop.read(".github/workflows/dbproof.yml");
    assert!(workflow.contains("branches: [master]\n") && workflow.contains("args: run\n"));
}

/// Migrations in Python: what tells is the traffic of the tests.
#[test]
fn django_is_led_to_watch() {
    let shop = project(&[("manage.py", "")]);
    shop.write(".github/workflows/test.yml", "");
    let run = shop.run(&["init"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let workflow = shop.read(".github/workflows/dbproof.yml");
    assert!(
        workflow.contains("\n          args: watch -- python manage.py test\n"),
        "{workflow}"
    );
    assert!(
        run.stdout.contains("note: add the steps that"),
        "{}",
        run.stdout
    );
    let next = "dbproof watch -- python manage.py test";
    assert!(run.stdout.contains(next), "{}", run.stdout);
    // The configuration that was written is one that `watch` takes.
    let run = shop.run(&["watch", "--", "true"]);
    assert!(
        run.stderr.is_empty() || !run.stderr.contains("error"),
        "{}",
        run.stderr
    );
}

#[test]
fn nothing_is_ever_overwritten() {
    let shop = project(&[
        ("migrations/001_customers.sql", CUSTOMERS),
        ("queries/customers_by_id.sql", "-- mine\n"),
        (".github/workflows/test.yml", ""),
        (".github/workflows/dbproof.yml", "# mine\n"),
    ]);
    let run = shop.run(&["init"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("kept queries/customers_by_id.sql"),
        "{}",
        run.stdout
    );
    assert_eq!(shop.read("queries/customers_by_id.sql"), "-- mine\n");
    assert_eq!(shop.read(".github/workflows/dbproof.yml"), "# mine\n");
    let first = shop.read("dbproof.toml");
    shop.run(&["init"])
        .failed_with(2, &["dbproof.toml is there already", "nothing was written"]);
    assert_eq!(shop.read("dbproof.toml"), first);
}

#[test]
fn a_migration_that_fails_is_told_and_the_rest_is_written() {
    let shop = project(&[("migrations/001_broken.sql", "CREATE TABLE t (id nothing);")]);
    let run = shop.run(&["init"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("type \"nothing\" does not exist"),
        "{}",
        run.stdout
    );
    assert!(shop.path("dbproof.toml").is_file());
    shop.assert_nothing_is_left();
}

#[test]
fn tables_of_a_database_are_read_and_nothing_is_made_there() {
    let server = Server::start();
    server.run("CREATE DATABASE app");
    server.run_in("app", CUSTOMERS);
    let url = server.url().replace("/postgres", "/app");
    let shop = project(&[("manage.py", "")]);
    let before = server.texts_in("app", "SELECT datname FROM pg_database ORDER BY 1");
    let run = shop.run(&["init", "--database-url", &url]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        shop.read("queries/invoices_by_customer_id.sql")
            .contains("from customers")
    );
    let after = server.texts_in("app", "SELECT datname FROM pg_database ORDER BY 1");
    assert_eq!(before, after);
    // Without the extension there is nothing to propose from.
    fs::remove_file(shop.path("dbproof.toml")).unwrap();
    shop.run(&["init", "--database-url", &url, "--from-pg-stat-statements"])
        .failed_with(2, &["pg_stat_statements"]);
}

/// A misspelt table is no table that a migration is yet to make.
#[test]
fn rows_for_what_no_migration_makes_are_an_error() {
    let shop = project(&[
        ("migrations/001_customers.sql", CUSTOMERS),
        ("migrations/002_orders.sql", LATER),
    ]);
    assert_eq!(shop.run(&["init"]).code, 0);
    shop.write(
        "data/zz.toml",
        "[table.custmers]\nrows = 3\n\n[table.custmers.columns]\nid = { sequence = { start = 1 } }\n",
    );
    shop.run(&["regress"])
        .failed_with(2, &["there is no table `custmers`", "data/zz.toml:1"]);
}
