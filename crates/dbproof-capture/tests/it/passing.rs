//! What goes through is the same on both sides.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use dbproof_capture::tap::{Closed, Listener, Peer, Tap};
use dbproof_capture::tee::{ProblemKind, Tee, TeeOptions};
use dbproof_postgres::{Address, connect};

use crate::scene::{PASSWORD, PATIENCE, Psql, Scene, outcome, program, url, wait_until};

#[tokio::test]
async fn psql_works_and_is_shown_whole() {
    let scene = Scene::new().await;
    let rows = scene.psql("sslmode=disable").run("SELECT 6 * 7, 'größer'");
    assert_eq!(rows.unwrap(), "42|größer");
    wait_until("the session ends", || {
        scene
            .recorder
            .sessions()
            .iter()
            .all(|seen| seen.closed.is_some())
    });
    let sessions = scene.recorder.sessions();
    let [seen] = sessions.as_slice() else {
        panic!("{} sessions", sessions.len());
    };
    assert!(matches!(seen.peer, Some(Peer::Tcp(from)) if from.ip().is_loopback()));
    // The StartupMessage, whole, comes first, and Terminate last.
    let length = u32::from_be_bytes(seen.client[..4].try_into().unwrap()) as usize;
    assert_eq!(seen.client[4..8], [0, 3, 0, 0]);
    assert!(seen.client[..length].ends_with(b"\0\0"));
    assert!(seen.client.ends_with(&[b'X', 0, 0, 0, 4]));
    assert!(seen.client_said("SELECT 6 * 7") && seen.server_said("größer"));
    assert!(matches!(
        seen.closed,
        Some(Closed::ByClient | Closed::ByServer)
    ));
    assert!(!seen.client_said(PASSWORD), "SCRAM sends no password");
    scene.stop();
}

#[tokio::test]
async fn pgbench_works_in_every_mode() {
    let scene = Scene::new().await;
    let pgbench = |arguments: &[&str]| {
        let mut command = Command::new(program(scene.server.binaries(), "pgbench"));
        command
            .args(arguments)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", scene.tee_port().to_string())
            .env("PGUSER", "ann")
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable")
            .arg("postgres");
        outcome(&command.output().expect("pgbench")).unwrap()
    };
    pgbench(&["--initialize", "--quiet"]);
    for mode in ["simple", "extended", "prepared"] {
        let report = pgbench(&["-M", mode, "-c", "4", "-t", "50"]);
        assert!(report.contains("200/200"), "{report}");
    }
    scene.stop();
}

/// Waits until a session sleeps in the server.
pub(crate) async fn sleeps(scene: &Scene) {
    let watching = connect(scene.server.address()).await.unwrap();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while watching.text(sql).await.unwrap().as_deref() != Some("1") {}
}

/// Lets psql sleep in the server, and interrupts it, upon which it sends a cancel request.
pub(crate) async fn cancel(scene: &Scene, psql: Psql) {
    let sleeping = psql
        .command("SELECT pg_sleep(600)")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleeps(scene).await;
    let interrupted = Command::new("kill")
        .args(["-INT", &sleeping.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let words = outcome(&sleeping.wait_with_output().unwrap()).unwrap_err();
    let cancelled = words.contains("canceling statement due to user request");
    assert!(cancelled, "{words}");
}

#[tokio::test]
async fn a_running_statement_can_be_cancelled() {
    let scene = Scene::new().await;
    cancel(&scene, scene.psql("sslmode=disable")).await;
    let report = scene.tee.report();
    assert_eq!((report.cancel_requests, report.sessions), (1, 1));
    assert_eq!(report.problems, []);
    scene.stop();
}

#[tokio::test]
async fn a_server_out_of_reach_is_an_error_to_the_application_and_in_the_report() {
    let scene = Scene::with(|options| {
        // Nobody listens at port 1.
        options.server = url(1, "sslmode=disable");
    })
    .await;
    let error = scene.psql("sslmode=disable").run("SELECT 1").unwrap_err();
    let reason = "FATAL:  failed to connect to 127.0.0.1:1/postgres: Connection refused";
    assert!(error.contains(reason), "{error}");
    let report = scene.tee.report();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].message.contains("Connection refused"));
    assert_eq!(report.sessions, 0);
    scene.stop();
}

#[tokio::test]
async fn a_server_that_is_killed_ends_the_session_with_its_last_words() {
    let scene = Scene::new().await;
    let waiting = scene
        .psql("sslmode=disable")
        .command("SELECT pg_sleep(600)")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    sleeps(&scene).await;
    let postmaster = scene.server.process_id().unwrap().to_string();
    let killed = Command::new("kill").args(["-QUIT", &postmaster]).status();
    assert!(killed.unwrap().success());
    let error = outcome(&waiting.wait_with_output().unwrap()).unwrap_err();
    assert!(error.contains("terminating connection"), "{error}");
    wait_until("the session ends", || scene.tee.report().open == 0);
    let closed = scene.recorder.sessions()[0].closed;
    assert!(
        matches!(closed, Some(Closed::ByServer | Closed::ServerLost)),
        "{closed:?}"
    );
    scene.stop();
}

#[tokio::test]
async fn what_is_not_postgres_is_told_so() {
    let scene = Scene::new().await;
    let mut stream = TcpStream::connect(scene.tee.address().unwrap()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains("invalid length of startup packet"),
        "{answer}"
    );
    scene.stop();
}

#[tokio::test]
async fn a_stop_waits_for_sessions_and_then_ends_them() {
    let scene = Scene::new().await;
    let address = scene.tee.address().unwrap();
    let session = connect(&url(scene.tee_port(), "sslmode=disable"))
        .await
        .unwrap();
    assert_eq!(
        session.text("SELECT 1").await.unwrap().as_deref(),
        Some("1")
    );
    let (recorder, report) = scene.tee.stop(Duration::from_millis(200));
    let sessions = recorder.unwrap().sessions();
    assert_eq!(sessions[0].closed, Some(Closed::Stopped));
    assert_eq!((report.sessions, report.open), (1, 0));
    assert!(session.text("SELECT 1").await.is_err());
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn the_unix_socket_is_there_as_long_as_the_tee() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::with(|options| {
        options.socket_folder = Some(folder.path().to_owned());
    })
    .await;
    let place = format!("host={} port={}", folder.path().display(), scene.tee_port());
    let rows = Psql::new(scene.server.binaries(), &place).run("SELECT 'over a socket'");
    assert_eq!(rows.unwrap(), "over a socket");
    assert_eq!(scene.recorder.sessions()[0].peer, Some(Peer::Unix));
    let socket = scene.tee.socket().unwrap().to_owned();
    assert!(socket.exists());
    scene.stop();
    assert!(!socket.exists());
}

#[tokio::test]
async fn the_server_may_listen_at_a_unix_socket() {
    let scene = Scene::new().await;
    let folder = scene.server.folder().display().to_string();
    let url = format!(
        "postgres://ann@{}:{}/postgres",
        folder.replace('/', "%2F"),
        scene.port
    );
    let tee = scene.tee("", |options| options.server = Address::parse(&url).unwrap());
    let place = format!("host=127.0.0.1 port={}", tee.address().unwrap().port());
    let rows = Psql::new(scene.server.binaries(), &place)
        .run("SELECT client_addr IS NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()");
    assert_eq!(rows.unwrap(), "t");
    scene.stop();
}

/// A listener whose taps fail at what the test says.
struct Failing(&'static str);

struct FailingTap(&'static str);

impl Listener for Failing {
    type Tap = FailingTap;

    fn session(&mut self, _session: u32, _peer: Peer) -> FailingTap {
        assert!(self.0 != "session", "on purpose");
        FailingTap(self.0)
    }

    fn tick(&mut self, _now_us: u64) {
        assert!(self.0 != "tick", "on purpose");
    }
}

impl Tap for FailingTap {
    fn from_client(&mut self, _bytes: &[u8], _at_us: u64) {
        assert!(self.0 != "client", "on purpose");
    }

    fn from_server(&mut self, _bytes: &[u8], _at_us: u64) {
        assert!(self.0 != "server", "on purpose");
    }

    fn closed(&mut self, _at_us: u64, _reason: Closed) {
        assert!(self.0 != "closed", "on purpose");
    }
}

#[tokio::test]
async fn a_tap_that_fails_harms_no_application_and_is_told() {
    let scene = Scene::new().await;
    for place in ["session", "client", "server", "closed", "tick"] {
        let options = TeeOptions::new(url(scene.port, "sslmode=disable"));
        let tee = Tee::start(&options, Failing(place)).unwrap();
        let address = format!("host=127.0.0.1 port={}", tee.address().unwrap().port());
        let rows = Psql::new(scene.server.binaries(), &address).run("SELECT 'served'");
        assert_eq!(rows.unwrap(), "served", "{place}");
        wait_until("the failure is told", || !tee.report().problems.is_empty());
        let (_, report) = tee.stop(PATIENCE);
        let kinds: Vec<ProblemKind> = report.problems.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [ProblemKind::TapFailed], "{place}");
    }
    scene.stop();
}
