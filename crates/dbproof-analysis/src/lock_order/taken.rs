//! The locks of one transaction in order, and for how long each is held: [`locks_of`].

use std::collections::HashSet;

use super::domains::Domains;
use super::slots::SlotValue;
use super::{Footprint, FootprintStep, Lock, LockMode, LockObject, RowMode, Waiting};
use crate::sql::StatementKind;
use crate::transactions::TransactionClass;

/// The `deadlock_timeout` of a server that nobody has set otherwise, in milliseconds: whoever waits no
/// longer than this cannot wait for a deadlock to be seen.
const DEADLOCK_TIMEOUT_MS: f64 = 1000.0;

/// A lock as a statement takes it.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    /// The statement, as an index into those of the class.
    pub(super) statement: usize,
    /// The lock.
    pub(super) lock: Lock,
    /// Its place within the statement, where that is known.
    pub(super) order: Option<usize>,
    /// Whether it is waited for until it is free.
    pub(super) waits: bool,
    /// The statement that may free it.
    pub(super) surely_until: usize,
    /// The statement that frees it.
    pub(super) held_until: usize,
}

/// The locks of a class that others can wait for.
pub(super) fn locks_of(
    class: &TransactionClass,
    footprint: &Footprint,
    slots: &[SlotValue],
    domains: &mut Domains<'_>,
) -> Vec<Raw> {
    let mut new_rows: HashSet<(&str, &[(String, String)])> = HashSet::new();
    let mut all = Vec::new();
    let mut has_timeout = false;
    for (statement, (step, sent)) in footprint.steps.iter().zip(&class.statements).enumerate() {
        has_timeout = lock_timeout(&sent.sent.sql).unwrap_or(has_timeout);
        new_rows.extend(step.locks.iter().filter_map(|lock| match &lock.object {
            LockObject::UniqueKey { relation, key, .. } => Some((relation.as_str(), &key[..])),
            _ => None,
        }));
        for (place, lock) in step.locks.iter().enumerate() {
            // A row that the transaction has made itself is not there for others.
            if let LockObject::Row { relation, key } = &lock.object
                && new_rows.contains(&(relation.as_str(), &key[..]))
            {
                continue;
            }
            let order = if step.is_ordered {
                Some(place)
            } else if sent.kind == StatementKind::Insert {
                place_in_insert(statement, step, lock, slots, domains)
            } else {
                None
            };
            all.push(Raw {
                statement,
                lock: lock.clone(),
                order,
                waits: step.waiting == Waiting::Waits && !has_timeout,
                surely_until: usize::MAX,
                held_until: usize::MAX,
            });
        }
    }
    release(class, &mut all);
    all
}

/// The place of a lock within `INSERT … VALUES`: rows are entered in the order in which they are
/// written, each after the relation is locked, and the rows that they refer to are locked at the end,
/// in the same order.
fn place_in_insert(
    statement: usize,
    step: &FootprintStep,
    lock: &Lock,
    slots: &[SlotValue],
    domains: &mut Domains<'_>,
) -> Option<usize> {
    let (relation, key) = match &lock.object {
        LockObject::Row { relation, key } | LockObject::UniqueKey { relation, key, .. } => {
            (relation, key)
        }
        LockObject::Relation(relation) => {
            let is_target = step.locks.iter().any(|other| {
                matches!(&other.object, LockObject::UniqueKey { relation: of, .. } if of == relation)
            });
            return is_target.then_some(0);
        }
        LockObject::Advisory(_) => return None,
    };
    let of_statement = || slots.iter().filter(|slot| slot.statement == statement);
    let rows = of_statement().map(|slot| slot.row + 1).max()?;
    let mut written: Vec<(usize, String)> = Vec::new();
    for (column, text) in key {
        written.push((
            domains.column(relation, column),
            super::values::canonical(text),
        ));
    }
    let has = |row: usize, domain: usize, text: &str| {
        of_statement()
            .any(|slot| slot.row == row && slot.domain == Some(domain) && slot.text == text)
    };
    let known: Vec<&(usize, String)> = written
        .iter()
        .filter(|(domain, text)| (0..rows).any(|row| has(row, *domain, text)))
        .collect();
    let row = (0..rows).find(|row| known.iter().all(|(domain, text)| has(*row, *domain, text)));
    let row = row.filter(|_| !known.is_empty())?;
    match lock.mode {
        LockMode::Row(RowMode::KeyShare | RowMode::Share) => Some(1 + rows + row),
        _ => Some(1 + row),
    }
}

/// Says of each lock until when it is held: `ROLLBACK TO SAVEPOINT` frees what was locked since, and
/// `pg_advisory_unlock` may free any advisory lock.
fn release(class: &TransactionClass, locks: &mut [Raw]) {
    let mut savepoints: Vec<(String, usize)> = Vec::new();
    for (at, statement) in class.statements.iter().enumerate() {
        let shape = statement.shape.to_ascii_lowercase();
        if shape.contains("pg_advisory_unlock") {
            for lock in locks.iter_mut().filter(|lock| lock.statement < at) {
                if matches!(lock.lock.object, LockObject::Advisory(_)) {
                    lock.surely_until = lock.surely_until.min(at);
                }
            }
        }
        let words: Vec<&str> = shape.split_whitespace().collect();
        match words.as_slice() {
            ["savepoint", name] => savepoints.push(((*name).to_owned(), at)),
            ["rollback", rest @ ..] if rest.contains(&"to") => {
                let name = words.last().copied().unwrap_or_default();
                let Some(nth) = savepoints.iter().rposition(|(known, _)| known == name) else {
                    continue;
                };
                let since = savepoints[nth].1;
                savepoints.truncate(nth + 1);
                for lock in locks.iter_mut() {
                    if (since..at).contains(&lock.statement) && lock.held_until == usize::MAX {
                        lock.held_until = at;
                        lock.surely_until = lock.surely_until.min(at);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a statement sets a `lock_timeout` that ends a wait before a deadlock is seen.
fn lock_timeout(sql: &str) -> Option<bool> {
    let text = sql.to_ascii_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, '=' | ';' | '(' | ')' | ',' | '\''))
        .filter(|word| !word.is_empty() && *word != "to")
        .collect();
    let value = match words.as_slice() {
        ["set", "lock_timeout", value @ ..]
        | ["set", "local" | "session", "lock_timeout", value @ ..]
        | [
            "select",
            "set_config" | "pg_catalog.set_config",
            "lock_timeout",
            value @ ..,
        ] => value.concat(),
        _ => return None,
    };
    let digits: String = value
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let unit = value[digits.len()..].trim_start();
    let factor = match unit {
        unit if unit.starts_with("us") => 0.001,
        unit if unit.starts_with("min") => 60_000.0,
        unit if unit.starts_with('s') => 1000.0,
        unit if unit.starts_with('h') => 3_600_000.0,
        _ => 1.0,
    };
    // What cannot be read (`DEFAULT`) is what nobody has set.
    let milliseconds = digits.parse::<f64>().unwrap_or(0.0) * factor;
    Some(milliseconds > 0.0 && milliseconds <= DEADLOCK_TIMEOUT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_timeout_is_a_guard_while_it_is_shorter_than_a_deadlock_takes() {
        for (sql, expected) in [
            ("SET LOCAL lock_timeout = '200ms'", Some(true)),
            ("set lock_timeout to 500", Some(true)),
            ("SET SESSION lock_timeout = '1s'", Some(true)),
            (
                "select set_config('lock_timeout', '300ms', true)",
                Some(true),
            ),
            ("SET lock_timeout = '5 s'", Some(false)),
            ("SET lock_timeout = '2min'", Some(false)),
            ("SET lock_timeout = 0", Some(false)),
            ("SET lock_timeout TO DEFAULT", Some(false)),
            ("SET statement_timeout = 5", None),
            ("update t set lock_timeout = 5", None),
        ] {
            assert_eq!(lock_timeout(sql), expected, "{sql}");
        }
    }
}
