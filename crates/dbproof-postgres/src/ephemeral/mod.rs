//! A throw-away PostgreSQL server: [`EphemeralServer`].
//!
//! A small shell process supervises the server. It runs in a process group of its own, so that a
//! Ctrl-C at the terminal does not reach it, and waits on a pipe whose other end only dbproof
//! holds. When dbproof ends, in whatever way, the pipe ends, and the supervisor stops the server
//! and removes its folder.

mod log;

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::unprivileged::{Identity, identity};
use crate::{Address, Binaries, PostgresError};

const SUPERVISOR: &str = include_str!("supervisor.sh");
const ROLE: &str = "dbproof";

/// A running throw-away server. Dropping it stops the server and removes everything of it.
#[derive(Debug)]
pub struct EphemeralServer {
    supervisor: Child,
    log: log::ServerLog,
    folder: PathBuf,
    address: Address,
    binaries: Binaries,
}

impl EphemeralServer {
    /// Starts a server and waits until it accepts connections.
    ///
    /// Cancelling the future (dropping it) leaves nothing behind.
    pub async fn start(binaries: &Binaries) -> Result<Self, PostgresError> {
        Self::start_with(binaries, &[]).await
    }

    /// The same with settings of the server that cannot be changed later, by name and value.
    pub async fn start_with(
        binaries: &Binaries,
        settings: &[(&str, &str)],
    ) -> Result<Self, PostgresError> {
        // Between choosing a free port and listening on it another process may take it.
        let mut attempts = 3;
        loop {
            attempts -= 1;
            let mut server = Self::spawn(binaries, settings)?;
            if server.log.ready().await {
                return Ok(server);
            }
            let log = server.log.tail();
            if attempts == 0 || !log.contains("could not bind") {
                return Err(PostgresError::StartFailed { log });
            }
        }
    }

    fn spawn(binaries: &Binaries, settings: &[(&str, &str)]) -> Result<Self, PostgresError> {
        let identity = identity()?;
        let port = free_port()?;
        let password = random_password()?;
        let folder = working_folder(identity, &password)?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SUPERVISOR, "dbproof-supervisor"])
            .arg(&binaries.folder)
            .arg(&folder)
            .arg(port.to_string())
            .args(
                settings
                    .iter()
                    .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .process_group(0);
        if let Some(Identity { uid, gid }) = identity {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        let mut supervisor = command.spawn().map_err(|source| {
            std::fs::remove_dir_all(&folder).ok();
            PostgresError::Io {
                action: "start the server's supervisor".to_owned(),
                source,
            }
        })?;
        let output = supervisor.stdout.take().expect("standard output is piped");
        let address = Address::of_socket(&folder, port, ROLE, &password);
        let log = log::ServerLog::follow(output);
        Ok(EphemeralServer {
            supervisor,
            log,
            folder,
            address,
            binaries: binaries.clone(),
        })
    }

    /// How to reach the server's `postgres` database, over its unix socket.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The binaries that the server runs from.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The folder that holds the server's data, removed with it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last lines of the server's log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.log.tail()
    }

    /// How many lines the server's log has so far.
    #[must_use]
    pub fn log_lines(&self) -> usize {
        self.log.count()
    }

    /// The lines of the server's log after the first `count` ones, as far as they are kept.
    #[must_use]
    pub fn log_lines_after(&self, count: usize) -> Vec<String> {
        self.log.lines_after(count)
    }

    /// Whether the server has ended by itself.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.log.has_ended()
    }

    /// The process id of the server's postmaster, where it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

impl Drop for EphemeralServer {
    fn drop(&mut self) {
        let server = self.process_id();
        drop(self.supervisor.stdin.take());
        let ended = self.supervisor.wait();
        if ended.is_ok_and(|status| status.code().is_some()) && !self.folder.exists() {
            return;
        }
        // The supervisor was killed, so its work falls to us.
        if let Some(pid) = server.and_then(|pid| i32::try_from(pid).ok()) {
            kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
            self.log.wait_for_end();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A loopback port that nobody listens on at this moment.
fn free_port() -> Result<u16, PostgresError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| PostgresError::Io {
            action: "find a free loopback port".to_owned(),
            source,
        })
}

/// The loopback port is open to every user of the machine, so the role has a password.
fn random_password() -> Result<String, PostgresError> {
    use std::fmt::Write as _;
    use std::io::Read as _;
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut bytes))
        .map_err(|source| PostgresError::Io {
            action: "read /dev/urandom".to_owned(),
            source,
        })?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    }))
}

/// A new folder with the password file, owned by the one who will run the server.
fn working_folder(identity: Option<Identity>, password: &str) -> Result<PathBuf, PostgresError> {
    let failed = |source| PostgresError::Io {
        action: "make a temporary folder for the server".to_owned(),
        source,
    };
    let folder = tempfile::Builder::new()
        .prefix("dbproof-")
        .tempdir_in(parent_folder(identity.is_some()))
        .map_err(failed)?;
    let file = folder.path().join("password");
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut f| writeln!(f, "{password}"))
        .map_err(failed)?;
    if let Some(Identity { uid, gid }) = identity {
        for path in [&file, folder.path()] {
            chown(path, Some(uid.as_raw()), Some(gid.as_raw())).map_err(failed)?;
        }
    }
    // From here on the supervisor removes it.
    Ok(folder.keep())
}

/// Where the server's folder is made: the system's folder for temporary files, or `/tmp` where that
/// one will not do. Its path must leave room for a socket (`sockaddr_un` takes 107 bytes), and
/// another user, who is to run the server and to remove the folder afterwards, must be able to
/// write there.
fn parent_folder(for_another_user: bool) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = std::env::temp_dir();
    let for_everybody = folder
        .metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o003 == 0o003);
    let fits = folder.as_os_str().len() <= 70;
    if fits && (for_everybody || !for_another_user) {
        folder
    } else {
        PathBuf::from("/tmp")
    }
}
