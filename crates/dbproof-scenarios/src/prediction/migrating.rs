//! A migration, run in the sandboxes as one more transaction.

use dbproof_analysis::lock_order::{Footprint, Lock, LockMode, LockObject, RelationMode};
use dbproof_analysis::transactions::TransactionClass;
use dbproof_postgres::footprint::{self, LockObserver};
use dbproof_postgres::{Address, PostgresError, Session, connect};
use tokio::time::Instant;

use super::concurrently;
use super::exemplar;
use super::making::within;
use super::sandbox::Sandboxes;

/// A migration that could not be run to its end in one database.
struct Unread {
    what: String,
    why: String,
    /// What it is about is not in this database.
    is_elsewhere: bool,
}

impl Sandboxes<'_> {
    /// Reads what each transaction of the migration locks, beginning with the schema that the database's
    /// transactions have met last. A database that has none of the migration's tables is passed over, if
    /// another one has.
    pub(super) async fn read_migrations(&mut self, deadline: Instant) {
        let mut is_read = false;
        let mut unread = Vec::new();
        for number in 0..self.states.len() {
            let classes = self.migration_of(number);
            if classes.is_empty() {
                continue;
            }
            match self.read_migration(number, &classes, deadline).await {
                Ok(()) => is_read = true,
                Err(why) => unread.push(why),
            }
        }
        for unread in unread {
            if !(is_read && unread.is_elsewhere) {
                self.tell(&unread.what, unread.why);
            }
        }
    }

    /// The classes of a database that are the migration's, in the order in which they are run.
    fn migration_of(&self, number: usize) -> Vec<usize> {
        let classes = self.transactions.classes.iter().enumerate();
        let of = classes
            .filter(|(_, class)| class.database as usize == number && class.migration.is_some());
        of.map(|(at, _)| at).collect()
    }

    async fn read_migration(
        &mut self,
        number: usize,
        classes: &[usize],
        deadline: Instant,
    ) -> Result<(), Unread> {
        let transactions = self.transactions;
        let first = &transactions.classes[classes[0]];
        let failed = |why: String| Unread {
            what: first.name.clone(),
            why,
            is_elsewhere: false,
        };
        let states = self.states[number].as_ref();
        let source = states
            .filter(|_| self.schemas[number].is_some())
            .and_then(|states| states.points.last());
        let Some((_, source)) = source else {
            let database = &transactions.histories[number].database;
            return Err(failed(format!("{database} has no sandbox to run it in")));
        };
        let name = format!("migration_{number}");
        let made = self.databases.clone(source, &name).await;
        let address = made.map_err(|error| failed(error.to_string()))?;
        let limits = self.limits;
        let reading = self.read_steps(&address, classes);
        let read = match within(deadline, limits, reading).await {
            Ok(read) => read,
            Err(stop) => Err(failed(format!("it was not run to its end: {stop}"))),
        };
        self.discard(address);
        read
    }

    /// Runs one transaction after the other: alone and rolled back, to see what it locks, then for good.
    async fn read_steps(
        &mut self,
        address: &Address,
        classes: &[usize],
    ) -> Result<Result<(), Unread>, PostgresError> {
        let mut observer = LockObserver::new(connect(address).await?).await?;
        let session = connect(address).await?;
        for at in classes {
            let class = &self.transactions.classes[*at];
            if let Some(why) = exemplar::reason_against(class) {
                return Ok(Err(Unread {
                    what: class.name.clone(),
                    why,
                    is_elsewhere: false,
                }));
            }
            self.equip(&session, class).await?;
            let read = read(&mut observer, &session, address, class).await?;
            match read {
                Ok(footprint) => self.footprints[*at] = Some(footprint),
                Err(why) => return Ok(Err(why)),
            }
        }
        observer.close().await;
        session.close().await;
        Ok(Ok(()))
    }

    async fn equip(
        &self,
        session: &Session,
        class: &TransactionClass,
    ) -> Result<(), PostgresError> {
        session.run(&self.limits.settings()).await?;
        for setting in &class.settings {
            if !super::entry::is_own_setting(&setting.sql) {
                session.run(&setting.sql).await?;
            }
        }
        Ok(())
    }

    /// Does in a database what the migration has done before its transaction `number`.
    pub(super) async fn migrate_up_to(
        &self,
        address: &Address,
        class: usize,
    ) -> Result<(), PostgresError> {
        let class = &self.transactions.classes[class];
        let Some(step) = class.migration.as_ref().filter(|step| step.number > 0) else {
            return Ok(());
        };
        let session = connect(address).await?;
        let before = self.transactions.classes.iter().filter(|other| {
            let number = other.migration.as_ref().map(|other| other.number);
            other.database == class.database && number.is_some_and(|n| n < step.number)
        });
        for class in before {
            self.equip(&session, class).await?;
            if let Err((_, error)) = apply(&session, class, None).await {
                return Err(error);
            }
        }
        session.close().await;
        Ok(())
    }
}

/// What a transaction of the migration locks; it is done for good afterwards.
async fn read(
    observer: &mut LockObserver,
    session: &Session,
    address: &Address,
    class: &TransactionClass,
) -> Result<Result<Footprint, Unread>, PostgresError> {
    let is_outside = class.migration.as_ref().is_some_and(|step| step.outside);
    let footprint = if is_outside {
        let sql = &class.statements[0].sent.sql;
        match concurrently::read(session, address, sql).await? {
            Ok(footprint) => footprint,
            Err(error) if error.server_error().is_some() => {
                return Ok(Err(unread(class, 0, &error)));
            }
            Err(error) => return Err(error),
        }
    } else {
        let statements = class.statements.iter().map(|statement| &statement.sent);
        let read = footprint::read(observer, session, None, statements).await?;
        let mut footprint = read.footprint;
        let indexes = session.texts(INDEXES).await?;
        match apply(session, class, Some((&indexes, &mut footprint))).await {
            Ok(()) => footprint,
            Err((at, error)) if error.server_error().is_some() => {
                return Ok(Err(unread(class, at, &error)));
            }
            Err((_, error)) => return Err(error),
        }
    };
    Ok(Ok(footprint))
}

fn unread(class: &TransactionClass, at: usize, error: &PostgresError) -> Unread {
    let sqlstate = error.server_error().map_or("", |error| &error.sqlstate);
    let line = class
        .statements
        .get(at)
        .and_then(|s| s.tags.as_ref()?.get("line"));
    let line = line.map_or_else(String::new, |line| format!(" (line {line})"));
    // duplicate_column, duplicate_table, duplicate_object
    let is_there = matches!(sqlstate, "42701" | "42P07" | "42710");
    let hint = if is_there {
        "; it seems to be applied already, and is looked at from the schema before it: record the trace, \
         or begin the watch, without it"
    } else {
        ""
    };
    Unread {
        what: class.name.clone(),
        why: format!(
            "its statement {}{line} fails on the schema that the application's transactions met: \
             {error}{hint}",
            at + 1
        ),
        // undefined_table, invalid_schema_name
        is_elsewhere: matches!(sqlstate, "42P01" | "3F000"),
    }
}

/// The indexes that are there.
const INDEXES: &str = "SELECT indexrelid::text FROM pg_index";

/// The indexes that this session keeps everybody from, each with its table.
const SHUT_INDEXES: &str = "\
    SELECT x.indexrelid || ' ' || format('%I.%I', n.nspname, c.relname) \
    FROM pg_locks l JOIN pg_index x ON x.indexrelid = l.relation \
    JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE l.pid = pg_backend_pid() AND l.mode = 'AccessExclusiveLock' AND l.granted \
      AND n.nspname NOT IN ('pg_catalog', 'pg_toast')";

/// Adds the tables whose indexes are kept from everybody (REINDEX): whoever reads or writes a table locks
/// all of its indexes, so that it is as if the table were. Indexes that are new are nobody's yet.
async fn add_shut_indexes(
    session: &Session,
    (before, footprint): (&[String], &mut Footprint),
    at: usize,
) -> Result<(), PostgresError> {
    for shut in session.texts(SHUT_INDEXES).await? {
        let Some((index, table)) = shut.split_once(' ') else {
            continue;
        };
        let lock = Lock {
            object: LockObject::Relation(table.to_owned()),
            mode: LockMode::Relation(RelationMode::AccessExclusive),
        };
        let mut steps = footprint.steps.iter();
        let is_known = steps.any(|step| step.locks.contains(&lock));
        if before.iter().any(|known| known == index) && !is_known {
            let step = &mut footprint.steps[at];
            // A table is locked before its indexes are.
            let is_same = |other: &Lock| other.object == lock.object;
            step.is_ordered |= step.locks.iter().all(is_same);
            step.locks.push(lock);
        }
    }
    Ok(())
}

/// Runs a transaction of the migration for good; the statement that fails, if one does. `seen`: the indexes
/// that were there before, and the footprint that is to be completed.
async fn apply(
    session: &Session,
    class: &TransactionClass,
    mut seen: Option<(&Vec<String>, &mut Footprint)>,
) -> Result<(), (usize, PostgresError)> {
    let is_outside = class.migration.as_ref().is_some_and(|step| step.outside);
    let last = class.statements.len() - 1;
    if !is_outside {
        session.run("BEGIN").await.map_err(|error| (0, error))?;
    }
    for (at, statement) in class.statements.iter().enumerate() {
        if let Err(error) = session.run(&statement.sent.sql).await {
            if !is_outside {
                session.run("ROLLBACK").await.ok();
            }
            return Err((at, error));
        }
        if let Some((before, footprint)) = &mut seen {
            let added = add_shut_indexes(session, (before, footprint), at).await;
            added.map_err(|error| (at, error))?;
        }
    }
    if !is_outside {
        session.run("COMMIT").await.map_err(|error| (last, error))?;
    }
    Ok(())
}
