//! The connections that are at work beside a migration: [`Crew`].
//!
//! Each has a probe and a schedule of its own, and an execution counts from its intended start: while
//! one is blocked, those that would have begun meanwhile wait too, and are counted with what they waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, Request};
use tokio::task::{JoinHandle, spawn_blocking};

use super::probes::{Probe, Work};
use crate::error::RunError;
use crate::slow::schedule::{Schedule, wait_until};

/// Executions of each probe before the first that counts.
const WARMUP: usize = 10;

/// Between the decision to begin and the beginning, so that every thread is there in time.
const LEAD: Duration = Duration::from_millis(5);

/// One execution; times count from the beginning of the crew.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) intended: Duration,
    pub(super) ended: Duration,
    pub(super) error: Option<String>,
}

/// A probe with everything that it executed.
pub(super) type Watched = (Probe, Vec<Execution>);

/// A probe that is ready.
struct Member {
    connection: MeasuringConnection,
    probe: Probe,
    requests: Vec<Request>,
    schedule: Schedule,
}

/// Connections that are ready.
pub(super) struct Crew {
    members: Vec<Member>,
}

/// Connections at work. Dropping it ends them.
pub(super) struct Working {
    begin: Instant,
    /// Executions that are intended to start later than this, in microseconds, do not begin.
    until: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<Watched, PostgresError>>>,
}

impl Crew {
    /// Opens a connection for each probe; `(rate, longest)` is that of each, in executions a second,
    /// and how long they go on at the most.
    pub(super) async fn assemble(
        address: &Address,
        probes: Vec<Probe>,
        (rate, longest): (f64, Duration),
        seed: u64,
    ) -> Result<Self, RunError> {
        let mut members = Vec::with_capacity(probes.len());
        for (number, probe) in (0..).zip(probes) {
            let address = address.clone();
            let schedule = Schedule::draw(rate, 0, Some(longest), seed ^ number);
            let ready = spawn_blocking(move || Member::ready(&address, probe, schedule));
            members.push(finished(ready).await?);
        }
        Ok(Crew { members })
    }

    /// Sets all to work.
    pub(super) fn begin(self) -> Working {
        let begin = Instant::now() + LEAD;
        let until = Arc::new(AtomicU64::new(u64::MAX));
        let tasks = self
            .members
            .into_iter()
            .map(|member| {
                let until = Arc::clone(&until);
                spawn_blocking(move || member.work(begin, &until))
            })
            .collect();
        Working {
            begin,
            until,
            tasks,
        }
    }
}

impl Working {
    /// The time since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Lets everything come to its end that was to begin before now.
    pub(super) async fn finish(mut self) -> Result<Vec<Watched>, RunError> {
        self.until
            .store(microseconds(self.now()), Ordering::Relaxed);
        let mut seen = Vec::with_capacity(self.tasks.len());
        for task in std::mem::take(&mut self.tasks) {
            seen.push(finished(task).await?);
        }
        Ok(seen)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.until.store(0, Ordering::Relaxed);
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

async fn finished<T>(task: JoinHandle<Result<T, PostgresError>>) -> Result<T, RunError> {
    let outcome = task.await.map_err(|error| RunError::File {
        action: "measure".to_owned(),
        source: std::io::Error::other(error),
    })?;
    Ok(outcome?)
}

impl Member {
    fn ready(address: &Address, probe: Probe, schedule: Schedule) -> Result<Self, PostgresError> {
        let mut connection = MeasuringConnection::open(address)?;
        let mut requests = Vec::new();
        if let Work::Prepared { sql, values } = &probe.work {
            let statement = connection.prepare(sql)?;
            for values in values {
                requests.push(connection.encode(&statement, values)?);
            }
        }
        let mut member = Member {
            connection,
            probe,
            requests,
            schedule,
        };
        for execution in 0..WARMUP {
            member.execute(execution)?;
        }
        Ok(member)
    }

    /// Executes once. What the server refuses is a part of what is seen.
    fn execute(&mut self, number: usize) -> Result<Option<String>, PostgresError> {
        let outcome = match &self.probe.work {
            Work::Statements(sql) => self.connection.run(sql),
            Work::Prepared { .. } => {
                let request = &self.requests[number % self.requests.len()];
                self.connection.execute(request).map(|_| ())
            }
        };
        match outcome {
            Ok(()) => Ok(None),
            Err(PostgresError::Server(error)) => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn work(mut self, begin: Instant, until: &AtomicU64) -> Result<Watched, PostgresError> {
        let mut seen = Vec::with_capacity(1024);
        for number in 0.. {
            let Some(intended) = self.schedule.start(number) else {
                break;
            };
            wait_until(begin + intended);
            if microseconds(intended) > until.load(Ordering::Relaxed) {
                break;
            }
            let error = self.execute(number)?;
            seen.push(Execution {
                intended,
                ended: begin.elapsed(),
                error,
            });
            let failed = seen.last().is_some_and(|e| e.error.is_some());
            if failed && matches!(self.probe.work, Work::Statements(_)) {
                // The transaction that was begun is still there.
                self.connection.run("ROLLBACK")?;
            }
        }
        Ok((self.probe, seen))
    }
}
