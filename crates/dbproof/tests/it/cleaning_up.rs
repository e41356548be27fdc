//! Nothing of ours is left behind, however a run ends, and nothing that is not ours is touched.

use std::io::Read as _;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::project::{Run, Shop, wait_until};
use crate::server::Server;

fn send(signal: Signal, pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

fn process_exists(pid: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), None).is_ok()
}

fn end_of(child: Child) -> Run {
    Run::new(&child.wait_with_output().unwrap())
}

#[test]
fn an_interrupt_exits_with_130_and_removes_the_server() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let shop = Shop::new();
        let child = shop.start(&["run"]);
        let server = shop.wait_for_server();
        send(signal, child.id());
        assert_eq!(end_of(child).code, 130);
        shop.assert_nothing_is_left();
        assert!(!process_exists(server));
    }
}

#[test]
fn kill_9_leaves_no_server_behind() {
    let shop = Shop::new();
    let mut child = shop.start(&["run"]);
    let server = shop.wait_for_server();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server is gone", || {
        !process_exists(server) && shop.temporary_entries().is_empty()
    });
}

#[test]
fn a_server_that_dies_in_mid_run_is_reported_with_its_last_words() {
    let shop = Shop::new();
    let child = shop.start(&["run"]);
    let server = shop.wait_for_server();
    send(Signal::SIGQUIT, server);
    let run = end_of(child);
    run.failed_with(
        3,
        &[
            "the last words of the throw-away server",
            "immediate shutdown",
        ],
    );
    shop.assert_nothing_is_left();
}

#[test]
fn databases_on_a_server_of_the_users_are_removed_after_success_and_failure() {
    let server = Server::start();
    let url = server.url();
    server.run("CREATE DATABASE dbproofing");
    server.run("CREATE DATABASE production");
    let shop = Shop::new();
    let mut command = shop.command(&["run", "--format", "json"]);
    let run = Run::new(&command.env("DATABASE_URL", &url).output().unwrap());
    assert_eq!(run.code, 1, "the shop's N+1: {}", run.stderr);
    assert!(!run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"));
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());

    let shop = shop.with_query("-- name: wrong\nSELECT colour FROM users;\n");
    shop.run(&["slow", "--database-url", &url])
        .failed_with(2, &["colour"]);
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());
    let kept = "SELECT datname FROM pg_database WHERE datname IN ('dbproofing', 'production')";
    assert_eq!(server.texts(kept).len(), 2);
}

#[test]
fn databases_on_a_server_of_the_users_are_removed_after_an_interrupt_and_kill_9() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let wait_for_databases = || {
        wait_until("a database is made", || {
            !server.databases_of_ours().is_empty()
        });
    };
    let child = shop.start(&["deadlock", "--database-url", &url]);
    wait_for_databases();
    send(Signal::SIGINT, child.id());
    assert_eq!(end_of(child).code, 130);
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());

    let mut child = shop.start(&["deadlock", "--database-url", &url]);
    wait_for_databases();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the databases are gone", || {
        server.databases_of_ours().is_empty()
    });
}

/// While a migration is applied beside others there are most sessions: the migrating one, the transaction
/// in front, and two for each table and query.
/// A migration beside traffic, on a server of the user's.
fn beside_traffic(url: &str) -> [&str; 6] {
    let migration = "changes/order_state.sql";
    [
        "regress",
        "--migration",
        migration,
        "--with-traffic",
        "--database-url",
        url,
    ]
}

#[test]
fn an_end_amid_the_traffic_of_a_migration_leaves_nothing() {
    let server = Server::start();
    let url = server.url();
    server.run("CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)");
    let shop = Shop::new();
    let sessions = |of: &str| {
        let sql = format!("SELECT pid::text FROM pg_stat_activity WHERE datname LIKE '{of}'");
        server.texts(&sql).len()
    };
    let traffic = beside_traffic(&url);
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let child = shop.start(&traffic);
        wait_until("there is traffic", || sessions("dbproof%traffic") >= 4);
        send(signal, child.id());
        let run = end_of(child);
        if signal == Signal::SIGINT {
            assert_eq!(run.code, 130, "{}", run.stderr);
            assert_eq!(server.databases_of_ours(), Vec::<String>::new());
        }
        wait_until("databases and sessions are gone", || {
            server.databases_of_ours().is_empty() && sessions("dbproof%") == 0
        });
    }
    // What is the user's was not touched.
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    assert_eq!(server.texts(tables), ["mine"]);
    shop.assert_nothing_is_left();
}

#[test]
fn a_server_that_dies_amid_the_traffic_is_reported() {
    let server = Server::start();
    let url = server.url();
    let shop = Shop::new();
    let traffic = beside_traffic(&url);
    let child = shop.start(&traffic);
    let sessions = "SELECT pid::text FROM pg_stat_activity WHERE datname LIKE 'dbproof%traffic'";
    wait_until("there is traffic", || server.texts(sessions).len() >= 4);
    send(Signal::SIGQUIT, server.process());
    let run = end_of(child);
    // A connection that is there is lost, or one that is being made fails: which of the two, the moment decides.
    run.failed_with(3, &[]);
    let told = [
        "the connection to 127.0.0.1",
        "failed to connect to 127.0.0.1",
    ];
    assert!(
        told.iter().any(|text| run.stderr.contains(text)),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    shop.assert_nothing_is_left();
}

#[test]
fn a_database_measured_in_place_keeps_its_data() {
    let server = Server::start();
    let url = server.url();
    server.run("CREATE TABLE visits (id int); INSERT INTO visits VALUES (1)");
    let shop = Shop::new().with_only_query("-- name: visit\nINSERT INTO visits VALUES (2);\n");
    let run = shop.run(&["slow", "--database-url", &url, "--in-place"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(server.texts("SELECT id FROM visits"), ["1"]);
    assert_eq!(server.databases_of_ours(), Vec::<String>::new());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let shop = Shop::new();
    let mut child = shop.start(&["explain"]);
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}
