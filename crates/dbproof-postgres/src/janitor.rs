//! The process that removes a run's databases from a server that is not ours: [`Janitor`].
//!
//! It is dbproof itself, started a second time, and waits on a pipe whose other end only the run
//! holds. However the run ends, kill -9 included, the pipe ends, and the janitor drops every
//! database named after the run. The URL reaches it through the pipe, because arguments and
//! environment can be read by others.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::databases::{drop_database, prefix};
use crate::{Address, PostgresError, Session, connect};

/// A running janitor. Dropping it removes the run's databases and waits until that is done.
#[derive(Debug)]
pub struct Janitor {
    process: Child,
}

impl Janitor {
    /// Starts a janitor: `program argument`, which must end up in [`janitor_main`].
    pub fn start(
        program: &Path,
        argument: &str,
        url: &str,
        run: &str,
    ) -> Result<Self, PostgresError> {
        let failed = |source| PostgresError::Io {
            action: "start the process that cleans up after dbproof".to_owned(),
            source,
        };
        let mut process = Command::new(program)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pipe = process.stdin.as_mut().expect("standard input is piped");
        writeln!(pipe, "{run}\n{url}").map_err(failed)?;
        Ok(Janitor { process })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// The janitor's whole life: read run and URL, wait until `input` ends, drop the databases.
pub fn janitor_main(input: impl Read) -> Result<(), PostgresError> {
    let failed = |source| PostgresError::Io {
        action: "read from dbproof".to_owned(),
        source,
    };
    let mut input = BufReader::new(input);
    let mut run = String::new();
    let mut url = String::new();
    input.read_line(&mut run).map_err(failed)?;
    input.read_line(&mut url).map_err(failed)?;
    std::io::copy(&mut input, &mut std::io::sink()).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(drop_all(&Address::parse(url.trim())?, run.trim()))
}

/// How long databases that are still being made are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

async fn drop_all(address: &Address, run: &str) -> Result<(), PostgresError> {
    let session = connect(address).await?;
    let prefix = prefix(run);
    let began = Instant::now();
    loop {
        // The server makes a database to its end though nobody waits for it any more. Whether one is being
        // made is asked first: what is done by then is on the list.
        let being_made = end_making(&session, &prefix).await?;
        let rows = session
            .query(
                "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)",
                &[&prefix],
            )
            .await
            .map_err(|e| session.error(&e))?;
        for row in rows {
            drop_database(&session, row.get(0)).await?;
        }
        if !being_made || began.elapsed() > PATIENCE {
            return Ok(());
        }
    }
}

/// Ends the sessions that are making databases of the run; whether there are any.
async fn end_making(session: &Session, prefix: &str) -> Result<bool, PostgresError> {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE pid <> pg_backend_pid() AND state = 'active' \
                 AND starts_with(query, 'CREATE DATABASE \"' || $1)";
    let row = session.query_one(sql, &[&prefix]).await;
    let ended: i64 = row.map_err(|e| session.error(&e))?.get(0);
    Ok(ended > 0)
}
