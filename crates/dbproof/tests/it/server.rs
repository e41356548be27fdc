//! A server that stands for the user's own: [`Server`].

use dbproof_postgres::{Binaries, EphemeralServer, Session, connect};
use tokio::runtime::Runtime;

/// A running server and a runtime to talk with it.
pub(crate) struct Server {
    server: EphemeralServer,
    runtime: Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let chosen = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
        let binaries = Binaries::find(chosen.as_deref()).unwrap();
        let server = runtime
            .block_on(EphemeralServer::start_with(&binaries, settings))
            .unwrap();
        Server { server, runtime }
    }

    /// A role that may create databases, and the URL to connect with.
    pub(crate) fn url(&self) -> String {
        self.run("CREATE ROLE ann LOGIN CREATEDB SUPERUSER PASSWORD 's3cret'");
        self.url_of("ann", "s3cret")
    }

    pub(crate) fn url_of(&self, role: &str, password: &str) -> String {
        let port = self.of_pid_file(3);
        format!("postgres://{role}:{password}@127.0.0.1:{port}/postgres")
    }

    /// The server's own process.
    pub(crate) fn process(&self) -> u32 {
        self.of_pid_file(0).parse().unwrap()
    }

    fn of_pid_file(&self, line: usize) -> String {
        let file = self.server.folder().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().nth(line).unwrap().to_owned()
    }

    /// Asks for no password of a role from now on, once the server has read its files again.
    pub(crate) fn trust(&self, role: &str) {
        let file = self.server.folder().join("data/pg_hba.conf");
        let lines = std::fs::read_to_string(&file).unwrap();
        let first = format!("host all {role} 127.0.0.1/32 trust\n");
        std::fs::write(&file, first + &lines).unwrap();
        self.run("SELECT pg_reload_conf()");
    }

    pub(crate) fn run(&self, sql: &str) {
        self.runtime.block_on(async {
            self.session().await.run(sql).await.unwrap();
        });
    }

    pub(crate) fn run_in(&self, database: &str, sql: &str) {
        self.runtime.block_on(async {
            let address = self.server.address().with_database(database);
            connect(&address).await.unwrap().run(sql).await.unwrap();
        });
    }

    pub(crate) fn texts_in(&self, database: &str, sql: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let address = self.server.address().with_database(database);
            connect(&address).await.unwrap().texts(sql).await.unwrap()
        })
    }

    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        self.runtime
            .block_on(async { self.session().await.texts(sql).await.unwrap() })
    }

    /// Does something while nobody else can read or write the table.
    pub(crate) fn while_locked(&self, table: &str, work: impl FnOnce()) {
        let session = self.runtime.block_on(self.session());
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        self.runtime.block_on(session.run(&lock)).unwrap();
        work();
        self.runtime.block_on(session.run("COMMIT")).unwrap();
    }

    /// The databases that dbproof has made here.
    pub(crate) fn databases_of_ours(&self) -> Vec<String> {
        self.texts("SELECT datname FROM pg_database WHERE datname LIKE 'dbproof\\_%'")
    }

    async fn session(&self) -> Session {
        connect(self.server.address()).await.unwrap()
    }
}
