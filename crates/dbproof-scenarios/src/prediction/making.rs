//! How the sandbox of a database is made, and its transactions are run in it.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use dbproof_analysis::transactions::History;
use dbproof_postgres::footprint::LockObserver;
use dbproof_postgres::{Address, PostgresError, catalog, connect};
use tokio::time::Instant;

use super::copied;
use super::exemplar;
use super::replay::{Counts, Replay};
use super::sandbox::{Made, MadeFrom, NotDone, SandboxLimits, Sandboxes};
use super::states::States;

/// Why the work on one database stopped.
#[derive(Debug)]
pub(super) enum Stop {
    Postgres(PostgresError),
    Time(Duration),
}

impl From<PostgresError> for Stop {
    fn from(error: PostgresError) -> Self {
        Stop::Postgres(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Postgres(error) => error.fmt(f),
            Stop::Time(limit) => write!(f, "it took longer than {} s", limit.as_secs()),
        }
    }
}

impl Sandboxes<'_> {
    /// The classes of a database that are the application's.
    pub(super) fn classes_of(&self, number: usize) -> Vec<usize> {
        let classes = self.transactions.classes.iter().enumerate();
        let of = classes
            .filter(|(_, class)| class.database as usize == number && class.migration.is_none());
        of.map(|(at, _)| at).collect()
    }

    /// Tells what could not be done.
    pub(super) fn tell(&mut self, what: &str, why: String) {
        self.not_done.push(NotDone {
            what: what.to_owned(),
            why,
        });
    }

    /// Makes the sandbox of a database that has classes.
    pub(super) async fn database(
        &mut self,
        number: usize,
        server: &Address,
        classes: &[usize],
        deadline: Instant,
    ) -> Result<(), String> {
        let history = &self.transactions.histories[number];
        if history.from_the_beginning {
            return self
                .replay_history(number, history, classes, deadline)
                .await;
        }
        let exists = self.databases.exists(&history.database).await;
        if !exists.map_err(|error| error.to_string())? {
            if let Some(stand_in) = self.stand_in.clone() {
                let from = (&stand_in, MadeFrom::Project);
                return self.copy_database(number, from, classes, deadline).await;
            }
            return Err(
                "it is not there any more, and was there before it was watched, so that it cannot be \
                 made again"
                    .to_owned(),
            );
        }
        let source = server.with_database(&history.database);
        let from = (&source, MadeFrom::Clone);
        self.copy_database(number, from, classes, deadline).await
    }

    /// Replays the history into a new database, and runs each exemplar at its place.
    async fn replay_history(
        &mut self,
        number: usize,
        history: &History,
        classes: &[usize],
        deadline: Instant,
    ) -> Result<(), String> {
        let name = format!("sandbox_{number}");
        let created = self.databases.create_default(&name).await;
        let address = created.map_err(|error| error.to_string())?;
        let mut states = States::of_history(history, classes);
        let mut replay = Replay::new(&address, self.limits);
        let done = self
            .replay_all(number, &address, &mut states, &mut replay, deadline)
            .await;
        end(&mut replay, &done).await;
        let counts = replay.counts().clone();
        self.made.push(Made {
            database: history.database.clone(),
            from: MadeFrom::History,
            statements: counts.run,
            failed: counts.failed,
        });
        self.tell_counts(&history.database, &counts);
        match done {
            Ok(at) => states.points.push((at, address)),
            Err(stop) => {
                self.tell(&history.database, format!("its replay stopped: {stop}"));
                self.tell_rest(classes);
                let dropped = self.databases.drop(&address).await;
                dropped.map_err(|error| error.to_string())?;
            }
        }
        self.states[number] = Some(states);
        Ok(())
    }

    /// Returns up to which entry the history was replayed.
    async fn replay_all(
        &mut self,
        number: usize,
        address: &Address,
        states: &mut States,
        replay: &mut Replay,
        deadline: Instant,
    ) -> Result<usize, Stop> {
        let limits = self.limits;
        let entries = &self.transactions.histories[number].entries;
        let mut order: Vec<(usize, usize)> =
            states.places.iter().map(|(c, at)| (*at, *c)).collect();
        order.sort_unstable();
        let mut observer: Option<LockObserver> = None;
        let mut at = 0;
        let nothing = BTreeSet::new();
        for (place, class) in order {
            let keeps_rows = at >= states.first;
            let replaying = replay.run(&entries[at..place], &nothing, keeps_rows);
            within(deadline, limits, replaying).await?;
            at = place;
            if states.is_point_due(at) {
                if let Some(observer) = observer.take() {
                    observer.close().await;
                }
                replay.close().await;
                let name = format!("point_{number}_{}", states.points.len());
                let copied = within(deadline, limits, self.databases.clone(address, &name)).await?;
                states.points.push((at, copied));
            }
            let session = entries.get(place).map_or(u32::MAX, |entry| entry.session);
            let reading = self.read(class, address, session, replay, &mut observer);
            within(deadline, limits, reading).await?;
        }
        let schema = async {
            let observer = observe(&mut observer, address).await?;
            catalog::schema(observer.session()).await
        };
        self.schemas[number] = Some(within(deadline, limits, schema).await?);
        if let Some(observer) = observer {
            observer.close().await;
        }
        Ok(at)
    }

    /// Copies the database, and runs each exemplar in the copy.
    async fn copy_database(
        &mut self,
        number: usize,
        (source, from): (&Address, MadeFrom),
        classes: &[usize],
        deadline: Instant,
    ) -> Result<(), String> {
        let database = self.transactions.histories[number].database.clone();
        let name = format!("copy_{number}");
        let (address, taken) = copied::copy(self.databases, source, &name).await?;
        if !taken.is_empty() {
            let taken = taken.join(", ");
            let why = format!("its copy is without what acts outside of it: {taken}");
            self.tell(&database, why);
        }
        let mut replay = Replay::new(&address, self.limits);
        let done = self
            .run_all(number, &address, classes, &mut replay, deadline)
            .await;
        end(&mut replay, &done).await;
        self.made.push(Made {
            database: database.clone(),
            from,
            statements: 0,
            failed: 0,
        });
        if let Err(stop) = done {
            self.tell(
                &database,
                format!("its transactions were not all run: {stop}"),
            );
            self.tell_rest(classes);
            // Somebody may still be at work in it, so that it cannot be copied.
            let dropped = self.databases.drop(&address).await;
            return dropped.map_err(|error| error.to_string());
        }
        self.states[number] = Some(States::of_copy(address));
        Ok(())
    }

    async fn run_all(
        &mut self,
        number: usize,
        address: &Address,
        classes: &[usize],
        replay: &mut Replay,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let limits = self.limits;
        let mut observer = None;
        for class in classes {
            let reading = self.read(*class, address, u32::MAX, replay, &mut observer);
            within(deadline, limits, reading).await?;
        }
        let schema = async {
            let observer = observe(&mut observer, address).await?;
            catalog::schema(observer.session()).await
        };
        self.schemas[number] = Some(within(deadline, limits, schema).await?);
        if let Some(observer) = observer {
            observer.close().await;
        }
        Ok(())
    }

    /// Runs an exemplar. What the server says of it is told; an error is one of a session that is lost.
    async fn read(
        &mut self,
        class: usize,
        address: &Address,
        session: u32,
        replay: &mut Replay,
        observer: &mut Option<LockObserver>,
    ) -> Result<(), PostgresError> {
        let transactions = self.transactions;
        let exemplar = &transactions.classes[class];
        if let Some(why) = exemplar::reason_against(exemplar) {
            self.tell(&exemplar.name, why);
            return Ok(());
        }
        let observer = observe(observer, address).await?;
        let number = session;
        let session = replay.session_for(number, &exemplar.settings).await?;
        match exemplar::read(observer, session, exemplar).await {
            Ok((footprint, why)) => {
                self.footprints[class] = Some(footprint);
                if let Some(why) = why {
                    self.tell(&exemplar.name, why);
                }
                replay.settle(number).await?;
            }
            Err(PostgresError::Server(error)) => {
                self.tell(&exemplar.name, format!("its locks cannot be read: {error}"));
                // Whatever is open there ends with the session.
                replay.close().await;
            }
            Err(error) => {
                // A function may have ended its session; the server itself is asked whether it is there.
                replay.abandon();
                connect(address).await?.close().await;
                self.tell(&exemplar.name, format!("its session ended: {error}"));
            }
        }
        Ok(())
    }

    fn tell_counts(&mut self, database: &str, counts: &Counts) {
        if counts.refused > 0 {
            let why = format!(
                "{} statements of its history act outside of it and were not run again",
                counts.refused
            );
            self.tell(database, why);
        }
        if counts.stopped > 0 {
            let why = format!(
                "{} statements of its history waited for a lock or took too long",
                counts.stopped
            );
            self.tell(database, why);
        }
    }

    /// The classes that were not come to.
    fn tell_rest(&mut self, classes: &[usize]) {
        let told: BTreeSet<&str> = self.not_done.iter().map(|n| n.what.as_str()).collect();
        let rest = classes
            .iter()
            .filter(|class| self.footprints[**class].is_none());
        let names = rest.map(|class| self.transactions.classes[*class].name.as_str());
        let rest: Vec<String> = names
            .filter(|name| !told.contains(name))
            .map(str::to_owned)
            .collect();
        for name in rest {
            self.tell(
                &name,
                "it was not run, because the replay stopped before it".to_owned(),
            );
        }
    }
}

async fn observe<'o>(
    observer: &'o mut Option<LockObserver>,
    address: &Address,
) -> Result<&'o mut LockObserver, PostgresError> {
    let open = match observer.take() {
        Some(open) => open,
        None => LockObserver::new(connect(address).await?).await?,
    };
    Ok(observer.insert(open))
}

/// Closes the sessions of a replay; one that was stopped may be at work for long.
async fn end<T>(replay: &mut Replay, done: &Result<T, Stop>) {
    match done {
        Ok(_) => replay.close().await,
        Err(_) => replay.abandon(),
    }
}

/// Work with a limit in time.
pub(super) async fn within<T>(
    deadline: Instant,
    limits: SandboxLimits,
    work: impl Future<Output = Result<T, PostgresError>>,
) -> Result<T, Stop> {
    match tokio::time::timeout_at(deadline, work).await {
        Ok(done) => done.map_err(Stop::from),
        Err(_) => Err(Stop::Time(limits.total)),
    }
}
