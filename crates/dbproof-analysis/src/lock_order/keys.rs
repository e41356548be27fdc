//! What the values of locked keys are to a transaction: its own choice, always the same, or found:
//! [`Keys`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::domains::{Domain, Domains};
use super::slots::SlotValue;
use super::taken::Raw;
use super::values::{canonical, compare};
use super::{KeyValue, LockObject, ValueKind};

/// The domains of advisory locks' keys, which are no columns': a first and a second part.
const ADVISORY: [&str; 3] = ["(advisory)", "(advisory 1 of 2)", "(advisory 2 of 2)"];

/// What is known of all transactions together.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The values that were seen of each domain.
    pub(super) pool: HashMap<Domain, BTreeSet<String>>,
    /// Slots whose value differs between transactions of the same statements: the statements, the
    /// statement, and the number of its value.
    varied: HashMap<(u64, String, usize), BTreeSet<String>>,
}

/// The keys of one transaction's locks.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The values.
    pub(super) values: Vec<KeyValue>,
    /// Each value in the exemplar.
    pub(super) texts: Vec<String>,
    /// For each value: the slots that it stands in beyond those of its domain.
    pub(super) further_slots: Vec<Vec<usize>>,
    known: BTreeMap<(Domain, String), usize>,
}

/// One transaction, as far as its keys are concerned.
pub(super) struct Reader<'a, 'b> {
    pub(super) domains: &'a mut Domains<'b>,
    pub(super) observed: &'a Observed,
    pub(super) slots: &'a [SlotValue],
    pub(super) shapes: &'a [String],
    /// Tells transactions of the same statements.
    pub(super) sequence: u64,
    pub(super) keys: Keys,
}

impl Observed {
    /// Takes note of a transaction's values.
    pub(super) fn note(
        &mut self,
        slots: &[SlotValue],
        locks: &[Raw],
        shapes: &[String],
        sequence: u64,
        domains: &mut Domains<'_>,
    ) {
        for slot in slots {
            if let Some(domain) = slot.domain {
                self.pool
                    .entry(domain)
                    .or_default()
                    .insert(slot.text.clone());
            }
            let shape = &shapes[slot.statement];
            if shape.contains("advisory") {
                let place = (sequence, shape.clone(), slot.slot);
                self.varied
                    .entry(place)
                    .or_default()
                    .insert(slot.text.clone());
            }
        }
        for lock in locks {
            if let LockObject::Row { relation, key } = &lock.lock.object {
                for (column, text) in key {
                    domains.note_key(relation, column);
                    let domain = domains.column(relation, column);
                    self.pool.entry(domain).or_default().insert(canonical(text));
                }
            }
        }
    }
}

impl Keys {
    /// These values alone, with those that they were found by, and the new number of each.
    pub(super) fn only(
        self,
        wanted: impl Iterator<Item = usize>,
    ) -> (Self, BTreeMap<usize, usize>) {
        let mut kept: BTreeSet<usize> = wanted.collect();
        for at in kept.clone() {
            if let ValueKind::Found { by, .. } = &self.values[at].kind {
                kept.extend(by);
            }
        }
        let number: BTreeMap<usize, usize> = kept.into_iter().zip(0..).collect();
        let mut keys = Self::default();
        let all = self.values.into_iter().zip(self.texts);
        for (at, ((mut value, text), slots)) in all.zip(self.further_slots).enumerate() {
            if !number.contains_key(&at) {
                continue;
            }
            if let ValueKind::Found { by, .. } = &mut value.kind {
                for finder in by {
                    *finder = number[finder];
                }
            }
            keys.values.push(value);
            keys.texts.push(text);
            keys.further_slots.push(slots);
        }
        (keys, number)
    }
}

impl Reader<'_, '_> {
    /// The values of a lock's key; `None` where no other transaction can have that key.
    pub(super) fn key_of(&mut self, lock: &Raw) -> Option<Vec<usize>> {
        match &lock.lock.object {
            LockObject::Relation(_) => Some(Vec::new()),
            LockObject::Row { relation, key } => Some(self.row(lock.statement, relation, key)),
            LockObject::UniqueKey { relation, key, .. } => self.unique(lock, relation, key),
            LockObject::Advisory(key) => Some(self.advisory(lock.statement, key)),
        }
        .filter(|key| {
            key.iter()
                .all(|value| self.keys.values[*value].kind != ValueKind::Fresh)
        })
    }

    fn row(&mut self, statement: usize, relation: &str, key: &[(String, String)]) -> Vec<usize> {
        let columns: Vec<(Domain, String)> = key
            .iter()
            .map(|(column, text)| (self.domains.column(relation, column), canonical(text)))
            .collect();
        let is_written = |value: &(Domain, String)| {
            self.slot_of(statement, relation, value.0, &value.1)
                .is_some()
        };
        let by = if columns.iter().all(is_written) {
            Vec::new()
        } else {
            self.finders(statement, relation, &columns)
        };
        columns
            .into_iter()
            .map(
                |(domain, text)| match self.slot_of(statement, relation, domain, &text) {
                    Some(further) => self.written(domain, text, further),
                    None => self.found(domain, text, &by, statement),
                },
            )
            .collect()
    }

    fn unique(
        &mut self,
        lock: &Raw,
        relation: &str,
        key: &[(String, String)],
    ) -> Option<Vec<usize>> {
        let columns: Vec<(Domain, String, &str)> = key
            .iter()
            .map(|(column, text)| {
                let domain = self.domains.column(relation, column);
                (domain, canonical(text), column.as_str())
            })
            .collect();
        let until_then = |slot: &SlotValue| slot.statement <= lock.statement;
        let written: Vec<bool> = columns
            .iter()
            .map(|(domain, text, _)| {
                let stands = |slot: &&SlotValue| until_then(slot) && slot.text == *text;
                let mut slots = self.slots.iter().filter(stands);
                slots.any(|slot| {
                    slot.domain == Some(*domain)
                        || (slot.domain.is_none() && slot.statement == lock.statement)
                }) || self
                    .keys
                    .known
                    .get(&(*domain, text.clone()))
                    .is_some_and(|value| self.keys.values[*value].kind != ValueKind::Fresh)
            })
            .collect();
        let any_written = written.contains(&true);
        let mut values = Vec::new();
        for ((domain, text, column), is_written) in columns.into_iter().zip(written) {
            let value = if is_written {
                let further = self.slot_of(lock.statement, relation, domain, &text);
                let further = further.unwrap_or_default();
                self.written(domain, text, further)
            } else if any_written && !is_generated(&text, self.domains.type_of(relation, column)) {
                self.value(domain, text.clone(), ValueKind::Constant(text), 0)
            } else {
                self.value(domain, text, ValueKind::Fresh, 0)
            };
            values.push(value);
        }
        (!values.is_empty()).then_some(values)
    }

    fn advisory(&mut self, statement: usize, key: &str) -> Vec<usize> {
        let parts: Vec<String> = key.split(',').map(canonical).collect();
        let names = if parts.len() == 1 {
            &ADVISORY[..1]
        } else {
            &ADVISORY[1..]
        };
        let mut values = Vec::new();
        for (part, name) in parts.into_iter().zip(names) {
            let here: Vec<usize> = (0..self.slots.len())
                .filter(|at| self.slots[*at].statement == statement && self.slots[*at].text == part)
                .collect();
            let tied = self.slots.iter().find_map(|slot| {
                let domain = slot
                    .domain
                    .filter(|_| !here.is_empty() && slot.text == part)?;
                let is_row = self.observed.pool.get(&domain)?.len() > 1;
                (is_row && self.domains.is_key(domain)).then_some(domain)
            });
            let domain = self.domains.column("", name);
            let value = match tied {
                Some(domain) => self.written(domain, part, here),
                None if here.iter().any(|at| self.varies(*at)) => {
                    let value = self.value(domain, part, ValueKind::Free, 0);
                    self.keys.further_slots[value].extend(here);
                    value
                }
                None => self.value(domain, part.clone(), ValueKind::Constant(part), 0),
            };
            values.push(value);
        }
        values
    }

    fn varies(&self, slot: usize) -> bool {
        let slot = &self.slots[slot];
        let place = (
            self.sequence,
            self.shapes[slot.statement].clone(),
            slot.slot,
        );
        self.observed
            .varied
            .get(&place)
            .is_some_and(|values| values.len() > 1)
    }

    /// Whether a value stands in the statements, and in which slots beyond those of its domain.
    fn slot_of(
        &self,
        statement: usize,
        relation: &str,
        domain: Domain,
        text: &str,
    ) -> Option<Vec<usize>> {
        let stands = |slot: &SlotValue| slot.text == text;
        if self
            .slots
            .iter()
            .any(|slot| slot.domain == Some(domain) && stands(slot))
        {
            return Some(Vec::new());
        }
        // `transfer($1, $2)`: what the arguments are compared with is not seen. A foreign key that is not
        // known has a column of another relation.
        let of_others = |slot: &SlotValue| {
            let column = slot.domain;
            column.is_none_or(|column| !self.domains.has_column(relation, column))
        };
        let here: Vec<usize> = (0..self.slots.len())
            .filter(|at| {
                let slot = &self.slots[*at];
                slot.statement == statement && stands(slot) && of_others(slot)
            })
            .collect();
        (!here.is_empty()).then_some(here)
    }

    /// The values that a statement finds rows of a relation by, other than their key.
    fn finders(
        &mut self,
        statement: usize,
        relation: &str,
        key: &[(Domain, String)],
    ) -> Vec<usize> {
        let mut by = BTreeSet::new();
        for slot in self.slots {
            let Some(domain) = slot.domain.filter(|_| slot.statement == statement) else {
                continue;
            };
            let is_key = key.iter().any(|(of, _)| *of == domain);
            if !is_key && slot.is_equality && self.domains.has_column(relation, domain) {
                by.insert(self.written(domain, slot.text.clone(), Vec::new()));
            }
        }
        by.into_iter().collect()
    }

    fn written(&mut self, domain: Domain, text: String, further: Vec<usize>) -> usize {
        // A table of which everybody locks the one row.
        let is_only = self
            .observed
            .pool
            .get(&domain)
            .is_none_or(|seen| seen.len() < 2);
        let kind = if is_only {
            ValueKind::Constant(text.clone())
        } else {
            ValueKind::Free
        };
        let value = self.value(domain, text, kind, 0);
        self.keys.further_slots[value].extend(further);
        value
    }

    fn found(&mut self, domain: Domain, text: String, by: &[usize], statement: usize) -> usize {
        let kind = if by.is_empty() {
            ValueKind::Constant(text.clone())
        } else {
            ValueKind::Found {
                text: text.clone(),
                by: by.to_vec(),
            }
        };
        self.value(domain, text, kind, statement + 1)
    }

    fn value(&mut self, domain: Domain, text: String, kind: ValueKind, group: usize) -> usize {
        let keys = &mut self.keys;
        *keys.known.entry((domain, text.clone())).or_insert_with(|| {
            keys.values.push(KeyValue {
                domain,
                kind,
                rank: 0,
                group,
            });
            keys.texts.push(text);
            keys.further_slots.push(Vec::new());
            keys.values.len() - 1
        })
    }

    /// The keys, their values ranked.
    pub(super) fn ranked(mut self) -> Keys {
        let keys = &mut self.keys;
        let mut order: Vec<usize> = (0..keys.values.len()).collect();
        order.sort_by(|a, b| compare(&keys.texts[*a], &keys.texts[*b]));
        let mut ranks: HashMap<(Domain, usize), usize> = HashMap::new();
        for at in order {
            let value = &mut keys.values[at];
            let rank = ranks.entry((value.domain, value.group)).or_default();
            value.rank = *rank;
            *rank += 1;
        }
        for slots in &mut keys.further_slots {
            slots.sort_unstable();
            slots.dedup();
        }
        self.keys
    }
}

/// Whether a value that stands nowhere is one that the server makes anew for each row: a number out of a
/// sequence, a UUID, a time.
fn is_generated(text: &str, type_name: Option<&str>) -> bool {
    match type_name {
        Some(name) => ["int", "serial", "uuid", "time", "date"]
            .iter()
            .any(|word| name.contains(word)),
        None => text.starts_with(|c: char| c.is_ascii_digit() || c == '-') || text.len() == 36,
    }
}
