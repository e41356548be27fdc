//! How a migration was applied, what it locked, and what others waited.

use dbproof_model::{
    Durations, LockSampling, MigratedRelation, MigrationRecord, MigrationStatement,
    MigrationTraffic, RelationKind, StatementLock, TrafficPass, TrafficProbe,
};

use crate::document::{Align, Block, Cell, Table, Tone};
use crate::figures;

/// What is said about a migration.
pub(crate) fn blocks(migration: &MigrationRecord) -> Vec<Block> {
    let wal = migration
        .wal_bytes
        .map(|bytes| format!(", {} of WAL", figures::bytes(bytes)));
    let mut blocks = vec![Block::Heading(vec![Cell::plain(format!(
        "Migration: {}{}",
        figures::span(migration.duration_ms),
        wal.unwrap_or_default()
    ))])];
    let notes = migration.notes.iter();
    blocks.extend(notes.map(|note| Block::Item(vec![Cell::plain(note)])));
    if !migration.statements.is_empty() {
        blocks.push(Block::Table(statements(migration)));
    }
    let locks = kept_out(migration);
    if !locks.is_empty() {
        blocks.push(Block::Table(locks_table(&locks)));
    }
    if let Some(sampling) = &migration.sampling {
        blocks.push(Block::Line(vec![Cell::plain(sampled(sampling))]));
    }
    if let Some(traffic) = &migration.traffic {
        push_traffic(&mut blocks, traffic);
    }
    blocks
}

fn statements(migration: &MigrationRecord) -> Table {
    let mut columns = vec![("statement", Align::Left), ("locks", Align::Left)];
    let has_work = migration.statements.iter().any(|s| s.work.is_some());
    if has_work {
        columns.extend([("work", Align::Left), ("rows", Align::Right)]);
    }
    columns.push(("ms", Align::Right));
    let mut pairs = migration.statements.windows(2);
    let several_files = pairs.any(|pair| pair[0].file != pair[1].file);
    if several_files {
        columns.insert(0, ("file", Align::Left));
    }
    let mut table = Table::new(&columns);
    let row = |statement: &MigrationStatement| {
        let mut cells = vec![
            Cell::code(&statement.sql),
            Cell::plain(locks(migration, statement)),
        ];
        if has_work {
            let work = statement.work.map_or(figures::ABSENT, |w| w.as_str());
            cells.extend([Cell::plain(work), Cell::plain(rows(statement))]);
        }
        cells.push(Cell::plain(figures::ms(statement.duration_ms)));
        if several_files {
            let file = statement.file.as_deref().unwrap_or(figures::ABSENT);
            cells.insert(0, Cell::plain(file));
        }
        cells
    };
    table.rows = migration.statements.iter().map(row).collect();
    table
}

/// The locks on tables, the strongest of each; in records of earlier versions, all that there are.
fn locks(migration: &MigrationRecord, statement: &MigrationStatement) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut tables: Vec<&str> = Vec::new();
    for lock in &statement.lock_details {
        let table = relation(migration, &lock.relation).is_some_and(is_a_table);
        if table && !tables.contains(&lock.relation.as_str()) {
            tables.push(&lock.relation);
            told.push(format!("{}: {}", lock.relation, lock.mode));
        }
    }
    if statement.lock_details.is_empty() {
        told.clone_from(&statement.locks);
    }
    if told.is_empty() {
        figures::ABSENT.to_owned()
    } else {
        told.join(", ")
    }
}

/// Rows read or written, whichever are more.
fn rows(statement: &MigrationStatement) -> String {
    let rows = statement
        .rows
        .iter()
        .map(|rows| rows.read.max(rows.written));
    match rows.sum() {
        0 => String::new(),
        rows => figures::count(rows),
    }
}

/// A lock that keeps others out of a table that was there before.
struct KeptOut<'a> {
    lock: &'a StatementLock,
    relation: &'a MigratedRelation,
    samples: u64,
}

/// The strong locks, the strongest of each table in each transaction.
fn kept_out(migration: &MigrationRecord) -> Vec<KeptOut<'_>> {
    let mut found: Vec<(Option<u32>, KeptOut<'_>)> = Vec::new();
    for statement in &migration.statements {
        for lock in &statement.lock_details {
            let relation = relation(migration, &lock.relation);
            let relation = relation.filter(|r| is_a_table(r) && !r.made_here);
            let Some(relation) = relation.filter(|_| keeps_out(&lock.mode).is_some()) else {
                continue;
            };
            let known = found.iter().any(|(transaction, kept)| {
                statement.transaction.is_some()
                    && *transaction == statement.transaction
                    && kept.lock.relation == lock.relation
                    && (kept.lock.mode == "AccessExclusiveLock"
                        || lock.mode != "AccessExclusiveLock")
            });
            if !known {
                let samples = statement.samples;
                let kept = KeptOut {
                    lock,
                    relation,
                    samples,
                };
                found.push((statement.transaction, kept));
            }
        }
    }
    found.into_iter().map(|(_, kept)| kept).collect()
}

fn locks_table(locks: &[KeptOut<'_>]) -> Table {
    let mut table = Table::new(&[
        ("locked table", Align::Left),
        ("mode", Align::Left),
        ("keeps out", Align::Left),
        ("rows", Align::Right),
        ("queued ms", Align::Right),
        ("held ms", Align::Right),
    ]);
    table.rows = locks
        .iter()
        .map(|kept| {
            let (lock, relation) = (kept.lock, kept.relation);
            let unnamed = if lock.named {
                ""
            } else {
                " (not in the statement)"
            };
            let at_most = if lock.sampled { "" } else { "≤ " };
            let queued = match (lock.queued_ms, kept.samples) {
                (Some(ms), _) => figures::ms(ms),
                (None, 0) => "not seen".to_owned(),
                (None, _) => "0".to_owned(),
            };
            vec![
                Cell::plain(format!("{}{unnamed}", lock.relation)),
                Cell::plain(&lock.mode),
                Cell::toned(keeps_out(&lock.mode).unwrap_or_default(), Tone::Doubt),
                Cell::plain(
                    relation
                        .rows
                        .map_or(figures::ABSENT.to_owned(), figures::count),
                ),
                Cell::plain(queued),
                Cell::plain(format!("{at_most}{}", figures::ms(lock.held_ms))),
            ]
        })
        .collect();
    table
}

fn relation<'a>(migration: &'a MigrationRecord, name: &str) -> Option<&'a MigratedRelation> {
    migration.relations.iter().find(|r| r.name == name)
}

fn is_a_table(relation: &MigratedRelation) -> bool {
    matches!(
        relation.kind,
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView
    )
}

/// Whom a mode keeps out, if anybody who reads or writes.
fn keeps_out(mode: &str) -> Option<&'static str> {
    match mode {
        "AccessExclusiveLock" => Some("reads, writes"),
        "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => Some("writes"),
        _ => None,
    }
}

fn sampled(sampling: &LockSampling) -> String {
    let interval = &sampling.interval_ms;
    format!(
        "Locks: read by the migrating session after every statement of a transaction, and by a second \
         session {} (p50 {} ms apart, p95 {} ms, at the longest {} ms). Of a statement that no look fell \
         into, what was held is an upper bound, and a wait would not have been seen.",
        figures::counted(sampling.samples, "time"),
        figures::ms_or_absent(interval.p50),
        figures::ms_or_absent(interval.p95),
        figures::ms_or_absent(interval.max),
    )
}

fn push_traffic(blocks: &mut Vec<Block>, traffic: &MigrationTraffic) {
    blocks.push(Block::Heading(vec![Cell::plain(format!(
        "Beside others: {} executions a second of each probe",
        figures::number(traffic.rate_per_s)
    ))]));
    blocks.extend(traffic.passes.iter().map(|pass| pass_item(traffic, pass)));
    blocks.push(Block::Table(waits(traffic, "longest wait, ms", |d| d.max)));
    blocks.push(Block::Table(waits(traffic, "95th percentile, ms", |d| {
        d.p95
    })));
    blocks.extend(refused(traffic));
}

/// What each probe waited: before the migration, in every pass, and by how much the worst pass exceeds
/// what was before it.
fn waits(
    traffic: &MigrationTraffic,
    title: &str,
    figure: impl Fn(&Durations) -> Option<f64>,
) -> Table {
    let mut columns = vec![(title, Align::Left), ("before", Align::Right)];
    columns.extend(traffic.passes.iter().map(|p| (short_name(p), Align::Right)));
    columns.push(("excess", Align::Right));
    let mut table = Table::new(&columns);
    for first in traffic.passes.first().map_or(&[][..], |pass| &pass.probes) {
        let seen: Vec<Option<&TrafficProbe>> = traffic
            .passes
            .iter()
            .map(|pass| same_probe(pass, first))
            .collect();
        let during = |probe: &TrafficProbe| figure(&probe.during_ms);
        let excesses = seen
            .iter()
            .flatten()
            .filter_map(|probe| Some(during(probe)? - figure(&probe.baseline_ms)?));
        let excess = excesses.max_by(f64::total_cmp);
        let mut row = vec![
            Cell::plain(format!("{} {}", first.kind.as_str(), first.subject)),
            Cell::plain(figures::ms_or_absent(figure(&first.baseline_ms))),
        ];
        let waited = seen.iter().map(|probe| probe.and_then(during));
        row.extend(waited.map(|waited| Cell::plain(figures::ms_or_absent(waited))));
        row.push(Cell::plain(figures::ms_or_absent(excess)));
        table.rows.push(row);
    }
    table
}

fn short_name(pass: &TrafficPass) -> &'static str {
    match (pass.in_front, pass.retried) {
        (false, _) => "alone",
        (true, false) => "behind",
        (true, true) => "timeout",
    }
}

fn same_probe<'a>(pass: &'a TrafficPass, probe: &TrafficProbe) -> Option<&'a TrafficProbe> {
    let mut probes = pass.probes.iter();
    probes.find(|p| p.kind == probe.kind && p.subject == probe.subject)
}

/// What the server refused to the probes, once a pass.
fn refused(traffic: &MigrationTraffic) -> Vec<Block> {
    let mut told = Vec::new();
    for pass in &traffic.passes {
        for probe in &pass.probes {
            if let Some(error) = &probe.error {
                told.push(Block::Item(vec![
                    Cell::plain(format!("{}: ", pass.name)),
                    Cell::toned("refused", Tone::Bad),
                    Cell::plain(format!(
                        " {} of {}: {error}",
                        figures::counted(probe.errors, "execution"),
                        probe.subject
                    )),
                ]));
            }
        }
    }
    told
}

fn pass_item(traffic: &MigrationTraffic, pass: &TrafficPass) -> Block {
    let applied = if pass.applied {
        Cell::toned("applied", Tone::Good)
    } else {
        Cell::toned("not applied", Tone::Bad)
    };
    let mut told = format!(
        " in {}, {}",
        figures::counted(pass.attempts, "attempt"),
        figures::span(pass.duration_ms)
    );
    match (pass.in_front, pass.waited_ms) {
        (true, Some(waited)) => {
            told = format!(
                "{told}, {} of it behind that transaction",
                figures::span(waited)
            );
        }
        (true, None) => told += "; it was over before that transaction",
        (false, _) => {}
    }
    if pass.retried {
        told = format!(
            "{told}; lock_timeout {}",
            figures::span(traffic.lock_timeout_ms)
        );
    }
    if !pass.errors.is_empty() {
        told = format!("{told}; {}", pass.errors.join("; "));
    }
    Block::Item(vec![
        Cell::plain(format!("{}: ", pass.name)),
        applied,
        Cell::plain(told),
    ])
}
