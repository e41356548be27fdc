//! What is the same for all executions of one statement with one result shape: [`Reading`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::identity::{ColumnId, Identity};
use super::learned::Learned;
use crate::sql::{ComparedColumn, Comparison, ParsedSlot, SlotKind, StatementKind};
use crate::traffic::{Executed, ResultShape, Statement};

/// The tables in which tools keep what they have done: what they ask of them is no doing of the
/// application's.
const BOOKKEEPING: &[&str] = &[
    "__diesel_schema_migrations",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "auth_permission",
    "databasechangelog",
    "databasechangeloglock",
    "django_content_type",
    "django_migrations",
    "flyway_schema_history",
    "goose_db_version",
    "knex_migrations",
    "knex_migrations_lock",
    "schema_migrations",
    "seaql_migrations",
    "sequelizemeta",
];

/// Readings are forgotten, all at once, when there are more than this.
const MOST_READINGS: usize = 20_000;

/// A statement in a database, and the columns of its results, read for detection.
#[derive(Debug)]
pub(super) struct Reading {
    /// Counted through; never used again for another one.
    pub(super) number: u32,
    pub(super) statement: Arc<Statement>,
    pub(super) shape: Option<Arc<ResultShape>>,
    pub(super) database: u32,
    /// The number of its text without values, in its database.
    pub(super) template: u32,
    pub(super) control: Control,
    /// Whether it touches the application's own relations, and not only the server's catalogs and the
    /// bookkeeping of tools.
    pub(super) is_application: bool,
    /// The values that single out rows: compared with `=`, also to what a function makes of a column, which
    /// nothing identifies then; or inserted. A list of one element is
    /// `=` in another spelling; longer lists are batches, and single out nothing.
    pub(super) keys: Box<[Key]>,
    /// Values that a column is held against with `<` and its like.
    pub(super) ranges: Box<[Key]>,
    /// The positions of LIMIT and OFFSET, of inserted and of assigned values.
    pub(super) windows: Box<[usize]>,
    pub(super) inserted: Box<[usize]>,
    pub(super) assigned: Box<[usize]>,
    /// Whether it inserts several rows.
    pub(super) is_batch: bool,
    /// Whether rows that others hold are left out, as queues of work are read.
    pub(super) skips_locked: bool,
}

/// A position, and the slot that stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) position: usize,
    slot: usize,
}

/// What a statement does to the unit of work that it is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Control {
    None,
    /// `SAVEPOINT name`.
    Savepoint(Box<str>),
    /// `ROLLBACK TO name`.
    RollbackTo(Box<str>),
    /// `COMMIT`, `ROLLBACK` and their like.
    End,
    /// `TRUNCATE`, which nobody does within a request, but many test suites do after each test.
    Truncate,
}

impl Reading {
    fn of(executed: &Executed, number: u32, template: u32) -> Self {
        let statement = Arc::clone(&executed.statement);
        let parsed = statement.parsed();
        let slots = &parsed.slots;
        let positions = |wanted: &[SlotKind]| -> Box<[usize]> {
            let mut at: Vec<usize> = slots
                .iter()
                .filter(|slot| wanted.contains(&slot.kind))
                .map(|slot| slot.position)
                .collect();
            at.dedup();
            at.into()
        };
        let keys = |is_one: fn(&ParsedSlot) -> bool| -> Box<[Key]> {
            let chosen = slots.iter().enumerate().filter(|(_, slot)| is_one(slot));
            chosen
                .map(|(slot, of)| Key {
                    position: of.position,
                    slot,
                })
                .collect()
        };
        let has = |name: &str| parsed.shape.contains(name);
        let is_application = parsed.kind != StatementKind::Other
            && parsed.relations.iter().any(|relation| {
                let schema = relation.schema.as_deref();
                !relation.name.starts_with("pg_")
                    && !BOOKKEEPING.contains(&relation.name.to_ascii_lowercase().as_str())
                    && !matches!(schema, Some("pg_catalog" | "information_schema"))
            });
        Self {
            number,
            template,
            database: executed.database,
            shape: executed.result.as_ref().map(|r| Arc::clone(&r.shape)),
            control: Control::of(&parsed.shape, parsed.kind),
            is_application,
            keys: keys(is_key),
            ranges: keys(is_range),
            windows: positions(&[SlotKind::Limit, SlotKind::Offset]),
            inserted: positions(&[SlotKind::Inserted]),
            assigned: positions(&[SlotKind::Assigned]),
            is_batch: slots
                .iter()
                .any(|s| s.kind == SlotKind::Inserted && !s.alone),
            skips_locked: has("skip locked"),
            statement,
        }
    }

    /// The column that a key is compared with or written to.
    pub(super) fn column(&self, key: Key) -> Option<&ComparedColumn> {
        self.statement.parsed().slots[key.slot].compared.as_ref()
    }

    /// The key at a position.
    pub(super) fn key_at(&self, position: usize) -> Option<Key> {
        self.keys
            .iter()
            .copied()
            .find(|key| key.position == position)
    }

    pub(super) fn is_write(&self) -> bool {
        use StatementKind::{Delete, Insert, Update};
        matches!(self.statement.kind(), Insert | Update | Delete)
    }

    pub(super) fn is_insert(&self) -> bool {
        self.statement.kind() == StatementKind::Insert
    }

    /// Whether both name a relation of the same name.
    pub(super) fn touches_same(&self, other: &Reading) -> bool {
        let others = &other.statement.parsed().relations;
        let mine = &self.statement.parsed().relations;
        mine.iter().any(|m| others.iter().any(|o| o.name == m.name))
    }
}

fn is_key(slot: &ParsedSlot) -> bool {
    let is_key = match slot.kind {
        SlotKind::Value => true,
        SlotKind::Element | SlotKind::Inserted => slot.alone,
        _ => false,
    };
    let compares = slot
        .compared
        .as_ref()
        .is_some_and(|c| c.comparison == Comparison::Equal || slot.kind == SlotKind::Inserted);
    is_key && (compares || slot.with_call)
}

fn is_range(slot: &ParsedSlot) -> bool {
    let compared = slot.compared.as_ref();
    slot.kind == SlotKind::Value && compared.is_some_and(|c| c.comparison == Comparison::Range)
}

impl Control {
    fn of(shape: &str, kind: StatementKind) -> Self {
        if kind != StatementKind::Other {
            return Control::None;
        }
        let mut words = shape.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        let rest: Vec<&str> = words
            .filter(|w| !matches!(*w, "work" | "transaction"))
            .collect();
        let name = |name: &&str| Box::from(name.trim_matches('"'));
        match (first, rest.as_slice()) {
            ("savepoint", [savepoint]) => Control::Savepoint(name(savepoint)),
            ("rollback", ["to", "savepoint", savepoint] | ["to", savepoint]) => {
                Control::RollbackTo(name(savepoint))
            }
            ("commit" | "rollback" | "end" | "abort", _) => Control::End,
            ("truncate", _) => Control::Truncate,
            _ => Control::None,
        }
    }
}

/// The readings of the statements that were seen.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// By the address of the statement, which the readings keep alive, and the database.
    known: FxHashMap<(usize, u32), Vec<Arc<Reading>>>,
    templates: FxHashMap<u32, FxHashMap<Box<str>, u32>>,
    count: usize,
    next: u32,
    next_template: u32,
}

impl Readings {
    /// The reading of an execution; a new one tells `identity` what it knows of relations.
    pub(super) fn of(&mut self, executed: &Executed, identity: &mut Identity) -> Arc<Reading> {
        let address = Arc::as_ptr(&executed.statement) as usize;
        let shape = executed.result.as_ref().map(|result| &result.shape);
        let known = self.known.get(&(address, executed.database));
        for reading in known.into_iter().flatten() {
            let is_it = match (&reading.shape, shape) {
                (Some(known), Some(shape)) => Arc::ptr_eq(known, shape) || known == shape,
                (None, None) => true,
                _ => false,
            };
            if is_it {
                return Arc::clone(reading);
            }
        }
        self.read(executed, address, identity)
    }

    fn read(
        &mut self,
        executed: &Executed,
        address: usize,
        identity: &mut Identity,
    ) -> Arc<Reading> {
        if self.count >= MOST_READINGS {
            self.known.clear();
            self.templates.clear();
            self.count = 0;
        }
        let database = executed.database;
        let templates = self.templates.entry(database).or_default();
        let template = *templates
            .entry(executed.statement.shape().into())
            .or_insert_with(|| {
                self.next_template = self.next_template.wrapping_add(1);
                self.next_template
            });
        self.count += 1;
        self.next = self.next.wrapping_add(1);
        let reading = Arc::new(Reading::of(executed, self.next, template));
        if let Some(shape) = &reading.shape {
            identity.note(database, shape);
            if let Some(learned) = Learned::of(&reading.statement, shape) {
                identity.learn(database, learned);
            }
        }
        let alike = self.known.entry((address, database)).or_default();
        alike.push(Arc::clone(&reading));
        reading
    }
}

/// A reading with its columns found in the catalog as it is known now.
#[derive(Debug)]
pub(super) struct Resolved {
    /// Of each of [`Reading::keys`]: the columns that it is alike to, and all that foreign keys lead
    /// to from there.
    pub(super) keys: Box<[Box<[ColumnId]>]>,
    /// Of each of [`Reading::ranges`]: the columns that it can be.
    pub(super) ranges: Box<[Box<[ColumnId]>]>,
    /// Of each hashed column of the result, where it comes from.
    pub(super) results: Box<[Option<ResolvedColumn>]>,
}

/// A result's column, and all that foreign keys lead to from there.
#[derive(Debug)]
pub(super) struct ResolvedColumn {
    pub(super) column: ColumnId,
    pub(super) closure: Box<[ColumnId]>,
    /// Whether its values single out rows. Others, such as a status, can agree by chance.
    pub(super) is_key: bool,
}

impl ResolvedColumn {
    /// Whether values of the column can be values of a key.
    pub(super) fn is_alike(&self, key: &[ColumnId]) -> bool {
        self.closure.iter().any(|column| key.contains(column))
    }
}

impl Resolved {
    fn of(reading: &Reading, identity: &mut Identity) -> Self {
        let shape = reading.shape.as_deref();
        let mut compared = |key: &Key| match reading.column(*key) {
            Some(column) => identity.compared(reading.database, column, shape),
            None => Vec::new(),
        };
        let keys: Vec<_> = reading.keys.iter().map(&mut compared).collect();
        let ranges: Vec<_> = reading.ranges.iter().map(&mut compared).collect();
        let hashed = shape
            .map(|shape| shape.hashed.as_slice())
            .unwrap_or_default();
        let results = hashed.iter().map(|at| {
            let column = shape?.columns.get(usize::from(*at))?;
            let column = identity.result(reading.database, column)?;
            let closure = identity.closure(&[column]);
            Some(ResolvedColumn {
                column,
                closure,
                is_key: identity.is_key(column),
            })
        });
        let results = results.collect();
        Self {
            keys: keys
                .iter()
                .map(|columns| identity.closure(columns))
                .collect(),
            ranges: ranges.into_iter().map(Into::into).collect(),
            results,
        }
    }
}

/// Readings resolved by one state of the catalog.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    known: FxHashMap<u32, Arc<Resolved>>,
    generation: u64,
}

impl Resolver {
    /// The reading, resolved by what is known now.
    pub(super) fn of(&mut self, reading: &Reading, identity: &mut Identity) -> Arc<Resolved> {
        if self.generation != identity.generation() || self.known.len() >= MOST_READINGS {
            self.known.clear();
            self.generation = identity.generation();
        }
        let resolved = self.known.entry(reading.number);
        Arc::clone(resolved.or_insert_with(|| Arc::new(Resolved::of(reading, identity))))
    }
}
