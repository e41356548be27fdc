//! Whom a migration blocks: it is applied again while others are at work, [`measure`].
//!
//! Three passes, each on a clone of the base: alone; behind a transaction that stays open for a second,
//! as a report or a dump does; and behind one again with `lock_timeout` and further attempts. In each,
//! probes begin at a fixed rate, whether or not earlier ones are over, first without the migration and
//! then beside it.
//!
//! * `probes`: what is executed: reads and writes of the locked tables, and the project's own queries.
//! * `crew`: the connections that execute it.
//! * `in_front`: the transaction that the migration has to wait for.

mod crew;
mod in_front;
mod probes;

use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::RelationMode;
use dbproof_model::{MigrationRecord, MigrationTraffic, RelationKind, TrafficPass, TrafficProbe};
use dbproof_postgres::migration::{Attempts, Retry, apply_as_deployed};
use dbproof_postgres::{Address, PostgresError, Session, connect};

use super::applied::{Prepared, set_lock_timeout};
use crate::environment::Environment;
use crate::error::RunError;
use crate::options::RunOptions;
use crate::project::MonitoredQuery;
use crate::project::config::RegressConfig;
use crew::{Crew, Execution};
use in_front::InFront;
use probes::Probe;

/// How long the probes run without the migration.
const BASELINE: Duration = Duration::from_secs(1);

/// The `lock_timeout` of the last pass where the project names none. Nobody waits longer than that for
/// the migration's turn; a pool that is a hundred requests a second busy loses ten connections to it.
const LOCK_TIMEOUT_MS: f64 = 100.0;

/// Attempts of each transaction.
const ATTEMPTS: u32 = 50;

/// A transaction is tried for so long; the one in front is there for a second of it.
const GIVE_UP: Duration = Duration::from_secs(20);

/// So many tables are probed at the most, those with the most rows; each takes two connections.
const MOST_TABLES: usize = 5;

/// A table that the migration keeps others from.
#[derive(Debug, Clone)]
struct LockedTable {
    name: String,
    kind: RelationKind,
    mode: RelationMode,
    rows: u64,
}

/// Applies the migration beside others, and adds to its record what they waited.
pub(super) async fn measure(
    options: &RunOptions,
    environment: &Environment,
    base: &Address,
    (prepared, queries): (&[Prepared<'_>], &[MonitoredQuery]),
    record: &mut MigrationRecord,
) -> Result<(), RunError> {
    let config = &options.project.config.regress;
    let mut tables = locked_tables(record);
    if tables.is_empty() {
        let told = "with traffic: nothing that others use was seen to be locked against writes, so \
                    nothing was to be measured";
        record.notes.push(told.to_owned());
        return Ok(());
    }
    if tables.len() > MOST_TABLES {
        let left: Vec<&str> = tables[MOST_TABLES..]
            .iter()
            .map(|t| t.name.as_str())
            .collect();
        record.notes.push(format!(
            "with traffic: not probed were {}, which have fewer rows than the other tables",
            left.join(", ")
        ));
        tables.truncate(MOST_TABLES);
    }
    let setting = Setting {
        options,
        environment,
        base,
        prepared,
        queries,
        tables: &tables,
        expected: Duration::from_secs_f64(record.duration_ms / 1000.0),
    };
    let mut passes = Vec::new();
    for (name, in_front, retried) in [
        ("alone", false, false),
        ("behind a long transaction", true, false),
        ("with lock_timeout", true, true),
    ] {
        passes.push(setting.pass(name, in_front, retried).await?);
    }
    record.traffic = Some(MigrationTraffic {
        rate_per_s: config.traffic_rate,
        in_front_ms: in_front::OPEN_FOR.as_secs_f64() * 1000.0,
        lock_timeout_ms: lock_timeout_ms(config),
        passes,
    });
    Ok(())
}

fn lock_timeout_ms(config: &RegressConfig) -> f64 {
    config.lock_timeout_ms.unwrap_or(LOCK_TIMEOUT_MS)
}

/// Tables that were there before and were locked against writes at least, with the strongest mode; a
/// partition only where its partitioned table was not.
fn locked_tables(record: &MigrationRecord) -> Vec<LockedTable> {
    let mut tables: Vec<LockedTable> = Vec::new();
    let locks = record.statements.iter().flat_map(|s| &s.lock_details);
    for lock in locks {
        let mode = RelationMode::from_pg_locks(&lock.mode);
        let Some(mode) = mode.filter(|mode| *mode >= RelationMode::Share) else {
            continue;
        };
        let relation = record.relations.iter().find(|r| r.name == lock.relation);
        let table = relation.filter(|relation| {
            !relation.made_here
                && matches!(
                    relation.kind,
                    RelationKind::Table
                        | RelationKind::PartitionedTable
                        | RelationKind::MaterializedView
                )
        });
        let Some(table) = table else { continue };
        match tables.iter_mut().find(|known| known.name == table.name) {
            Some(known) => known.mode = known.mode.max(mode),
            None => tables.push(LockedTable {
                name: table.name.clone(),
                kind: table.kind,
                mode,
                rows: table.rows.unwrap_or(0),
            }),
        }
    }
    let of = |name: &str| record.relations.iter().find(|r| r.name == name)?.of.clone();
    let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    tables.retain(|table| of(&table.name).is_none_or(|parent| !names.contains(&parent)));
    tables.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.name.cmp(&b.name)));
    tables
}

/// What is the same in all passes.
struct Setting<'a> {
    options: &'a RunOptions,
    environment: &'a Environment,
    base: &'a Address,
    prepared: &'a [Prepared<'a>],
    queries: &'a [MonitoredQuery],
    tables: &'a [LockedTable],
    /// How long the migration took when nobody else was there.
    expected: Duration,
}

impl Setting<'_> {
    async fn pass(
        &self,
        name: &str,
        in_front: bool,
        retried: bool,
    ) -> Result<TrafficPass, RunError> {
        let databases = self.environment.databases();
        let clone = databases.clone(self.base, "traffic").await?;
        let session = connect(&clone).await?;
        let probes = probes::choose(self.options, &session, self.tables, self.queries).await?;
        let config = &self.options.project.config.regress;
        let longest = BASELINE + self.expected * 4 + Duration::from_secs(60);
        let seed = self.options.seed;
        let crew = Crew::assemble(&clone, probes, (config.traffic_rate, longest), seed).await?;
        let crew = crew.begin();
        wait(BASELINE).await;
        let front = if in_front {
            Some(InFront::open(&clone, self.tables).await?)
        } else {
            None
        };
        let (began, clock) = (crew.now(), Instant::now());
        let (attempts, waited) = self.migrate(&session, front, retried).await?;
        let (duration, ended) = (clock.elapsed(), crew.now());
        session.close().await;
        let mut errors = attempts.errors;
        if ended > longest {
            errors.push("the probes ended before the migration did".to_owned());
        }
        errors.dedup();
        let watched = crew.finish().await?;
        databases.drop(&clone).await?;
        let probes = watched.into_iter();
        Ok(TrafficPass {
            name: name.to_owned(),
            in_front,
            retried,
            applied: attempts.applied,
            attempts: attempts.attempts,
            duration_ms: duration.as_secs_f64() * 1000.0,
            waited_ms: waited.map(|waited| waited.as_secs_f64() * 1000.0),
            errors,
            probes: probes
                .map(|(probe, executions)| seen(&probe, &executions, (began, ended)))
                .collect(),
        })
    }

    /// Applies the migration, with the transaction in front ending once it was waited for.
    async fn migrate(
        &self,
        session: &Session,
        front: Option<InFront>,
        retried: bool,
    ) -> Result<(Attempts, Option<Duration>), PostgresError> {
        let pid = session.backend_pid().await?;
        let migration = self.apply(session, retried);
        match front {
            None => Ok((migration.await?, None)),
            Some(front) => front.until_waited_for(pid, migration).await,
        }
    }

    async fn apply(&self, session: &Session, retried: bool) -> Result<Attempts, PostgresError> {
        let config = &self.options.project.config.regress;
        let retry = retried.then(|| Retry {
            lock_timeout_ms: lock_timeout_ms(config),
            attempts: ATTEMPTS,
            within: GIVE_UP,
        });
        if let Some(timeout) = set_lock_timeout(config) {
            session.run(&timeout).await?;
        }
        let mut all = Attempts::default();
        for file in self.prepared {
            let texts = file.texts();
            let done = apply_as_deployed(session, &texts, file.transactions, retry).await?;
            all.attempts += done.attempts;
            all.errors.extend(done.errors);
            all.applied = done.applied;
            if !done.applied {
                break;
            }
        }
        Ok(all)
    }
}

/// Waits for a time, which is what a baseline is made of.
async fn wait(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is waited for is a time: so long others are at work undisturbed, or a \
                  transaction stays open"
    )]
    tokio::time::sleep(length).await;
}

/// What a probe saw before and beside the migration.
fn seen(
    probe: &Probe,
    executions: &[Execution],
    (began, ended): (Duration, Duration),
) -> TrafficProbe {
    let latencies = |within: &dyn Fn(&Execution) -> bool| -> Vec<f64> {
        let executions = executions.iter().filter(|e| within(e) && e.error.is_none());
        executions
            .map(|e| e.ended.saturating_sub(e.intended).as_secs_f64() * 1000.0)
            .collect()
    };
    let beside = |e: &Execution| e.intended < ended && e.ended > began;
    let baseline_ms = dbproof_analysis::latency::durations(&latencies(&|e| e.ended <= began));
    let during_ms = dbproof_analysis::latency::durations(&latencies(&beside));
    let errors: Vec<&String> = executions
        .iter()
        .filter(|e| beside(e))
        .filter_map(|e| e.error.as_ref())
        .collect();
    let more = |during: Option<f64>, before: Option<f64>| Some(during? - before?);
    TrafficProbe {
        kind: probe.kind,
        subject: probe.subject.clone(),
        sql: probe.told.clone(),
        excess_max_ms: more(during_ms.max, baseline_ms.max),
        excess_p95_ms: more(during_ms.p95, baseline_ms.p95),
        baseline_ms,
        during_ms,
        errors: errors.len() as u64,
        error: errors.first().map(|error| (*error).clone()),
    }
}
