//! The throw-away server: it starts, it keeps the defaults, and it never outlives its owner.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, PostgresError, catalog, connect};

use crate::{binaries, server};

#[tokio::test]
async fn it_starts_with_durability_at_the_servers_defaults() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let settings = catalog::settings(&session).await.unwrap();
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(settings[name], "on", "{name}");
    }
    let version = catalog::version(&session).await.unwrap();
    assert!(
        version.starts_with(&format!("{}.", server.binaries().version.major)),
        "{version}"
    );
}

#[tokio::test]
async fn dropping_it_leaves_nothing_behind() {
    let server = server().await;
    let folder = server.folder().to_owned();
    let pid = server.process_id().unwrap();
    assert!(folder.exists() && process_exists(pid));
    drop(server);
    assert!(!folder.exists() && !process_exists(pid));
}

#[tokio::test]
async fn a_server_that_dies_is_noticed_and_cleaned_up() {
    let server = server().await;
    let folder = server.folder().to_owned();
    let session = connect(server.address()).await.unwrap();
    signal("-QUIT", server.process_id().unwrap());
    let error = loop {
        // The signal takes a moment to arrive; until then the server answers.
        if let Err(error) = session.run("SELECT 1").await {
            break error;
        }
    };
    assert!(
        matches!(error, PostgresError::ConnectionLost { .. }),
        "{error:?}"
    );
    wait_until(|| server.has_died());
    drop(server);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_loopback_port_asks_for_a_password() {
    let server = server().await;
    let text = std::fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let port = text.lines().nth(3).unwrap().to_owned();
    let url = format!("postgres://dbproof:wrong-s3cret@127.0.0.1:{port}/postgres");
    let error = connect(&Address::parse(&url).unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_last_words() {
    let mut broken = binaries();
    let folder = tempfile::tempdir().unwrap();
    for name in ["initdb", "postgres"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "#!/bin/sh\necho the disk is on fire\nexit 1\n").unwrap();
        make_executable(&path);
    }
    make_executable(folder.path());
    broken.folder = folder.path().to_owned();
    let error = dbproof_postgres::EphemeralServer::start(&broken)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}

/// The owner of the tests below; it does nothing unless one of them starts it.
#[tokio::test]
async fn owner() {
    let Ok(end) = std::env::var("DBPROOF_TEST_OWNER_ENDS_BY") else {
        return;
    };
    let server = server().await;
    println!(
        "\nserver {} {}",
        server.process_id().unwrap(),
        server.folder().display()
    );
    match end.as_str() {
        "panic" => panic!("on purpose"),
        _ => {
            // Until the one who started this process kills it.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
    }
}

#[test]
fn it_does_not_outlive_a_panic() {
    let (mut owner, pid, folder) = start_owner("panic");
    assert!(!owner.wait().unwrap().success());
    wait_until(|| !process_exists(pid) && !folder.exists());
}

#[test]
fn it_does_not_outlive_kill_9() {
    let (mut owner, pid, folder) = start_owner("kill");
    assert!(process_exists(pid));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until(|| !process_exists(pid) && !folder.exists());
}

#[test]
fn it_leaves_no_folder_behind_where_only_its_owner_may_write() {
    let temporary = tempfile::tempdir().unwrap();
    let (mut owner, pid, folder) = start_owner_in(temporary.path(), "kill");
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until(|| !process_exists(pid) && !folder.exists());
}

#[test]
fn it_does_not_outlive_an_interrupt_of_the_whole_process_group() {
    let (mut owner, pid, folder) = start_owner("interrupt");
    signal("-INT", owner.id());
    owner.wait().unwrap();
    wait_until(|| !process_exists(pid) && !folder.exists());
}

fn start_owner(end: &str) -> (Child, u32, PathBuf) {
    start_owner_in(&std::env::temp_dir(), end)
}

fn start_owner_in(temporary: &Path, end: &str) -> (Child, u32, PathBuf) {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ephemeral::owner", "--nocapture"])
        .env("DBPROOF_TEST_OWNER_ENDS_BY", end)
        .env("TMPDIR", temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines
        .find_map(|line| Some(line.unwrap().strip_prefix("server ")?.to_owned()))
        .expect("the owner names its server");
    let (pid, folder) = line.split_once(' ').unwrap();
    (owner, pid.parse().unwrap(), PathBuf::from(folder))
}

fn process_exists(pid: u32) -> bool {
    // Signal 0 asks without sending anything. A zombie still answers, so its state is looked at.
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

fn signal(name: &str, pid: u32) {
    assert!(
        Command::new("kill")
            .args([name, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited too long");
        std::thread::yield_now();
    }
}
