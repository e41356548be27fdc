//! The sessions of a candidate: [`Stage`].

use std::time::Duration;

use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, Session, connect};

/// The `deadlock_timeout` of the members' sessions, in milliseconds, where it may be set. What it is
/// changes when a deadlock is found, and not whether there is one.
const DEADLOCK_TIMEOUT_MS: u32 = 10;

/// How long ending sessions may take.
const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// The sessions of the members, one that holds the gate, and one that watches.
pub(super) struct Stage {
    address: Address,
    pub(super) parties: Vec<Party>,
    pub(super) gate: Party,
    pub(super) watcher: Watcher,
    /// The `deadlock_timeout` that transactions of the application have.
    pub(super) usual_deadlock_timeout: Duration,
    /// The `lock_timeout` that a session begins with; zero where it waits for ever.
    pub(super) lock_timeout: Duration,
    /// That of the members' sessions.
    deadlock_timeout: Duration,
    /// Relations that have the gate's trigger.
    pub(super) gated: Vec<String>,
}

/// A session that leaves nothing behind: dropped in the middle of a statement, its connection is cut,
/// and the server ends what it was at.
pub(super) struct Party {
    pub(super) session: Session,
    pub(super) pid: i32,
}

impl Drop for Party {
    fn drop(&mut self) {
        self.session.cut();
    }
}

impl Party {
    async fn open(address: &Address) -> Result<Self, PostgresError> {
        let session = connect(address).await?;
        let pid = session.backend_pid().await?;
        // Who waits for a lock does not notice that its client is gone, unless told to look. Not
        // every operating system can.
        session
            .run("SET client_connection_check_interval = '100ms'")
            .await
            .ok();
        Ok(Party { session, pid })
    }

    /// A setting that is a time; zero where it says nothing.
    pub(super) async fn time(&self, setting: &str) -> Result<Duration, PostgresError> {
        let shown = self.session.text(&format!("SHOW {setting}")).await?;
        Ok(shown.as_deref().and_then(as_time).unwrap_or_default())
    }
}

impl Stage {
    pub(super) async fn open(address: &Address, members: usize) -> Result<Self, PostgresError> {
        let gate = Party::open(address).await?;
        let usual_deadlock_timeout = gate.time("deadlock_timeout").await?;
        let mut stage = Stage {
            address: address.clone(),
            parties: Vec::new(),
            lock_timeout: gate.time("lock_timeout").await?,
            gate,
            watcher: Watcher::new(connect(address).await?).await?,
            usual_deadlock_timeout,
            deadlock_timeout: usual_deadlock_timeout,
            gated: Vec::new(),
        };
        stage.open_parties(members).await?;
        Ok(stage)
    }

    async fn open_parties(&mut self, members: usize) -> Result<(), PostgresError> {
        for _ in 0..members {
            let party = Party::open(&self.address).await?;
            let set = format!("SET deadlock_timeout = {DEADLOCK_TIMEOUT_MS}");
            match party.session.run(&set).await {
                Ok(()) => {
                    self.deadlock_timeout = Duration::from_millis(DEADLOCK_TIMEOUT_MS.into());
                }
                // Without the permission, it stays as the server has it.
                Err(PostgresError::Server(error)) if error.sqlstate == "42501" => {}
                Err(error) => return Err(error),
            }
            self.parties.push(party);
        }
        Ok(())
    }

    /// How long the server waits before it looks for a deadlock.
    pub(super) fn deadlock_timeout(&self) -> Duration {
        self.deadlock_timeout
    }

    /// Which member has this process.
    pub(super) fn member(&self, pid: i32) -> Option<usize> {
        self.parties.iter().position(|party| party.pid == pid)
    }

    /// Rolls everything back. Sessions that do not come back are replaced; `is_stuck` says that they
    /// may be in the middle of something.
    pub(super) async fn reset(&mut self, is_stuck: bool) -> Result<(), PostgresError> {
        let end = "ROLLBACK; SELECT pg_advisory_unlock_all()";
        if is_stuck {
            for party in self.parties.iter().chain([&self.gate]) {
                self.watcher.cancel(party.pid).await?;
            }
        }
        let mut all_back = true;
        for party in [&self.gate].into_iter().chain(&self.parties) {
            let ended = tokio::time::timeout(ENDING_LIMIT, party.session.run(end)).await;
            all_back &= matches!(ended, Ok(Ok(())));
        }
        if !all_back {
            let members = self.parties.len();
            self.terminate().await?;
            self.parties.clear();
            self.gate = Party::open(&self.address).await?;
            self.open_parties(members).await?;
        }
        Ok(())
    }

    async fn terminate(&self) -> Result<(), PostgresError> {
        let parties = self.parties.iter().chain([&self.gate]);
        let pids: Vec<i32> = parties.map(|party| party.pid).collect();
        self.watcher.terminate(&pids, ENDING_LIMIT).await
    }

    /// Ends every session, and waits until the server has.
    pub(super) async fn close(self) -> Result<(), PostgresError> {
        let pids: Vec<i32> = self.parties.iter().map(|party| party.pid).collect();
        self.watcher.terminate(&pids, ENDING_LIMIT).await?;
        // Now that nobody holds a lock any more.
        let removed = super::gate::remove(&self).await;
        self.terminate().await?;
        self.watcher.close().await;
        removed
    }
}

/// A time as `SHOW` writes it: `100ms`, `2s`, `1min`, `0`.
fn as_time(text: &str) -> Option<Duration> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let count: u64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(count.saturating_mul(milliseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_show_are_read() {
        let check = |text, expected: Option<u64>| {
            assert_eq!(as_time(text), expected.map(Duration::from_millis), "{text}");
        };
        check("0", Some(0));
        check("100ms", Some(100));
        check("2s", Some(2000));
        check("1min", Some(60_000));
        check("soon", None);
    }
}
