//! Every bad input ends in a clear message, the documented exit code, and nothing left behind.

use std::fs;

use crate::project::{Run, Shop};
use crate::server::Server;

#[test]
fn an_unknown_key_is_shown_with_its_line_and_the_nearest_name() {
    let shop = Shop::new();
    shop.write("dbproof.toml", "[slow]\ntreshold_ms = 5\n");
    shop.run(&["run"]).failed_with(
        2,
        &[
            "unknown key `treshold_ms`",
            "dbproof.toml:2:1",
            "`threshold_ms`?",
        ],
    );
}

#[test]
fn a_missing_configuration_names_the_demo() {
    let shop = Shop::new();
    shop.run(&["run", "--config", "elsewhere.toml"])
        .failed_with(2, &["failed to read elsewhere.toml", "dbproof demo"]);
}

#[test]
fn a_wrong_statement_in_a_query_is_shown_in_its_file() {
    let shop =
        Shop::new().with_query("-- name: wrong\nSELECT id\nFROM orders\nWHERE colour = 1;\n");
    shop.run(&["slow"]).failed_with(
        2,
        &[
            "query `wrong`",
            "column \"colour\" does not exist",
            "queries/zz_added.sql:4:7",
        ],
    );
    shop.assert_nothing_is_left();
}

#[test]
fn a_hint_of_the_server_is_passed_on() {
    let shop = Shop::new().with_query("-- name: wrong\nSELECT emial FROM users;\n");
    shop.run(&["slow"])
        .failed_with(2, &["zz_added.sql:2:8", "users.email"]);
}

#[test]
fn a_wrong_statement_in_a_migration_is_shown_in_its_file() {
    let shop = Shop::new();
    let text = "CREATE INDEX a ON orders (status);\n\nALTER TABLE ordres ADD x int;\n";
    shop.write("migrations/003_wrong.sql", text);
    let expected = [
        "relation \"ordres\" does not exist",
        "SQLSTATE 42P01",
        "migrations/003_wrong.sql:3",
    ];
    shop.run(&["slow"]).failed_with(2, &expected);
    shop.run(&["regress"]).failed_with(2, &expected);
    shop.assert_nothing_is_left();
}

#[test]
fn a_parameter_without_a_source_is_told_which_line_to_write() {
    let shop = Shop::new().with_query("-- name: lost\nSELECT * FROM users WHERE id = :user_id;\n");
    shop.run(&["slow"]).failed_with(
        2,
        &["user_id", "queries/zz_added.sql:2", "-- param user_id:"],
    );
}

#[test]
fn a_parameter_source_that_returns_nothing_is_named() {
    let shop = Shop::new().with_query(
        "-- name: lost\n-- param id: select id from users where false\n\
         SELECT * FROM users WHERE id = :id;\n",
    );
    shop.run(&["slow"]).failed_with(
        2,
        &[
            "parameter `id`",
            "returns no value",
            "queries/zz_added.sql:2",
        ],
    );
}

#[test]
fn an_empty_queries_folder_is_no_pass() {
    let shop = Shop::new();
    fs::remove_dir_all(shop.path("queries")).unwrap();
    fs::create_dir(shop.path("queries")).unwrap();
    shop.run(&["slow"])
        .failed_with(2, &["there is no query in queries/"]);
}

#[test]
fn a_second_query_of_the_same_name_is_refused_within_and_between_files() {
    let twice = "-- name: same\nSELECT 1;\n-- name: same\nSELECT 2;\n";
    let shop = Shop::new().with_query(twice);
    shop.run(&["slow"])
        .failed_with(2, &["`same`", "queries/zz_added.sql:3"]);
    let shop = Shop::new().with_query("-- name: user_lookup\nSELECT 1;\n");
    shop.run(&["slow"]).failed_with(
        2,
        &[
            "`user_lookup`",
            "zz_added.sql:1",
            "queries/user_lookup.sql:1",
        ],
    );
}

#[test]
fn bad_seed_data_is_shown_in_its_file() {
    let shop = Shop::new();
    let users = shop.read("data/users.toml");
    shop.write("data/users.toml", &users.replacen("sequence", "seqence", 1));
    shop.run(&["slow"])
        .failed_with(2, &["seqence", "data/users.toml:", "sequence"]);
}

#[test]
fn data_that_the_schema_refuses_is_shown_with_its_table() {
    let shop = Shop::new();
    let migration = "ALTER TABLE users ADD CONSTRAINT short CHECK (length(name) < 2);\n";
    shop.write("migrations/003_check.sql", migration);
    shop.run(&["slow"])
        .failed_with(2, &["data for `users`", "short", "data/users.toml:"]);
    shop.assert_nothing_is_left();
}

#[test]
fn a_page_that_refers_to_nowhere_is_refused() {
    let shop = Shop::new();
    let page = shop.read("pages/recent_orders.toml");
    shop.write(
        "pages/recent_orders.toml",
        &page.replace("orders.user_id\"", "ordres.user_id\""),
    );
    shop.run(&["nplusone"])
        .failed_with(2, &["no earlier step `ordres`", "recent_orders.toml:"]);
}

#[test]
fn a_shape_whose_steps_never_meet_is_refused() {
    let shop = Shop::new();
    let shape = shop.read("deadlocks/row_inversion.toml");
    shop.write(
        "deadlocks/row_inversion.toml",
        &shape.replacen("id = 2", "id = 7", 1),
    );
    shop.run(&["deadlock"])
        .failed_with(2, &["should be blocked by", "deadlocks/row_inversion.toml"]);
    shop.assert_nothing_is_left();
}

#[test]
fn the_shapes_are_listed_without_a_project_and_an_unknown_one_is_refused() {
    let shop = Shop::new();
    fs::remove_file(shop.path("dbproof.toml")).unwrap();
    let listed = shop.run(&["deadlock", "--list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let carried = listed.stdout.lines().map(|line| line.split("  ").next());
    let names: Vec<&str> = carried.flatten().map(str::trim).collect();
    for name in ["row_inversion", "table_upgrade", "soft", "invisible"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let shop = Shop::new();
    shop.run(&["deadlock", "--shape", "table_upgrad"])
        .failed_with(2, &["no shape `table_upgrad`", "`table_upgrade`?"]);
    shop.run(&["deadlock", "--runs", "0"])
        .failed_with(2, &["--runs"]);
}

#[test]
fn a_role_that_may_not_set_the_timeout_is_told_what_to_grant() {
    let server = Server::start();
    server.run("CREATE ROLE owner LOGIN CREATEDB PASSWORD 'pa55'");
    let url = server.url_of("owner", "pa55");
    let run = Shop::new().run(&["deadlock", "--database-url", &url]);
    run.failed_with(3, &["GRANT SET ON PARAMETER deadlock_timeout"]);
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());
}

#[test]
fn output_that_cannot_be_written_is_known_before_the_run() {
    let shop = Shop::new();
    fs::write(shop.path("file"), "").unwrap();
    let run = shop.run(&["slow", "--format", "json=file/report.json"]);
    run.failed_with(3, &["failed to make the folder file"]);
    assert!(run.stdout.is_empty());
}

#[test]
fn two_reports_on_standard_output_are_refused() {
    let run = Shop::new().run(&["slow", "--format", "json", "--format", "markdown"]);
    run.failed_with(2, &["two reports cannot share standard output"]);
}

#[test]
fn wrong_usage_exits_with_2() {
    let shop = Shop::new();
    shop.run(&["slow", "--fromat", "json"])
        .failed_with(2, &["--format"]);
    shop.run(&["slow", "--format", "jsno"])
        .failed_with(2, &["known are terminal, json"]);
    shop.run(&["slow", "--in-place"])
        .failed_with(2, &["--database-url"]);
    shop.run(&["explain", "no-such-code"])
        .failed_with(2, &["n-plus-one"]);
    shop.run(&["slow", "--pg-bin", "/nonexistent"])
        .failed_with(2, &["initdb is missing"]);
}

#[test]
fn an_unreachable_server_exits_with_3() {
    // Port 1 is reserved, and nobody listens there.
    let url = "postgres://ann:s3cret@127.0.0.1:1/postgres";
    let run = Shop::new().run(&["slow", "--database-url", url]);
    run.failed_with(3, &["failed to connect to 127.0.0.1:1/postgres", "refused"]);
    assert!(!run.stderr.contains("s3cret"));
}

#[test]
fn a_wrong_password_is_never_printed() {
    let server = Server::start();
    server.url();
    let url = server.url_of("ann", "wr0ng-pass");
    for arguments in [["slow", "--quiet"], ["deadlock", "--quiet"]] {
        let shop = Shop::new();
        let mut command = shop.command(&arguments);
        let run = Run::new(&command.env("DATABASE_URL", &url).output().unwrap());
        run.failed_with(3, &["password authentication failed"]);
        assert!(!run.stderr.contains("wr0ng-pass") && !run.stdout.contains("wr0ng-pass"));
    }
    let shop = Shop::new();
    let help = Run::new(
        &shop
            .command(&["slow", "--help"])
            .env("DATABASE_URL", &url)
            .output()
            .unwrap(),
    );
    assert!(help.stdout.contains("DATABASE_URL") && !help.stdout.contains("wr0ng-pass"));
    let broken = "postgres://ann:wr0ng-pass@host:port/db";
    let run = shop.run(&["slow", "--database-url", broken]);
    run.failed_with(2, &["the database URL is not usable"]);
    assert!(!run.stderr.contains("wr0ng-pass"));
}

#[test]
fn a_role_that_may_not_create_databases_is_told_what_to_grant() {
    let server = Server::start();
    server.run("CREATE ROLE reader LOGIN PASSWORD 'pa55'");
    let url = server.url_of("reader", "pa55");
    let run = Shop::new().run(&["slow", "--database-url", &url]);
    run.failed_with(
        3,
        &["may not create databases", "ALTER ROLE \"reader\" CREATEDB"],
    );
}

#[test]
fn only_slow_measures_in_place() {
    let url = "postgres://ann@127.0.0.1:1/postgres";
    let run = Shop::new().run(&["deadlock", "--in-place", "--database-url", url]);
    run.failed_with(2, &["only `slow` can measure a database in place"]);
}
