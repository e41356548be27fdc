//! Cycles as transactions that can be run: [`candidate`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::assign::{Cast, assign};
use super::build::{Built, Instance};
use super::search::Part;
use super::slots::{Place, SlotValue};
use super::unify::Unifier;
use super::values::{array_elements, array_text, text_array};
use super::{Candidate, Lock, LockObject, Member, Profile, Searched, Taken};
use crate::sql::string_value;
use crate::traffic::{SentParameter, SentText};

/// A cycle with these transactions in its places; `None` where it needs more different rows than were
/// seen.
pub(super) fn candidate(
    built: &Built,
    searched: &[Searched<'_>],
    path: &[Part],
    instances: &[usize],
) -> Option<Candidate> {
    let profiles: Vec<&Profile> = path
        .iter()
        .map(|part| &built.profiles[part.profile])
        .collect();
    let members: Vec<&Instance> = instances
        .iter()
        .map(|instance| &built.instances[*instance])
        .collect();
    let mut unifier = Unifier::new(&profiles);
    for (at, part) in path.iter().enumerate() {
        let next = (at + 1) % path.len();
        if !unifier.meet((at, part.asked), (next, path[next].held)) {
            return None;
        }
    }
    let texts = assign(&Cast {
        profiles: &profiles,
        members: &members,
        unifier: &unifier,
        pool: &built.pool,
    });
    if is_gated(path, &profiles, |member, value| {
        texts.get(&unifier.class(member, value)).map(String::as_str)
    }) {
        return None;
    }
    let member = |(at, part): (usize, &Part)| {
        let text = |value: usize| texts.get(&unifier.class(at, value)).map(String::as_str);
        let taken = |number: usize| {
            let (statement, lock) = &members[at].taken[number];
            let key = &profiles[at].locks[number].key;
            Taken {
                statement: *statement,
                lock: with_key(lock, |nth| text(*key.get(nth)?)),
            }
        };
        let statements = searched[members[at].class].class.statements.iter();
        Member {
            class: members[at].class,
            statements: with_values(statements.map(|s| &s.sent), members[at], profiles[at], text),
            held: taken(part.held),
            asked: taken(part.asked),
        }
    };
    Some(Candidate {
        members: path.iter().enumerate().map(member).collect(),
    })
}

/// Whether, with these values, two of the transactions cannot both come as far as what they ask for.
fn is_gated<'a>(
    path: &[Part],
    profiles: &[&Profile],
    text: impl Fn(usize, usize) -> Option<&'a str>,
) -> bool {
    let held = |member: usize| {
        let (profile, part) = (profiles[member], path[member]);
        let locks = profile.locks.iter().enumerate();
        locks
            .filter(move |(at, _)| *at == part.held || profile.surely_holds(*at, part.asked))
            .map(|(_, lock)| lock)
    };
    (0..path.len()).any(|a| {
        (a + 1..path.len()).any(|b| {
            held(a).any(|x| {
                held(b).any(|y| {
                    let keys = x.key.iter().zip(&y.key);
                    x.bucket == y.bucket
                        && x.mode.conflicts_with(y.mode)
                        && keys.into_iter().all(|(x, y)| text(a, *x) == text(b, *y))
                })
            })
        })
    })
}

/// The lock with another key.
fn with_key<'a>(lock: &Lock, text: impl Fn(usize) -> Option<&'a str>) -> Lock {
    let mut lock = lock.clone();
    match &mut lock.object {
        LockObject::Relation(_) => {}
        LockObject::Row { key, .. } | LockObject::UniqueKey { key, .. } => {
            for (nth, (_, value)) in key.iter_mut().enumerate() {
                if let Some(text) = text(nth) {
                    text.clone_into(value);
                }
            }
        }
        LockObject::Advisory(key) => {
            let parts = key.split(',').enumerate();
            let parts: Vec<&str> = parts
                .map(|(nth, part)| text(nth).unwrap_or(part.trim()))
                .collect();
            *key = parts.join(", ");
        }
    }
    lock
}

/// The statements with other values.
fn with_values<'a>(
    statements: impl Iterator<Item = &'a SentText>,
    instance: &Instance,
    profile: &Profile,
    text: impl Fn(usize) -> Option<&'a str>,
) -> Vec<SentText> {
    let mut by_slot: BTreeMap<usize, &str> = BTreeMap::new();
    let mut by_value: HashMap<(usize, &str), &str> = HashMap::new();
    for (value, own) in instance.texts.iter().enumerate() {
        let Some(new) = text(value).filter(|new| new != own) else {
            continue;
        };
        by_value.insert((profile.values[value].domain, own), new);
        by_slot.extend(
            instance.further_slots[value]
                .iter()
                .map(|slot| (*slot, new)),
        );
    }
    let replaced = |number: usize, slot: &SlotValue| {
        let of_domain = slot
            .domain
            .and_then(|domain| by_value.get(&(domain, slot.text.as_str())));
        of_domain.or_else(|| by_slot.get(&number)).copied()
    };
    let mut changes: BTreeMap<usize, Vec<(&Place, &str)>> = BTreeMap::new();
    for (number, slot) in instance.slots.iter().enumerate() {
        if let Some(new) = replaced(number, slot) {
            changes
                .entry(slot.statement)
                .or_default()
                .push((&slot.place, new));
        }
    }
    statements
        .enumerate()
        .map(|(at, sent)| match changes.get(&at) {
            Some(changes) => rewritten(sent, changes),
            None => sent.clone(),
        })
        .collect()
}

fn rewritten(sent: &SentText, changes: &[(&Place, &str)]) -> SentText {
    let mut literals: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    let mut parameters = sent.parameters.clone();
    for (place, new) in changes {
        match place {
            Place::Literal(span, element) => {
                let written = &sent.sql[span.clone()];
                let before = literals
                    .get(&span.start)
                    .map_or_else(|| written.to_owned(), |(_, text)| text.clone());
                literals.insert(span.start, (span.end, literal(&before, *element, new)));
            }
            Place::Parameter(number, element) => {
                if let Some(parameter) = parameters.get_mut(*number) {
                    *parameter = with_text(parameter, *element, new);
                }
            }
        }
    }
    let mut sql = String::with_capacity(sent.sql.len());
    let mut end = 0;
    for (start, (stop, text)) in literals {
        sql.push_str(&sent.sql[end..start]);
        sql.push_str(&text);
        end = stop;
    }
    sql.push_str(&sent.sql[end..]);
    SentText {
        sql: Arc::from(sql),
        parameters,
    }
}

/// A literal with another value, quoted as the one before was.
fn literal(before: &str, element: Option<usize>, new: &str) -> String {
    let is_quoted = before.contains('\'') || before.starts_with('$');
    let value = match element {
        Some(nth) => {
            let mut elements = text_array(&string_value(before)).unwrap_or_default();
            if let Some(element) = elements.get_mut(nth) {
                *element = Some(new.to_owned());
            }
            array_text(&elements)
        }
        None => new.to_owned(),
    };
    if is_quoted || value.parse::<f64>().is_err() {
        // A backslash means itself only while the server says so; `E''` means the same always.
        let prefix = if value.contains('\\') { "E" } else { "" };
        let value = value.replace('\\', "\\\\").replace('\'', "''");
        format!("{prefix}'{value}'")
    } else if value.starts_with('-') && !before.starts_with('-') {
        // Two of them would begin a comment.
        format!("({value})")
    } else {
        value
    }
}

/// A parameter with another value, in text form.
fn with_text(parameter: &SentParameter, element: Option<usize>, new: &str) -> SentParameter {
    let text = match element {
        Some(nth) => {
            let mut elements = array_elements(parameter).unwrap_or_default();
            if let Some(element) = elements.get_mut(nth) {
                *element = Some(new.to_owned());
            }
            array_text(&elements)
        }
        None => new.to_owned(),
    };
    SentParameter {
        type_oid: parameter.type_oid,
        binary: false,
        value: Some(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_stay_of_the_kind_that_they_were() {
        for (before, new, expected) in [
            ("5", "7", "7"),
            ("-5", "-7", "-7"),
            ("5", "-7", "(-7)"),
            ("'5'", "7", "'7'"),
            ("'a'", "it's", "'it''s'"),
            ("E'a'", r"a\b", r"E'a\\b'"),
            ("$$a$$", "b", "'b'"),
            ("5", "a0", "'a0'"),
        ] {
            assert_eq!(literal(before, None, new), expected, "{before} {new}");
        }
        assert_eq!(literal("'{1,2}'", Some(1), "9"), "'{\"1\",\"9\"}'");
    }

    #[test]
    fn values_are_replaced_where_they_stand() {
        let sent = SentText {
            sql: Arc::from("update t set a = $1 where id = 5 and b = any($2) or id in (5, 'x')"),
            parameters: vec![
                SentParameter {
                    type_oid: 23,
                    binary: true,
                    value: Some(vec![0, 0, 0, 1]),
                },
                SentParameter {
                    type_oid: 1007,
                    binary: false,
                    value: Some(b"{1,2,3}".to_vec()),
                },
            ],
        };
        let at = |text: &str| {
            let start = sent.sql.find(text).unwrap();
            start..start + text.len()
        };
        let x = Place::Literal(at("'x'"), None);
        let five = Place::Literal(at("5"), None);
        let (first, third) = (Place::Parameter(1, Some(0)), Place::Parameter(1, Some(2)));
        let whole = Place::Parameter(0, None);
        let changed = rewritten(
            &sent,
            &[
                (&x, "y"),
                (&five, "77"),
                (&first, "8"),
                (&third, "9"),
                (&whole, "42"),
            ],
        );
        assert_eq!(
            &*changed.sql,
            "update t set a = $1 where id = 77 and b = any($2) or id in (5, 'y')"
        );
        let text = |nth: usize| String::from_utf8(changed.parameters[nth].value.clone().unwrap());
        assert_eq!(text(0).unwrap(), "42");
        assert_eq!(text(1).unwrap(), "{\"8\",\"2\",\"9\"}");
        assert!(!changed.parameters[0].binary);
    }
}
