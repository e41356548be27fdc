//! `dbproof export` and `dbproof run --export`: the results store with many at once, and Prometheus's
//! file. What a real Prometheus makes of that is in `scraping`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::project::{Run, Shop, wait_until};
use crate::server::Server;

/// A stored record of all four scenarios.
pub(crate) const RECORD: &str = include_str!("../../../dbproof-report/tests/it/sample.json");

/// Every run whose rows are not all there: a verdict for each of the four scenarios, and as many
/// findings as the run says that it has.
const TORN: &str = "SELECT run_id FROM dbproof.runs r
    WHERE errors + warnings + infos
          <> (SELECT count(*) FROM dbproof.findings f WHERE f.run_id = r.run_id)
       OR (SELECT count(*) FROM dbproof.scenarios s WHERE s.run_id = r.run_id) <> 4
       OR (SELECT count(*) FROM dbproof.deadlock_shapes d WHERE d.run_id = r.run_id) <> 3";

/// Writes the record under the name of another run, and returns the file's name.
fn record(shop: &Shop, run: &str) -> String {
    let mut record: Value = serde_json::from_str(RECORD).unwrap();
    record["run_id"] = run.into();
    let name = format!("{run}.json");
    shop.write(&name, &record.to_string());
    name
}

/// Starts an export to a store whose URL is in the environment.
fn start(shop: &Shop, file: &str, url: &str) -> Child {
    let mut command = shop.command(&["export", file, "--to", "env:STORE"]);
    command
        .env("STORE", url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[track_caller]
fn succeeded(child: Child) -> Run {
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

fn kill_hard(child: &mut Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    child.wait().unwrap();
}

#[test]
fn two_hundred_exporters_at_once_into_an_empty_store_lose_nothing() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let files: Vec<String> = (0..200)
        .map(|n| record(&shop, &format!("run{n:03}")))
        .collect();
    let doomed: Vec<String> = (0..20)
        .map(|n| record(&shop, &format!("doomed{n:02}")))
        .collect();
    let mut children = Vec::new();
    let mut victims = Vec::new();
    for (number, file) in files.iter().enumerate() {
        children.push(start(&shop, file, &url));
        // Each tenth is followed by one that is killed when seven others have been started.
        if number % 10 == 0 {
            victims.push(start(&shop, &doomed[number / 10], &url));
        }
        if number % 10 == 7 {
            kill_hard(victims.last_mut().unwrap());
        }
    }
    for child in children {
        let run = succeeded(child);
        assert!(run.stderr.contains("stored in"), "{}", run.stderr);
    }
    let stored =
        server.texts("SELECT run_id FROM dbproof.runs WHERE run_id LIKE 'run%' ORDER BY 1");
    let expected: Vec<String> = (0..200).map(|n| format!("run{n:03}")).collect();
    assert_eq!(stored, expected);
    assert_eq!(server.texts(TORN), Vec::<String>::new());
    assert_eq!(
        server.texts("SELECT count(*)::text FROM dbproof.store_versions"),
        ["1"]
    );
    // What was killed can be exported again, whether it came through or not.
    for file in &doomed {
        succeeded(start(&shop, file, &url));
    }
    assert_eq!(
        server.texts("SELECT count(*)::text FROM dbproof.runs"),
        ["220"]
    );
    assert_eq!(server.texts(TORN), Vec::<String>::new());
}

#[test]
fn a_kill_in_the_middle_of_a_run_leaves_nothing_of_it_and_holds_nobody_up() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    succeeded(start(&shop, &record(&shop, "first"), &url));
    let waiting = "SELECT pid::text FROM pg_stat_activity
                   WHERE usename = 'ann' AND wait_event_type = 'Lock'
                     AND query LIKE '%INTO dbproof.findings%'";
    let files: Vec<String> = (0..8).map(|n| record(&shop, &format!("run{n}"))).collect();
    let mut children = Vec::new();
    server.while_locked("dbproof.findings", || {
        // One at a time, since the others wait for the first one's names. Each has written its run.
        for file in &files[..1] {
            children.push(start(&shop, file, &url));
        }
        wait_until("the first waits in its middle", || {
            server.texts(waiting).len() == 1
        });
        for file in &files[1..] {
            children.push(start(&shop, file, &url));
        }
        wait_until("all wait in their middle", || {
            server.texts(waiting).len() == 8
        });
        for child in &mut children[..4] {
            kill_hard(child);
        }
    });
    for child in children.drain(..).skip(4) {
        succeeded(child);
    }
    let stored = server.texts("SELECT run_id FROM dbproof.runs ORDER BY 1");
    assert_eq!(stored, ["first", "run4", "run5", "run6", "run7"]);
    assert_eq!(server.texts(TORN), Vec::<String>::new());
}

#[test]
fn ctrl_c_ends_an_export_that_waits() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    succeeded(start(&shop, &record(&shop, "first"), &url));
    let waiting = "SELECT pid::text FROM pg_stat_activity
                   WHERE usename = 'ann' AND wait_event_type = 'Lock'";
    let file = record(&shop, "second");
    server.while_locked("dbproof.findings", || {
        let child = start(&shop, &file, &url);
        wait_until("it waits", || server.texts(waiting).len() == 1);
        kill(
            Pid::from_raw(i32::try_from(child.id()).unwrap()),
            Signal::SIGINT,
        )
        .unwrap();
        let run = Run::new(&child.wait_with_output().unwrap());
        assert_eq!(run.code, 130, "{}", run.stderr);
    });
    assert_eq!(server.texts("SELECT run_id FROM dbproof.runs"), ["first"]);
}

#[test]
fn a_file_for_prometheus_is_replaced_whole_and_can_be_read_by_others() {
    let shop = Shop::new();
    shop.write("record.json", RECORD);
    let to = [
        "export",
        "record.json",
        "--to",
        "prometheus=metrics/dbproof.prom",
    ];
    for _ in 0..2 {
        let run = shop.run(&to);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    }
    assert!(
        shop.read("metrics/dbproof.prom")
            .contains("dbproof_run_verdict{")
    );
    let mode = fs::metadata(shop.path("metrics/dbproof.prom"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(fs::read_dir(shop.path("metrics")).unwrap().count(), 1);
    // A folder in the file's place: nothing lies about afterwards.
    fs::create_dir(shop.path("metrics/taken.prom")).unwrap();
    shop.run(&[
        "export",
        "record.json",
        "--to",
        "prometheus=metrics/taken.prom",
    ])
    .failed_with(3, &["failed to write metrics/taken.prom"]);
    assert_eq!(fs::read_dir(shop.path("metrics")).unwrap().count(), 2);
}

#[test]
fn a_run_is_exported_where_the_project_says() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    let server = Server::start();
    for folder in ["pages", "deadlocks"] {
        fs::remove_dir_all(shop.path(folder)).unwrap();
    }
    fs::remove_file(shop.path("migrations/002_add_indexes.sql")).unwrap();
    let configuration = shop.read("dbproof.toml")
        + "\n[export]\nto = [\"prometheus=out/shop.prom\", \"env:STORE\"]\nkeep = \"90d\"\n";
    shop.write("dbproof.toml", &configuration);
    let in_shop = shop.path("dbproof.toml").display().to_string();
    let run = |store: Option<&str>| {
        let mut command = shop.command(&["run", "--config", &in_shop]);
        command
            .current_dir(std::env::temp_dir())
            .env_remove("STORE");
        if let Some(url) = store {
            command.env("STORE", url);
        }
        Run::new(&command.output().unwrap())
    };
    let stored = run(Some(&server.url()));
    assert!(stored.stderr.contains("stored in"), "{}", stored.stderr);
    assert!(!stored.stderr.contains("s3cret"), "{}", stored.stderr);
    assert!(shop.read("out/shop.prom").contains("query=\"one\""));
    let names = server.texts("SELECT name FROM dbproof.queries");
    assert_eq!(names, ["one"]);
    // A fork has no secret: that is told, and fails nothing.
    let without = run(None);
    assert_eq!(without.code, stored.code, "{}", without.stderr);
    assert!(
        without
            .stderr
            .contains("nothing is exported to `env:STORE`"),
        "{}",
        without.stderr
    );
}

#[test]
fn what_cannot_be_exported_is_told_with_its_reason_and_without_the_password() {
    let shop = Shop::new();
    shop.write("record.json", RECORD);
    let check = |arguments: &[&str], code: i32, expected: &[&str]| {
        let arguments = [&["export", "record.json"], arguments].concat();
        let run = shop.run(&arguments);
        run.failed_with(code, expected);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    };
    check(&[], 2, &["--to prometheus=dbproof.prom"]);
    check(
        &["--to", "postgress://ann:s3cret@db/x"],
        2,
        &["not a destination", "env:NAME"],
    );
    check(
        &["--to", "postgres://ann:s3cret@db:port/x"],
        2,
        &["not usable"],
    );
    check(
        &["--to", "env:DBPROOF_NOT_SET"],
        2,
        &["DBPROOF_NOT_SET is not set"],
    );
    check(&["--to", "prometheus="], 2, &["the file's name is missing"]);
    check(&["--keep", "90", "--to", "prometheus=x"], 2, &["90d"]);
    check(
        &["--to", "postgres://ann:s3cret@127.0.0.1:1/x"],
        3,
        &["failed to export to the results store in 127.0.0.1:1/x"],
    );
    shop.run(&["export", "absent.json", "--to", "prometheus=x"])
        .failed_with(2, &["absent.json"]);
    shop.write(
        "dbproof.toml",
        "[export]\nto = [\"postgres://ann:s3cret@db/x\"]\n",
    );
    check(&[], 2, &["dbproof.toml:2", "holds a password", "env:"]);
}
