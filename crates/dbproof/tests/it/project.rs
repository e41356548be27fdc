//! A copy of the sample shop to run the program on: [`Shop`].

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Small figures, so that a run takes a second or two.
const CONFIGURATION: &str = "\
[project]
name = \"shop\"

[slow]
threshold_ms = 10000
samples = 100
warmup = 5

[regress]
sessions = 4
pairs = 4

[nplusone]
runs = 3

[deadlock]
runs = 3
timeouts_ms = [100]
";

/// A copy of the sample shop, and a folder of its own for temporary files.
pub(crate) struct Shop {
    folder: TempDir,
}

/// What the program did.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server may run as another user, who has to reach the temporary folder and to
        // remove what he made there.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let shop = Shop { folder };
        fs::create_dir(shop.temporary()).unwrap();
        fs::set_permissions(shop.temporary(), fs::Permissions::from_mode(0o1777)).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop");
        copy(&source, &shop.folder.path().join("shop"));
        // A query's own thresholds would decide before the ones that the tests set.
        for query in ["order_history", "order_details", "user_lookup"] {
            let path = format!("queries/{query}.sql");
            let text = shop.read(&path);
            let lines = text.split_inclusive('\n');
            let kept = lines.filter(|line| !line.starts_with("-- threshold_ms:"));
            shop.write(&path, &kept.collect::<String>());
        }
        shop.write("dbproof.toml", CONFIGURATION);
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("shop").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Adds a query beside the shop's own.
    pub(crate) fn with_query(self, text: &str) -> Self {
        self.write("queries/zz_added.sql", text);
        self
    }

    /// Leaves one query only.
    pub(crate) fn with_only_query(self, text: &str) -> Self {
        fs::remove_dir_all(self.path("queries")).unwrap();
        self.with_query(text)
    }

    /// Where the program puts its temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The program with its working folder in the shop and nothing of our environment that it
    /// would listen to.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbproof"));
        command
            .args(arguments)
            .current_dir(self.path("."))
            .env("TMPDIR", self.temporary());
        for variable in ["DATABASE_URL", "SLOW_QUERY_THRESHOLD_MS", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::new(&self.command(arguments).output().unwrap())
    }

    /// Runs a scenario and returns its record, and the exit code.
    pub(crate) fn record(&self, arguments: &[&str]) -> (i32, Value) {
        let run = self.run(&[arguments, &["--format", "json"]].concat());
        let record = serde_json::from_str(&run.stdout);
        (
            run.code,
            record.unwrap_or_else(|_| panic!("no record: {}", run.stderr)),
        )
    }

    /// Starts the program without waiting for its end.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The process id of the throw-away server, once it is there.
    pub(crate) fn wait_for_server(&self) -> u32 {
        let mut pid = None;
        wait_until("the server starts", || {
            pid = self.server_process();
            pid.is_some()
        });
        pid.unwrap()
    }

    fn server_process(&self) -> Option<u32> {
        let folder = self.temporary_entries().into_iter().next()?;
        let text = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
        // The eighth line appears once the server accepts connections.
        text.lines().nth(7).filter(|line| line.trim() == "ready")?;
        text.lines().next()?.trim().parse().ok()
    }

    /// What the program has in its folder for temporary files.
    pub(crate) fn temporary_entries(&self) -> Vec<PathBuf> {
        fs::read_dir(self.temporary())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(self.temporary_entries(), Vec::<PathBuf>::new());
    }
}

impl Run {
    pub(crate) fn new(output: &Output) -> Self {
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Checks the exit code, and that standard error says each of `expected`.
    #[track_caller]
    pub(crate) fn failed_with(&self, code: i32, expected: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        for text in expected {
            assert!(
                self.stderr.contains(text),
                "`{text}` is not in:\n{}",
                self.stderr
            );
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Waits for a condition that another process brings about.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "waited too long until {what}"
        );
        std::thread::yield_now();
    }
}
