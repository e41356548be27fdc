//! The server, the proxies before it, and pgbench.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dbproof_postgres::{Binaries, EphemeralServer, connect};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::{Cell, Side};

/// What one run of pgbench came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    /// Processor time of the proxy for each transaction, which is one round trip, in µs.
    pub(crate) cpu_us: f64,
}

/// A server with pgbench's tables, which lets `bench` in.
pub(crate) struct Place {
    pub(crate) server: EphemeralServer,
    port: u16,
    scratch: PathBuf,
}

impl Place {
    pub(crate) async fn prepare(scratch: &Path) -> Place {
        let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
        let binaries = Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries");
        let server = EphemeralServer::start(&binaries).await.expect("a server");
        let session = connect(server.address()).await.expect("a session");
        session
            .run("CREATE ROLE bench SUPERUSER LOGIN")
            .await
            .expect("a role");
        let hba = server.folder().join("data/pg_hba.conf");
        let lines = fs::read_to_string(&hba).expect("pg_hba.conf");
        fs::write(&hba, format!("host all bench 127.0.0.1/32 trust\n{lines}")).expect("a file");
        session
            .run("SELECT pg_reload_conf()")
            .await
            .expect("a reload");
        let port = session.text("SHOW port").await.expect("a port");
        let port = port.and_then(|port| port.parse().ok()).expect("a number");
        let place = Place {
            server,
            port,
            scratch: scratch.to_owned(),
        };
        // The reload reaches new connections a moment later.
        let admitted = |_| {
            let mut probe = place.client("psql", port);
            let output = probe.args(["-c", "SELECT 1"]).output().expect("psql");
            output.status.success()
        };
        assert!((0..1000).any(admitted), "{}", place.server.log_tail());
        let mut initialise = place.client("pgbench", port);
        finish(initialise.args(["--initialize", "--quiet", "--scale=1"]));
        session.run("VACUUM (ANALYZE)").await.expect("a vacuum");
        place
    }

    fn client(&self, name: &str, port: u16) -> Command {
        let beside = self.server.binaries().folder.join(name);
        let mut command = if beside.exists() {
            Command::new(beside)
        } else {
            Command::new(name)
        };
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PGUSER", "bench")
            .env("PGDATABASE", "postgres")
            .env("PGSSLMODE", "disable")
            .env("PGGSSENCMODE", "disable")
            .current_dir("/");
        command
    }
}

/// Who stands between, as a process; none where nobody does.
pub(crate) struct Proxy {
    port: u16,
    process: Option<Child>,
}

impl Proxy {
    pub(crate) fn start(side: Side, place: &Place) -> Proxy {
        match side {
            Side::Direct => Proxy {
                port: place.port,
                process: None,
            },
            Side::PgBouncer => pgbouncer(place),
            Side::EventLoop | Side::Capture | Side::Tokio | Side::Threads => ours(side, place),
        }
    }

    /// Processor time up to now, of user and system, in µs.
    fn cpu_us(&self) -> f64 {
        let Some(process) = &self.process else {
            return f64::NAN;
        };
        let pid = Pid::from_raw(i32::try_from(process.id()).expect("a process id"));
        let time = clock_getcpuclockid(pid).and_then(clock_gettime);
        let time = Duration::from(time.expect("a running process"));
        time.as_secs_f64() * 1e6
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            if process.stdin.take().is_none() {
                process.kill().ok();
            }
            process.wait().ok();
        }
    }
}

fn ours(side: Side, place: &Place) -> Proxy {
    let mut process = Command::new(std::env::current_exe().expect("this program"))
        .args(["serve", side.name(), &place.port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut line = String::new();
    let output = process.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    Proxy {
        port: line.trim().parse().expect("a port"),
        process: Some(process),
    }
}

fn pgbouncer(place: &Place) -> Proxy {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = free.local_addr().expect("a port").port();
    drop(free);
    let folder = place.server.folder();
    let owner = folder.metadata().expect("a folder");
    let (uid, gid) = (owner.uid(), owner.gid());
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        chown(&path, Some(uid), Some(gid)).expect("its owner");
        path
    };
    let users = write("pgbouncer-users.txt", "\"bench\" \"\"\n");
    // `server_lifetime = 0` closes a server's connection with its client's, as a tee does; else those
    // kept open would count against the server's limit beside the other sides' connections.
    let settings = format!(
        "[databases]\npostgres = host=127.0.0.1 port={} dbname=postgres\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {}\npool_mode = session\nserver_lifetime = 0\n\
         server_reset_query =\nmax_client_conn = 500\ndefault_pool_size = 90\n\
         server_tls_sslmode = disable\nignore_startup_parameters = extra_float_digits\n\
         log_connections = 0\nlog_disconnections = 0\n",
        place.port,
        users.display()
    );
    let file = write("pgbouncer.ini", &settings);
    let mut command = Command::new(program_pgbouncer().expect("PgBouncer"));
    command
        .arg("--quiet")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/");
    // It refuses to be root, as the server does.
    if owner.uid() != fs::metadata("/proc/self").expect("this process").uid() {
        command.uid(uid).gid(gid);
    }
    let mut proxy = Proxy {
        port,
        process: Some(command.spawn().expect("pgbouncer")),
    };
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let process = proxy.process.as_mut().expect("a process");
        if let Some(status) = process.try_wait().expect("a process") {
            panic!("pgbouncer has ended: {status}");
        }
        std::thread::yield_now();
    }
    proxy
}

fn program_pgbouncer() -> Option<&'static str> {
    ["pgbouncer", "/usr/sbin/pgbouncer"]
        .into_iter()
        .find(|name| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        })
}

pub(crate) fn has_pgbouncer() -> bool {
    program_pgbouncer().is_some()
}

pub(crate) fn pgbouncer_version() -> String {
    let Some(name) = program_pgbouncer() else {
        return "no PgBouncer".to_owned();
    };
    let output = Command::new(name)
        .arg("--version")
        .output()
        .expect("pgbouncer");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A process that takes all of a processor that it is given.
pub(crate) struct Hog(Child);

impl Hog {
    pub(crate) fn start() -> Hog {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "while :; do :; done"]);
        Hog(command.spawn().expect("a process"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn pgbench(place: &Place, proxy: &Proxy, cell: Cell, transactions: usize) -> Run {
    let mut command = place.client("pgbench", proxy.port);
    command
        .args(["--select-only", "--no-vacuum"])
        .arg(format!("--protocol={}", cell.protocol))
        .arg(format!("--client={}", cell.clients))
        .arg("--jobs=1")
        .arg(format!("--transactions={}", transactions / cell.clients))
        .current_dir(&place.scratch);
    let before = proxy.cpu_us();
    let report = finish(&mut command);
    let cpu = proxy.cpu_us() - before;
    let figure = |label: &str| -> f64 {
        let line = report.lines().find_map(|line| line.strip_prefix(label));
        let number = line.and_then(|rest| rest.split([' ', '/']).find(|w| !w.is_empty()));
        let number = number.and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("pgbench does not tell `{label}`:\n{report}"))
    };
    Run {
        per_second: figure("tps = "),
        cpu_us: cpu / figure("number of transactions actually processed: "),
    }
}

fn finish(command: &mut Command) -> String {
    let output = command.output().expect("a client of the server's");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench failed: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
