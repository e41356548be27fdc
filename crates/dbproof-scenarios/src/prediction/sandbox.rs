//! Databases of dbproof's own that captured transactions are run in again: [`Sandboxes`].

use std::collections::BTreeSet;
use std::time::Duration;

use dbproof_analysis::lock_order::Footprint;
use dbproof_analysis::transactions::Transactions;
use dbproof_model::Schema;
use dbproof_postgres::{Address, Databases, PostgresError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::making::within;
use super::states::States;

/// How long replaying may take.
#[derive(Debug, Clone, Copy)]
pub struct SandboxLimits {
    /// All of [`Sandboxes::make`], and each [`Sandboxes::state_for`].
    pub total: Duration,
    /// One statement.
    pub statement: Duration,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        SandboxLimits {
            total: Duration::from_secs(60),
            statement: Duration::from_secs(10),
        }
    }
}

impl SandboxLimits {
    /// The settings of a session that replays. Nobody else is in the database, so that waiting for a lock
    /// is waiting for ever; and what a crash would lose is of no use to anybody.
    pub(super) fn settings(&self) -> String {
        format!(
            "RESET ALL; RESET ROLE; SET client_min_messages = error; SET synchronous_commit = off; \
             SET lock_timeout = '2s'; SET statement_timeout = {}",
            self.statement.as_millis()
        )
    }
}

/// Something that could not be done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// What: the name of a transaction or a database.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What the sandbox of a database was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeFrom {
    /// Everything that was done to it, done again.
    History,
    /// A copy of it as it was in the end.
    Clone,
    /// A copy of one with the schema and the rows of the project: it is not there any more.
    Project,
}

/// The sandbox of one captured database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The captured database.
    pub database: String,
    /// What its sandbox was made from.
    pub from: MadeFrom,
    /// Statements of its history that were run again.
    pub statements: u64,
    /// Those of them that failed though they had not when they were captured. That is no error by itself:
    /// not every state comes back.
    pub failed: u64,
}

/// The sandbox of each captured database, and what the exemplars lock in it.
#[derive(Debug)]
pub struct Sandboxes<'t> {
    /// What each class's exemplar locks, aligned with [`Transactions::classes`]; `None` where it could not
    /// be run, which [`Sandboxes::not_done`] tells.
    pub footprints: Vec<Option<Footprint>>,
    /// The schema of each database, by its number: as it was when the last exemplar had been run.
    pub schemas: Vec<Option<Schema>>,
    /// How each sandbox was made.
    pub made: Vec<Made>,
    /// What could not be done, and why.
    pub not_done: Vec<NotDone>,
    pub(super) transactions: &'t Transactions,
    pub(super) databases: &'t Databases,
    pub(super) limits: SandboxLimits,
    pub(super) stand_in: Option<Address>,
    /// By the number of the database.
    pub(super) states: Vec<Option<States>>,
    /// How many states were made.
    count: usize,
    /// Databases that are on their way out.
    dropping: JoinSet<Result<(), PostgresError>>,
}

impl<'t> Sandboxes<'t> {
    /// Makes a sandbox of every database that has classes of transactions, replays its history into it,
    /// and reads the footprint of each exemplar at its place.
    ///
    /// `server` is any database of the server; `databases` makes databases under the run's name.
    pub async fn make(
        databases: &'t Databases,
        server: &Address,
        transactions: &'t Transactions,
        limits: SandboxLimits,
    ) -> Self {
        Self::make_beside(databases, server, transactions, limits, None).await
    }

    /// The same where a database of the project's stands in for one that was there before it was watched
    /// and is not there any more.
    pub async fn make_beside(
        databases: &'t Databases,
        server: &Address,
        transactions: &'t Transactions,
        limits: SandboxLimits,
        stand_in: Option<&Address>,
    ) -> Self {
        let mut sandboxes = Sandboxes {
            footprints: transactions.classes.iter().map(|_| None).collect(),
            schemas: transactions.histories.iter().map(|_| None).collect(),
            made: Vec::new(),
            not_done: Vec::new(),
            transactions,
            databases,
            limits,
            stand_in: stand_in.cloned(),
            states: transactions.histories.iter().map(|_| None).collect(),
            count: 0,
            dropping: JoinSet::new(),
        };
        let deadline = Instant::now() + limits.total;
        for (number, history) in transactions.histories.iter().enumerate() {
            let classes = sandboxes.classes_of(number);
            if classes.is_empty() {
                continue;
            }
            for missing in &history.missing {
                sandboxes.tell(&history.database, missing.clone());
            }
            if let Err(why) = sandboxes.database(number, server, &classes, deadline).await {
                sandboxes.tell(&history.database, why);
            }
        }
        sandboxes.read_migrations(deadline).await;
        sandboxes
    }

    /// A new database in the state that these classes' exemplars met, without what the exemplars
    /// themselves did: the history up to the latest of their places. All of them must be of one captured
    /// database. Where one is a migration's, what the migration did before it is done as well. Whoever asks
    /// gives it back with [`Sandboxes::discard`].
    ///
    /// # Errors
    ///
    /// Why there is none, for the reader.
    pub async fn state_for(&mut self, classes: &[usize]) -> Result<Address, String> {
        let database = |class: &usize| Some(self.transactions.classes.get(*class)?.database);
        let databases: BTreeSet<Option<u32>> = classes.iter().map(database).collect();
        let number = match Vec::from_iter(databases).as_slice() {
            [Some(number)] => *number as usize,
            _ => return Err("the transactions are not of one database".to_owned()),
        };
        let is_migration = |class: &&usize| self.transactions.classes[**class].migration.is_some();
        let migration = classes.iter().find(is_migration).copied();
        let Some(Some(states)) = self.states.get_mut(number) else {
            return Err("their database has no sandbox".to_owned());
        };
        self.count += 1;
        let count = self.count;
        let entries = &self.transactions.histories[number].entries;
        let classes: BTreeSet<usize> = classes
            .iter()
            .copied()
            .filter(|class| Some(*class) != migration)
            .collect();
        let making = async {
            let name = format!("state_{count}");
            let source = states
                .of(self.databases, entries, &classes, &name, self.limits)
                .await?;
            self.databases.clone(&source, &format!("try_{count}")).await
        };
        let deadline = Instant::now() + self.limits.total;
        let mut made = within(deadline, self.limits, making).await;
        if let (Ok(address), Some(migration)) = (&made, migration) {
            let migrating = self.migrate_up_to(address, migration);
            let migrated = within(deadline, self.limits, migrating).await;
            made = migrated.and(made);
        }
        match made {
            Ok(made) => Ok(made),
            Err(stop) => {
                for name in ["state", "try"] {
                    let unfinished = self.databases.address(&format!("{name}_{count}"));
                    if let Some(Some(states)) = self.states.get_mut(number) {
                        states.forget(&unfinished);
                    }
                    let dropped = self.databases.drop(&unfinished).await;
                    dropped.map_err(|error| error.to_string())?;
                }
                Err(format!(
                    "the state before them cannot be made again: {stop}"
                ))
            }
        }
    }

    /// Drops a database that [`Sandboxes::state_for`] has made, whoever is connected to it. That takes the
    /// server some tenths of a second, which are not waited for: [`Sandboxes::close`] does.
    pub fn discard(&mut self, state: Address) {
        // `Databases::clone` copies a database.
        let databases = Clone::clone(self.databases);
        self.dropping
            .spawn(async move { databases.drop(&state).await });
    }

    /// Drops all sandboxes.
    ///
    /// # Errors
    ///
    /// Why one of them is still there, for the reader. It goes with the run's databases then.
    pub async fn close(mut self) -> Result<(), String> {
        let kept: Vec<Address> = self
            .states
            .iter()
            .flatten()
            .flat_map(States::all)
            .cloned()
            .collect();
        for address in kept {
            self.discard(address);
        }
        let dropped = self.dropping.join_all().await;
        let dropped: Result<Vec<()>, PostgresError> = dropped.into_iter().collect();
        dropped.map(|_| ()).map_err(|error| error.to_string())
    }
}
