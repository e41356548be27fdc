//! How a migration was applied, what it locked and whom that blocks: [`MigrationRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deadlock::Durations;

/// How a migration was applied to the `after` twin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationRecord {
    /// Wall time of all statements, in milliseconds.
    pub duration_ms: f64,
    /// Write-ahead log written, in bytes.
    pub wal_bytes: Option<u64>,
    /// Its statements in order.
    pub statements: Vec<MigrationStatement>,
    /// Relations that it locked, rewrote, read or wrote, other than the system's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<MigratedRelation>,
    /// How often a second session looked at the locks of the migrating one.
    #[serde(default)]
    pub sampling: Option<LockSampling>,
    /// Indexes that are invalid after the migration and were not before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid_indexes: Vec<InvalidIndex>,
    /// What locks are held against.
    #[serde(default)]
    pub limits: Option<LockLimits>,
    /// What is to be known about how it was applied, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it blocked while others were at work; absent without `--with-traffic`.
    #[serde(default)]
    pub traffic: Option<MigrationTraffic>,
}

/// One statement of a migration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationStatement {
    /// The file that it stands in.
    #[serde(default)]
    pub file: Option<String>,
    /// The statement.
    pub sql: String,
    /// Wall time, in milliseconds.
    pub duration_ms: f64,
    /// Locks that it took on the project's relations, as `relation: mode`, strongest first.
    pub locks: Vec<String>,
    /// The line of the file that it begins on, counted from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// The transaction that it ran in, counted from 1 over the whole migration; absent where it ran
    /// outside of one, and in records of earlier versions.
    #[serde(default)]
    pub transaction: Option<u32>,
    /// `lock_timeout` as it was when the statement began, in milliseconds; 0 waits for ever.
    #[serde(default)]
    pub lock_timeout_ms: Option<f64>,
    /// The most expensive kind of work that was seen; absent where that cannot be told.
    #[serde(default)]
    pub work: Option<MigrationWork>,
    /// Write-ahead log written by this statement, in bytes.
    #[serde(default)]
    pub wal_bytes: Option<u64>,
    /// How often the second session looked while it ran. With 0, what is shorter than the interval of
    /// [`LockSampling`] was seen by the migrating session alone, at the statement's end.
    #[serde(default)]
    pub samples: u64,
    /// The locks that it took, with their times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lock_details: Vec<StatementLock>,
    /// Tables and materialized views that it wrote anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrites: Vec<Rewrite>,
    /// Rows that it read by scanning and wrote, by relation. Counted inside of transactions alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowsTouched>,
    /// Indexes that it built on relations that were there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub built_indexes: Vec<BuiltIndex>,
    /// How long it waited for other transactions to end, as `CREATE INDEX CONCURRENTLY` does, in
    /// milliseconds; absent where no sample saw it wait.
    #[serde(default)]
    pub waited_for_transactions_ms: Option<f64>,
}

/// A lock that a statement took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementLock {
    /// The relation, as in [`MigratedRelation::name`].
    pub relation: String,
    /// The mode by its name in `pg_locks`, such as `AccessExclusiveLock`.
    pub mode: String,
    /// Whether the relation's name stands in the statement. Where it does not, the lock is on the other
    /// side of a foreign key, a partition, a sequence, an index, …
    pub named: bool,
    /// How long it was waited for, in milliseconds; absent where no sample saw it wait.
    pub queued_ms: Option<f64>,
    /// From when it was first seen as granted to the end of the transaction, in milliseconds on the
    /// clock of the statements. Where it was not `sampled`, from the statement's beginning, so that it
    /// was held no longer than this.
    pub held_ms: f64,
    /// Whether the second session saw it being held. If not, it was read by the migrating session at
    /// the statement's end.
    pub sampled: bool,
    /// Whether it was still held when the statement was over; others were let go within it.
    pub until_commit: bool,
}

/// The kinds of work that a statement does while it holds its locks, from the least to the most.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationWork {
    /// The catalog alone, whatever the number of rows.
    Catalog,
    /// Relations are read, such as to validate a constraint.
    Scan,
    /// Rows are inserted, updated or deleted.
    Rows,
    /// An index is built.
    Index,
    /// A table is written anew, with its indexes.
    Rewrite,
}

impl MigrationWork {
    /// The kind as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MigrationWork::Catalog => "catalog",
            MigrationWork::Scan => "scan",
            MigrationWork::Rows => "rows",
            MigrationWork::Index => "index",
            MigrationWork::Rewrite => "rewrite",
        }
    }
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    /// A table, also a partition.
    Table,
    /// A partitioned table.
    PartitionedTable,
    /// An index, also a partitioned one.
    Index,
    /// A sequence.
    Sequence,
    /// A materialized view.
    MaterializedView,
    /// A view, a foreign table, a composite type.
    Other,
}

impl RelationKind {
    /// The kind as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::PartitionedTable => "partitioned-table",
            RelationKind::Index => "index",
            RelationKind::Sequence => "sequence",
            RelationKind::MaterializedView => "materialized-view",
            RelationKind::Other => "other",
        }
    }
}

/// A relation that a migration had to do with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigratedRelation {
    /// Its name, with the schema where that is not `public`.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// The table of an index or a sequence, the partitioned table of a partition.
    pub of: Option<String>,
    /// Rows before the migration, by the planner's statistics; absent where it has none.
    pub rows: Option<u64>,
    /// Size before the migration with indexes and TOAST, in bytes; absent where it was not there.
    pub bytes: Option<u64>,
    /// Whether the migration itself has made it, so that nobody else can wait for it.
    pub made_here: bool,
    /// Monitored queries that write to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_by: Vec<String>,
}

/// How often the locks of the migrating session were looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LockSampling {
    /// Looks in all.
    pub samples: u64,
    /// The pause between two looks that was asked for, in milliseconds.
    pub asked_ms: f64,
    /// From one look's answer to the next one's, as achieved, in milliseconds.
    pub interval_ms: Durations,
}

/// An index that is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvalidIndex {
    /// The index.
    pub index: String,
    /// Its table.
    pub relation: String,
    /// Whether it is on a partitioned table, where it becomes valid once every partition's index is
    /// attached.
    pub partitioned: bool,
}

/// What the locks of a migration are held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LockLimits {
    /// `[regress] lock_limit_ms`: a strong lock may be held so long, in milliseconds.
    pub held_ms: f64,
    /// `[regress] lock_rows`: a table with so many rows is large.
    pub rows: u64,
}

/// A table that was written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rewrite {
    /// The relation, as in [`MigratedRelation::name`].
    pub relation: String,
    /// Its file's number before.
    pub from_filenode: u32,
    /// Its file's number after.
    pub to_filenode: u32,
    /// Whether its TOAST table was written anew too; absent where it has none.
    pub toast: Option<bool>,
}

/// Rows that a statement had to do with, in one relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowsTouched {
    /// The relation, as in [`MigratedRelation::name`].
    pub relation: String,
    /// Rows read by scanning the table.
    pub read: u64,
    /// Rows inserted, updated and deleted.
    pub written: u64,
}

/// An index that was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltIndex {
    /// The index.
    pub index: String,
    /// Its table, as in [`MigratedRelation::name`].
    pub relation: String,
    /// Its definition, as the server gives it; absent where it is gone again.
    pub definition: Option<String>,
    /// Whether a constraint rests on it.
    pub constraint: bool,
}

/// What a migration blocked while others were at work.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MigrationTraffic {
    /// Executions a second that each probe was to begin.
    pub rate_per_s: f64,
    /// How long the transaction in front stayed open once the migration waited for it, in milliseconds.
    pub in_front_ms: f64,
    /// The `lock_timeout` of the pass that has one, in milliseconds.
    pub lock_timeout_ms: f64,
    /// Once alone, once behind a long transaction, and once behind it with a `lock_timeout`; each on a
    /// clone of its own.
    pub passes: Vec<TrafficPass>,
}

/// The migration once more, beside other sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficPass {
    /// `alone`, `behind a long transaction`, `with lock_timeout`.
    pub name: String,
    /// Whether a long transaction stood in front.
    pub in_front: bool,
    /// Whether `lock_timeout` was set, and the migration tried again.
    pub retried: bool,
    /// Whether it was applied in the end.
    pub applied: bool,
    /// How often a transaction of it was begun, or a statement outside of one.
    pub attempts: u64,
    /// From its first statement to its end, in milliseconds, with the pauses between attempts.
    pub duration_ms: f64,
    /// How long it was seen to wait for the transaction in front, in milliseconds.
    pub waited_ms: Option<f64>,
    /// What the server refused, once each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// What others saw meanwhile.
    pub probes: Vec<TrafficProbe>,
}

/// What a probe does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// Reads a row of a relation.
    Read,
    /// Writes to a relation, and rolls back.
    Write,
    /// Executes a monitored query.
    Query,
}

impl ProbeKind {
    /// The kind as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProbeKind::Read => "read",
            ProbeKind::Write => "write",
            ProbeKind::Query => "query",
        }
    }
}

/// What one probe saw. Latency counts from the intended start of each execution, so that what queues
/// behind a blocked one is counted too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficProbe {
    /// What it does.
    pub kind: ProbeKind,
    /// The relation, or the name of the query.
    pub subject: String,
    /// What it executes, without values.
    pub sql: String,
    /// Before the migration, in the same run.
    pub baseline_ms: Durations,
    /// While it was applied: every execution that was due or under way in that time.
    pub during_ms: Durations,
    /// The longest of `during_ms` minus the longest of `baseline_ms`, in milliseconds; it can be below 0
    /// by chance.
    pub excess_max_ms: Option<f64>,
    /// The same of the 95th percentiles.
    pub excess_p95_ms: Option<f64>,
    /// Executions that the server refused in that time.
    pub errors: u64,
    /// The first of those errors.
    pub error: Option<String>,
}
