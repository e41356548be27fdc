//! The connections that measure: [`Crew`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dbproof_postgres::{Address, MeasuringConnection, PostgresError, Request};
use tokio::task::{JoinHandle, spawn_blocking};

use super::load::{Extent, Load, Task};
use super::samples::Samples;
use super::schedule::wait_until;
use super::server_time;
use crate::error::RunError;

/// Between the decision to begin and the beginning, so that every thread is there in time.
const LEAD: Duration = Duration::from_millis(5);

/// More executions than any measurement takes: the number that ends it. The connections that count
/// further from there never reach the end of the type.
const NO_MORE: u64 = u64::MAX / 2;

/// Connections that are warmed up and ready to measure.
#[derive(Debug)]
pub(super) struct Crew {
    connections: Vec<MeasuringConnection>,
    work: Work,
    in_place: bool,
    /// Whether the server counts what it does for these connections, and can be asked for it.
    pub(super) counted: bool,
}

/// What the connections share.
#[derive(Debug)]
struct Work {
    load: Arc<Load>,
    /// The tasks, encoded: a request fits every connection that prepared the same statements.
    requests: Vec<Request>,
    /// How many executions were taken.
    taken: AtomicU64,
}

/// What all connections saw together.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of each query.
    pub(super) samples: Vec<Samples>,
    /// From the beginning to the end of the last execution.
    pub(super) elapsed: Duration,
    /// When the last execution began.
    pub(super) last_start: Duration,
    /// Executions of an open loop that found every connection busy.
    pub(super) delayed: u64,
}

impl Crew {
    /// Opens the connections, prepares the statements and executes the warm-up on each of them.
    pub(super) async fn assemble(
        address: &Address,
        load: Arc<Load>,
        in_place: bool,
    ) -> Result<Self, RunError> {
        let tasks: Vec<JoinHandle<Result<Ready, PostgresError>>> = (0..load.connections)
            .map(|index| {
                let (address, load) = (address.clone(), Arc::clone(&load));
                spawn_blocking(move || ready(&address, &load, in_place, index == 0))
            })
            .collect();
        let mut crew = Crew {
            connections: Vec::with_capacity(tasks.len()),
            work: Work {
                load,
                requests: Vec::new(),
                taken: AtomicU64::new(0),
            },
            in_place,
            counted: true,
        };
        for task in tasks {
            let ready = finished(task).await?;
            crew.connections.push(ready.connection);
            crew.counted &= ready.counted;
            crew.work.requests.extend(ready.requests);
        }
        Ok(crew)
    }

    /// Measures.
    pub(super) async fn measure(self) -> Result<Outcome, RunError> {
        let Crew {
            connections,
            work,
            in_place,
            counted,
        } = self;
        let work = Arc::new(work);
        let begin = Instant::now() + LEAD;
        let tasks: Vec<JoinHandle<Result<Outcome, PostgresError>>> = connections
            .into_iter()
            .map(|mut connection| {
                let work = Arc::clone(&work);
                spawn_blocking(move || {
                    let outcome = work.execute(&mut connection, begin);
                    if outcome.is_err() {
                        // The others need not go on.
                        work.taken.store(NO_MORE, Ordering::Relaxed);
                    }
                    if in_place {
                        connection.run("ROLLBACK").ok();
                    } else if counted {
                        server_time::report(&mut connection)?;
                    }
                    outcome
                })
            })
            .collect();
        let mut all = work.nothing();
        let mut failure = None;
        for task in tasks {
            match finished(task).await {
                Ok(outcome) => all.merge(outcome),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(all), Err)
    }
}

async fn finished<T>(task: JoinHandle<Result<T, PostgresError>>) -> Result<T, RunError> {
    let outcome = task.await.map_err(|error| RunError::File {
        action: "measure".to_owned(),
        source: std::io::Error::other(error),
    })?;
    Ok(outcome?)
}

/// A connection that is warmed up; the first one encodes the requests for all.
struct Ready {
    connection: MeasuringConnection,
    requests: Vec<Request>,
    counted: bool,
}

fn ready(
    address: &Address,
    load: &Load,
    in_place: bool,
    encode_all: bool,
) -> Result<Ready, PostgresError> {
    let mut connection = MeasuringConnection::open(address)?;
    connection.watch();
    if in_place {
        // Nothing that a statement writes into a database of the user's is kept.
        connection.run("BEGIN")?;
    }
    let mut statements = Vec::with_capacity(load.statements.len());
    for sql in &load.statements {
        statements.push(connection.prepare(sql)?);
    }
    let encode = |connection: &MeasuringConnection, tasks: &[Task]| {
        tasks
            .iter()
            .map(|task| connection.encode(&statements[task.query], &task.values))
            .collect::<Result<Vec<Request>, _>>()
    };
    let requests = if encode_all {
        encode(&connection, &load.tasks)?
    } else {
        Vec::new()
    };
    for request in &encode(&connection, &load.warmup)? {
        if let Err(error @ PostgresError::ConnectionLost { .. }) = connection.execute(request) {
            return Err(error);
        }
    }
    let counted = !in_place && server_time::report(&mut connection)?;
    Ok(Ready {
        connection,
        requests,
        counted,
    })
}

impl Work {
    fn nothing(&self) -> Outcome {
        let room = self.load.most_samples();
        let queries = self.load.statements.iter();
        Outcome {
            samples: queries.map(|_| Samples::with_room_for(room)).collect(),
            elapsed: Duration::ZERO,
            last_start: Duration::ZERO,
            delayed: 0,
        }
    }

    /// Takes the next execution that nobody has taken yet, until there is none.
    fn execute(
        &self,
        connection: &mut MeasuringConnection,
        begin: Instant,
    ) -> Result<Outcome, PostgresError> {
        let load = &self.load;
        let mut seen = self.nothing();
        wait_until(begin);
        loop {
            let index = self.taken.fetch_add(1, Ordering::Relaxed);
            if index >= load.most_samples().unwrap_or(NO_MORE) {
                return Ok(seen);
            }
            let Ok(index) = usize::try_from(index) else {
                return Ok(seen);
            };
            let drawn = index % self.requests.len();
            let intended = load.schedule.as_ref().and_then(|s| s.start(index));
            if let Some(intended) = intended {
                seen.delayed += u64::from(wait_until(begin + intended));
            }
            let sent = Instant::now();
            if load.extent_is_over(sent, begin) {
                return Ok(seen);
            }
            let outcome = connection.execute(&self.requests[drawn]);
            let ended = Instant::now();
            // From the intended start, else a slow execution would hide those that wait behind it.
            let latency = ended - intended.map_or(sent, |intended| begin + intended);
            seen.elapsed = ended - begin;
            seen.last_start = sent - begin;
            seen.samples[load.tasks[drawn].query].add(latency, drawn, outcome)?;
        }
    }
}

impl Load {
    fn extent_is_over(&self, now: Instant, begin: Instant) -> bool {
        match self.extent {
            Extent::Count(_) => false,
            Extent::Time(length) => now - begin >= length,
        }
    }
}

impl Outcome {
    /// Executions of all queries.
    pub(super) fn executions(&self) -> u64 {
        self.samples.iter().map(Samples::executions).sum()
    }

    /// So many executions over the time that all took.
    pub(super) fn per_second(&self, executions: u64) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| executions as f64 / seconds)
    }

    fn merge(&mut self, other: Outcome) {
        self.elapsed = self.elapsed.max(other.elapsed);
        self.last_start = self.last_start.max(other.last_start);
        self.delayed += other.delayed;
        for (mine, theirs) in self.samples.iter_mut().zip(other.samples) {
            mine.merge(theirs);
        }
    }
}
