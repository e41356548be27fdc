//! A throw-away server with a tee before it, and the clients that come with a server.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use dbproof_capture::tee::{Tee, TeeOptions};
use dbproof_postgres::{Address, Binaries, EphemeralServer, connect};

use crate::recorder::Recorder;

pub(crate) const PASSWORD: &str = "s3cret";

/// How long a test waits for what must happen: long enough for a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A server on which `ann` exists, with the password [`PASSWORD`], and a tee before it.
pub(crate) struct Scene {
    pub(crate) server: EphemeralServer,
    pub(crate) port: u16,
    pub(crate) tee: Tee<Recorder>,
    pub(crate) recorder: Recorder,
}

impl Scene {
    /// A tee with a TCP leg to the server, without TLS.
    pub(crate) async fn new() -> Scene {
        Scene::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut TeeOptions)) -> Scene {
        let server = server().await;
        let port = prepare(&server).await;
        let mut options = TeeOptions::new(url(port, "sslmode=disable"));
        change(&mut options);
        let recorder = Recorder::default();
        let tee = Tee::start(&options, recorder.clone()).expect("a tee");
        Scene {
            server,
            port,
            tee,
            recorder,
        }
    }

    /// The port of the tee.
    pub(crate) fn tee_port(&self) -> u16 {
        self.tee.address().expect("it listens at a port").port()
    }

    /// psql through the tee.
    pub(crate) fn psql(&self, parameters: &str) -> Psql {
        Psql::new(
            self.server.binaries(),
            &format!("host=127.0.0.1 port={} {parameters}", self.tee_port()),
        )
    }

    /// Another tee before the same server.
    pub(crate) fn tee(
        &self,
        parameters: &str,
        change: impl FnOnce(&mut TeeOptions),
    ) -> Tee<Recorder> {
        let mut options = TeeOptions::new(url(self.port, parameters));
        change(&mut options);
        Tee::start(&options, Recorder::default()).expect("a tee")
    }

    /// Turns TLS on in the server, with a certificate of its own; the files of certificate and key.
    pub(crate) async fn turn_tls_on(&self) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = self.write("server.crt", &made.cert.pem());
        let key = self.write("server.key", &made.signing_key.serialize_pem());
        let session = connect(self.server.address()).await.unwrap();
        for (name, value) in [
            ("ssl_cert_file", certificate.to_str().unwrap()),
            ("ssl_key_file", key.to_str().unwrap()),
            ("ssl", "on"),
        ] {
            let sql = format!("ALTER SYSTEM SET {name} = '{value}'");
            session.run(&sql).await.unwrap();
        }
        session.run("SELECT pg_reload_conf()").await.unwrap();
        let place = format!("host=127.0.0.1 port={} sslmode=require", self.port);
        wait_until("the server speaks TLS", || {
            Psql::new(self.server.binaries(), &place)
                .run("SELECT 1")
                .is_ok()
        });
        (certificate, key)
    }

    /// Puts lines before those of `pg_hba.conf`; `probe` succeeds once they hold.
    pub(crate) async fn admit(&self, lines: &str, mut probe: impl FnMut() -> bool) {
        let hba = self.server.folder().join("data/pg_hba.conf");
        let before = std::fs::read_to_string(&hba).unwrap();
        std::fs::write(&hba, format!("{lines}\n{before}")).unwrap();
        let session = connect(self.server.address()).await.unwrap();
        session.run("SELECT pg_reload_conf()").await.unwrap();
        wait_until("the server admits them", &mut probe);
    }

    /// Writes a file that belongs to the one who runs the server.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.server.folder().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let owner = self.server.folder().metadata().unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        path
    }

    pub(crate) fn stop(self) {
        let (recorder, _) = self.tee.stop(Duration::ZERO);
        assert!(recorder.is_some(), "the tee's thread has panicked");
    }
}

pub(crate) fn binaries() -> Binaries {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries")
}

pub(crate) async fn server() -> EphemeralServer {
    EphemeralServer::start(&binaries())
        .await
        .expect("a throw-away server")
}

/// Makes `ann`; the port of the server.
pub(crate) async fn prepare(server: &EphemeralServer) -> u16 {
    let session = connect(server.address()).await.expect("a session");
    let sql = format!("CREATE ROLE ann SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
    session.run(&sql).await.expect("a role");
    let port = session.text("SHOW port").await.expect("a port");
    port.and_then(|port| port.parse().ok()).expect("a number")
}

/// The server's own address, over TCP.
pub(crate) fn url(port: u16, parameters: &str) -> Address {
    let url = format!("postgres://ann:{PASSWORD}@127.0.0.1:{port}/postgres?{parameters}");
    Address::parse(&url).expect("a URL")
}

/// One call of psql.
pub(crate) struct Psql(Command);

impl Psql {
    pub(crate) fn new(binaries: &Binaries, connection: &str) -> Psql {
        let mut command = Command::new(program(binaries, "psql"));
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1"])
            .arg(format!("user=ann dbname=postgres {connection}"))
            .env_remove("PGHOST")
            .env_remove("PGSSLMODE")
            .env("PGPASSWORD", PASSWORD)
            .env("LC_ALL", "C")
            .current_dir("/");
        Psql(command)
    }

    pub(crate) fn command(mut self, sql: &str) -> Command {
        self.0.args(["--command", sql]);
        self.0
    }

    /// What it prints; an error is what it says.
    pub(crate) fn run(self, sql: &str) -> Result<String, String> {
        outcome(&self.command(sql).output().expect("psql"))
    }
}

pub(crate) fn outcome(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// A client program: beside the server's where it is there, or else from the path.
pub(crate) fn program(binaries: &Binaries, name: &str) -> PathBuf {
    let beside = binaries.folder.join(name);
    if beside.exists() {
        beside
    } else {
        Path::new(name).to_owned()
    }
}

/// Looks again and again until it is so.
pub(crate) fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(
            began.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::yield_now();
    }
}
