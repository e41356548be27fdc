//! `dbproof watch`, with psql as the application.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::project::{Run, Shop, wait_until};
use crate::server::Server;

/// A page that asks for ten orders, and then for each one's user: values as literals.
pub(crate) const LOOPED: &str = "
{ echo 'select id, user_id from orders order by id limit 10;'
psql -qAtc 'select user_id from orders order by id limit 10' |
while read user; do echo \"select id, name from users where id = $user;\"; done
} | psql -qAt";

/// The same page with one statement.
const JOINED: &str = "
echo 'select o.id, u.name from orders o join users u on u.id = o.user_id order by o.id limit 10' |
psql -qAt";

pub(crate) const CHILD: &str = "select id, name from users where id = ?";

impl Shop {
    /// `dbproof watch …` with no server of ours in its environment.
    fn watch(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&[&["watch"], arguments].concat());
        let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in inherited.filter(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("PATH", path_with_psql());
        command
    }

    fn watched(&self, arguments: &[&str]) -> Run {
        Run::new(&self.watch(arguments).output().unwrap())
    }

    /// The exit code and the record, which is written to a file beside what the command prints.
    pub(crate) fn watch_record(&self, arguments: &[&str]) -> (i32, Value) {
        let formats = ["--format", "json=record.json"];
        let run = self.watched(&[&formats[..], arguments].concat());
        let record = std::fs::read_to_string(self.path("record.json"));
        let record = serde_json::from_str(&record.unwrap_or_default());
        (
            run.code,
            record.unwrap_or_else(|_| panic!("no record: {}", run.stderr)),
        )
    }
}

/// The folder of the server's programs may hold psql, too.
pub(crate) fn path_with_psql() -> std::ffi::OsString {
    let mut folders: Vec<PathBuf> = Vec::new();
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    if let Ok(binaries) = dbproof_postgres::Binaries::find(chosen.as_deref()) {
        folders.push(binaries.folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap()
}

fn interrupt(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGINT).unwrap();
}

#[test]
fn a_looped_page_is_proven_with_its_parent_and_the_joined_one_is_clean() {
    let shop = Shop::new();
    let (code, record) = shop.watch_record(&["--prove", "--", "sh", "-c", LOOPED]);
    assert_eq!(code, 1);
    let group = &record["scenarios"]["nplusone"]["groups"][0];
    assert_eq!(group["verdict"], "proven", "{record:#}");
    assert_eq!(group["template"], CHILD);
    assert_eq!(group["parent"]["column"], "orders.user_id");
    assert_eq!(group["parent"]["rows"], 10);
    assert_eq!(
        group["remedy_sql"],
        "select id, name from users where id = ANY($1)"
    );
    assert_eq!(group["proof"]["outcome"], "agrees", "{group:#}");
    assert!(group["cost"]["batched_ms"].is_number(), "{group:#}");
    assert_eq!(record["findings"][0]["evidence"]["remedy_rows"], "agrees");
    let watch = &record["scenarios"]["watch"];
    assert_eq!(watch["verdict"], "pass");
    let child = watch["templates"].as_array().unwrap().iter();
    let child = child.clone().find(|t| t["template"] == CHILD).unwrap();
    let distinct = group["executions"].clone();
    assert_eq!(
        (&child["executions"], &child["rows"]),
        (&distinct, &distinct)
    );
    assert_eq!(watch["databases"][0]["catalog_read"], true);
    shop.assert_nothing_is_left();

    let (code, record) = shop.watch_record(&["--", "sh", "-c", JOINED]);
    assert_eq!(code, 0, "{record:#}");
    assert_eq!(record["verdict"], "pass");
    assert_eq!(record["findings"], serde_json::json!([]));
}

#[test]
fn the_code_of_a_command_that_fails_is_dbproofs_and_a_report_is_made() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    for (command, code) in [("exit 1", 1), ("exit 7", 7), ("kill -9 $$", 137)] {
        let run = shop.watched(&["--database-url", &url, "--", "sh", "-c", command]);
        assert_eq!(run.code, code, "{command}: {}", run.stderr);
        assert!(run.stdout.contains("nothing-captured"), "{}", run.stdout);
    }
    let absent = shop.watched(&["--database-url", &url, "--", "no-such-program"]);
    absent.failed_with(2, &["failed to start no-such-program"]);
}

#[test]
fn nothing_captured_is_inconclusive_and_says_what_was_pointed_where() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let test_url = url.replace("/postgres", "/shop_test");
    let mut command = shop.watch(&["--env", "DB_HOST={host}", "--", "true"]);
    let command = command.env("DATABASE_URL", &url).env("TEST_URL", &test_url);
    let run = Run::new(&command.output().unwrap());
    assert_eq!(run.code, 4, "{}", run.stderr);
    let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "nobody connected to 127.0.0.1:",
        "DATABASE_URL",
        "TEST_URL set to",
        "DB_HOST",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn sessions_that_the_server_refuses_are_told() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let script = "PGPASSWORD=wrong psql -c 'select 1'; true";
    let run = shop.watched(&["--database-url", &url, "--", "sh", "-c", script]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("1 time with SQLSTATE 28P01 (invalid_password)"),
        "{text}"
    );
    assert!(text.contains("executed nothing"), "{text}");
}

#[test]
fn streams_pass_untouched_and_variables_lead_to_the_same_databases() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    server.run("CREATE DATABASE shop_test");
    let test_url = url.replace("/postgres", "/shop_test");
    let script = "cat; echo to-stderr >&2; psql -qAt \"$TEST_URL\" -c 'select current_database()'";
    let mut command = shop.watch(&[
        "--quiet",
        "--format",
        "json=r.json",
        "--",
        "sh",
        "-c",
        script,
    ]);
    let mut child = command
        .env("DATABASE_URL", &url)
        .env("TEST_URL", &test_url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut { stdin }, b"from-stdin\n").unwrap();
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.stdout, "from-stdin\nshop_test\n");
    assert_eq!(run.stderr, "to-stderr\n");
    let record: Value = serde_json::from_str(&shop.read("r.json")).unwrap();
    assert_eq!(
        record["scenarios"]["watch"]["databases"][0]["name"],
        "shop_test"
    );
}

#[test]
fn no_password_is_shown_anywhere() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let script = "psql -qAt -c \"select 's3cret', 1/0\"; psql -qAt -c 'select 1'";
    let formats = [
        "json=r.json",
        "html=r.html",
        "markdown=r.md",
        "terminal=r.txt",
    ];
    let mut arguments: Vec<&str> = formats.iter().flat_map(|f| ["--format", *f]).collect();
    let given = format!("--database-url={url}");
    arguments.extend([&*given, "--", "sh", "-c", script, "sh", &url]);
    let run = shop.watched(&arguments);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for format in formats {
        let report = shop.read(format.split('=').nth(1).unwrap());
        assert!(report.contains("22012"), "{report}");
        assert!(!report.contains("s3cret"), "{format}");
    }
    assert!(!run.stdout.contains("s3cret"));
}

#[test]
fn a_server_that_is_not_there_is_told_before_the_command_runs() {
    let shop = Shop::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let url = format!("postgres://ann:s3cret@127.0.0.1:{port}/shop");
    let run = shop.watched(&["--database-url", &url, "--", "touch", "ran"]);
    run.failed_with(3, &["failed to connect to 127.0.0.1", "refused"]);
    assert!(!shop.path("ran").exists());
    assert!(!run.stderr.contains("s3cret"));
}

#[test]
fn a_command_that_is_interrupted_is_reported_with_its_code() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let script = "psql -qAtc 'select 42' && touch ready && exec sleep 600";
    let child = shop
        .watch(&["--database-url", &url, "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the command is at work", || shop.path("ready").exists());
    interrupt(child.id());
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(run.stdout.contains("select ?"), "{}", run.stdout);
    assert!(
        run.stdout.contains("interrupted: ended by signal 2"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_database_that_is_not_there_yet_and_a_password_of_the_environment_are_no_hindrance() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server
        .url()
        .replace("/postgres", "/later")
        .replace(":s3cret@", "@");
    let script = "psql -qAt \"$ADMIN_URL\" -c 'create database later' &&
        psql -qAt \"$DATABASE_URL\" -c 'create table t (id int)'";
    let mut command = shop.watch(&["--format", "json=r.json", "--", "sh", "-c", script]);
    let run = command
        .env("ADMIN_URL", url.replace("/later", "/postgres"))
        .env("DATABASE_URL", &url)
        .env("PGPASSWORD", "s3cret")
        .output()
        .unwrap();
    let run = Run::new(&run);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let text = shop.read("r.json");
    assert!(!text.contains("s3cret"));
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_ne!(record["server"]["version"], "unknown");
    let databases = record["scenarios"]["watch"]["databases"]
        .as_array()
        .unwrap();
    let read: Vec<_> = databases
        .iter()
        .map(|d| (d["name"].as_str().unwrap(), d["catalog_read"].as_bool()))
        .collect();
    assert_eq!(read, [("postgres", Some(true)), ("later", Some(true))]);
}

#[test]
fn a_second_interrupt_ends_a_command_that_ignores_the_first() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let script = "trap 'touch trapped' INT; touch ready; while :; do sleep 0.05; done";
    let child = shop
        .watch(&["--database-url", &url, "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the command is at work", || shop.path("ready").exists());
    interrupt(child.id());
    wait_until("the command has ignored it", || {
        shop.path("trapped").exists()
    });
    interrupt(child.id());
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 137, "{}", run.stderr);
    assert!(run.stdout.contains("watch: inconclusive"), "{}", run.stdout);
}

#[test]
fn an_application_that_runs_elsewhere_is_watched_until_an_interrupt() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let mut child = shop
        .watch(&[
            "--database-url",
            &url,
            "--listen",
            "0",
            "--format",
            "json=r.json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut told).unwrap();
    let listened = told
        .split_whitespace()
        .find(|word| word.starts_with("127.0.0.1:") && !url.contains(*word));
    let listened = told
        .split("connect to ")
        .nth(1)
        .and_then(|t| t.split(' ').next())
        .or(listened)
        .unwrap();
    let (user, _) = url.split_once('@').unwrap();
    let through = format!("{user}@{listened}/postgres");
    let psql = Command::new("psql")
        .env("PATH", path_with_psql())
        .args(["-qAt", &through, "-c", "select 42"])
        .output()
        .unwrap();
    assert_eq!(Run::new(&psql).stdout, "42\n", "{told}");
    interrupt(child.id());
    let run = Run::new(&child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stdout);
    let record: Value = serde_json::from_str(&shop.read("r.json")).unwrap();
    assert_eq!(record["scenarios"]["watch"]["executions"], 1);
    assert_eq!(record["scenarios"]["watch"]["ended"], "interrupt");
}

#[test]
fn a_watch_has_its_time() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let listen = shop.watched(&["--database-url", &url, "--listen", "0", "--for", "100ms"]);
    assert_eq!(listen.code, 4, "{}", listen.stderr);
    let command = [
        "--database-url",
        &url,
        "--for",
        "300ms",
        "--",
        "sleep",
        "600",
    ];
    let run = shop.watched(&command);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stdout.contains("ended by signal 15"), "{}", run.stdout);
}

#[test]
fn slow_idle_and_refused_statements_are_told() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    shop.write("dbproof.toml", "[watch]\nidle_ms = 100\n");
    let script = "psql -qAt <<'END'
select pg_sleep(0.2) /*route='%2Freport'*/;
begin;
select 1 as held;
\\! sleep 0.3
commit;
select nothing from nowhere;
END";
    let threshold = ["--database-url", &url, "--slow-threshold", "150"];
    let (code, record) = shop.watch_record(&[&threshold[..], &["--", "sh", "-c", script]].concat());
    assert_eq!(code, 0, "{record:#}");
    let watch = &record["scenarios"]["watch"];
    assert_eq!(watch["threshold_source"], "argument");
    assert_eq!(watch["slow"][0]["template"], "select pg_sleep(?)");
    assert_eq!(watch["slow"][0]["from"][0], "route=/report");
    assert_eq!(watch["idle"][0]["after"], "select ? as held");
    assert_eq!(watch["failed"][0]["sqlstate"], "42P01");
    let findings = record["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        ["slow-statement", "idle-transaction", "failed-statements"]
    );
}

#[test]
fn a_database_that_the_command_makes_and_drops_is_watched_and_not_held() {
    let shop = Shop::new();
    let server = Server::start();
    let url = server.url();
    let script = "set -e
psql -qAtc 'create database made'
export PGDATABASE=made
psql -qAt <<'END'
create table users (id int primary key, name text);
create table orders (id int primary key, user_id int references users);
insert into users select i, 'u' from generate_series(1, 9) i;
insert into orders select i, i from generate_series(1, 9) i;
END
{ echo 'select id, user_id from orders;'
for id in 1 2 3 4 5 6 7 8 9; do echo \"select id, name from users where id = $id;\"; done
} | psql -qAt
export PGDATABASE=postgres
until [ \"$(psql -qAtc \"select sessions > 2 from pg_stat_database where datname = 'made'\")\" = t ]
do :; done
psql -qAtc 'drop database made'";
    // The third session is dbproof's own, which reads the catalog; PostgreSQL counts them from 14 on.
    let (code, record) = shop.watch_record(&["--database-url", &url, "--", "sh", "-c", script]);
    assert_eq!(code, 1, "{record:#}");
    let group = &record["scenarios"]["nplusone"]["groups"][0];
    assert_eq!(
        (&group["verdict"], &group["template"]),
        (&"proven".into(), &CHILD.into())
    );
}

#[test]
fn what_the_project_ignores_is_shown_and_fails_nothing() {
    let shop = Shop::new();
    shop.write(
        "dbproof.toml",
        "[[nplusone.ignore]]\ntemplate = \"from users where id = 1\"\nreason = \"ten at the most\"\n\
         [[nplusone.ignore]]\ntag = \"route=/never\"\nreason = \"x\"\n",
    );
    let (code, record) = shop.watch_record(&["--", "sh", "-c", LOOPED]);
    assert_eq!(code, 0, "{record:#}");
    let group = &record["scenarios"]["nplusone"]["groups"][0];
    assert_eq!(group["ignored"], "ten at the most");
    let findings = record["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["unused-ignore"]);
}

#[test]
fn wrong_arguments_are_refused_with_what_to_do() {
    let shop = Shop::new();
    let check = |arguments: &[&str], expected: &[&str]| {
        shop.watched(arguments).failed_with(2, expected);
    };
    check(&[], &["nothing to watch", "dbproof watch -- pytest"]);
    check(
        &["--listen", "6543"],
        &["no server to watch", "--database-url"],
    );
    check(&["--listen", "db:1", "--", "true"], &["ADDRESS:PORT"]);
    check(&["--for", "5d", "--", "true"], &["30s"]);
    check(&["--env", "A={hots}", "--", "true"], &["{host}"]);
    check(&["--slow-threshold", "0", "--", "true"], &["above 0"]);
    check(&["--config", "absent.toml", "--", "true"], &["absent.toml"]);
    let mysql = ["--database-url", "mysql://ann:s3cret@db/shop", "--", "true"];
    check(&mysql, &["not understood"]);
    shop.write("dbproof.toml", "[watch]\nslowms = 5\n");
    check(
        &["--", "true"],
        &["dbproof.toml:2:1", "did you mean `slow_ms`"],
    );
    shop.write("dbproof.toml", "[watch]\nenv = [\"A={x}\"]\n");
    check(&["--", "true"], &["[watch] env", "{host}"]);
}
