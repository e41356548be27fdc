//! Values for a cycle, such as its transactions need them to meet: [`assign`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::build::Instance;
use super::domains::Domain;
use super::unify::Unifier;
use super::values::{canonical, compare};
use super::{LockObject, Profile, ValueKind};
use crate::traffic::canonical_uuid;

/// Of the values that were seen of a domain, so many are tried in the place of one that is taken.
const MOST_TRIED: usize = 64;

/// A cycle's transactions.
pub(super) struct Cast<'a> {
    /// What each locks.
    pub(super) profiles: &'a [&'a Profile],
    /// Each with its values.
    pub(super) members: &'a [&'a Instance],
    /// Which of the values are one.
    pub(super) unifier: &'a Unifier<'a>,
    /// The values that were seen of each domain.
    pub(super) pool: &'a HashMap<Domain, BTreeSet<String>>,
}

/// The text of each class of values.
pub(super) type Texts = BTreeMap<usize, String>;

/// What a value is a part of.
enum Role {
    /// The key of a row that is there, or a value that one is found by.
    Row,
    /// A key that is entered, and of no row that is there.
    Entered,
    /// The key of an advisory lock alone.
    Advisory,
}

/// A class of values of one domain: members and their values.
type Class = Vec<(usize, usize)>;

/// A text for every class of values. Rows are ones that were seen, so that classes have one text where
/// there are more of them than that; keys that are to be entered, and advisory locks', are new.
pub(super) fn assign(cast: &Cast<'_>) -> Texts {
    let mut domains: BTreeMap<Domain, BTreeMap<usize, Class>> = BTreeMap::new();
    for (member, profile) in cast.profiles.iter().enumerate() {
        for (at, value) in profile.values.iter().enumerate() {
            let class = cast.unifier.class(member, at);
            let of_domain = domains.entry(value.domain).or_default();
            of_domain.entry(class).or_default().push((member, at));
        }
    }
    let mut texts = Texts::new();
    for (domain, classes) in domains {
        let bases: BTreeSet<usize> = classes.values().flatten().map(|(m, _)| *m).collect();
        let tried = bases.into_iter().map(|base| {
            let texts = cast.around(base, domain, &classes, &texts);
            (cast.disorder(&classes, &texts), texts)
        });
        let best = tried.min_by_key(|(disorder, _)| *disorder);
        texts.extend(best.into_iter().flat_map(|(_, texts)| texts));
    }
    texts
}

impl Cast<'_> {
    fn own(&self, (member, value): (usize, usize)) -> &str {
        &self.members[member].texts[value]
    }

    /// The texts where one member keeps its own, and the others' follow.
    fn around(
        &self,
        base: usize,
        domain: Domain,
        classes: &BTreeMap<usize, Class>,
        // What an advisory lock's key has got already: that can be a key of several relations.
        known: &Texts,
    ) -> Texts {
        let mut texts = Texts::new();
        let mut used: HashSet<String> = HashSet::new();
        for class in classes.keys() {
            let known = known.get(class).map(String::as_str);
            if let Some(text) = known.or_else(|| self.given(*class)) {
                used.insert(text.to_owned());
                texts.insert(*class, text.to_owned());
            }
        }
        let mut rest: Vec<(&usize, &Class)> = classes
            .iter()
            .filter(|(class, _)| !texts.contains_key(*class))
            .collect();
        let own = |of: &Class| {
            let first = of.iter().find(|(member, _)| *member == base);
            self.own(*first.unwrap_or(&of[0])).to_owned()
        };
        rest.sort_by(|(_, a), (_, b)| {
            let is_other = |of: &Class| !of.iter().any(|(member, _)| *member == base);
            is_other(a)
                .cmp(&is_other(b))
                .then_with(|| compare(&own(a), &own(b)))
        });
        for (class, of) in rest {
            let own = own(of);
            let is_used = used.contains(&own);
            let text = match self.role(of) {
                Role::Entered => new_key(&own, self.pool.get(&domain), &used),
                Role::Advisory if is_used => new_key(&own, self.pool.get(&domain), &used),
                Role::Row if is_used => self
                    .another(domain, classes, &texts, *class, &used)
                    .unwrap_or(own),
                Role::Advisory | Role::Row => own,
            };
            used.insert(text.clone());
            texts.insert(*class, text);
        }
        texts
    }

    /// The text of a class that cannot be chosen.
    fn given(&self, class: usize) -> Option<&str> {
        let nodes = self
            .profiles
            .iter()
            .enumerate()
            .flat_map(|(member, profile)| {
                let values = profile.values.iter().enumerate();
                values.map(move |(at, value)| (member, at, &value.kind))
            });
        let nodes: Vec<_> = nodes
            .filter(|(member, at, _)| self.unifier.class(*member, *at) == class)
            .collect();
        let constant = nodes.iter().find_map(|(_, _, kind)| match kind {
            ValueKind::Constant(text) => Some(text.as_str()),
            _ => None,
        });
        constant.or_else(|| {
            nodes.iter().find_map(|(member, at, kind)| match kind {
                ValueKind::Found { .. } | ValueKind::Fresh => Some(self.own((*member, *at))),
                _ => None,
            })
        })
    }

    /// What the values of a class are to the locks that they are in.
    fn role(&self, of: &Class) -> Role {
        let mut role = Role::Row;
        for (member, value) in of {
            let locks = self.profiles[*member].locks.iter();
            for (lock, (_, taken)) in locks.zip(&self.members[*member].taken) {
                if lock.key.contains(value) {
                    match taken.object {
                        LockObject::UniqueKey { .. } => role = Role::Entered,
                        LockObject::Advisory(_) => role = Role::Advisory,
                        LockObject::Row { .. } | LockObject::Relation(_) => return Role::Row,
                    }
                }
            }
        }
        role
    }

    /// A value that was seen and is not used, in the right place of the order where there is one.
    fn another(
        &self,
        domain: Domain,
        classes: &BTreeMap<usize, Class>,
        texts: &Texts,
        class: usize,
        used: &HashSet<String>,
    ) -> Option<String> {
        let seen = self.pool.get(&domain)?.iter();
        let free = seen.filter(|text| !used.contains(*text)).take(MOST_TRIED);
        let with = |text: &String| {
            let mut texts = texts.clone();
            texts.insert(class, text.clone());
            self.disorder(classes, &texts)
        };
        free.min_by_key(|text| with(text)).cloned()
    }

    /// How many neighbouring values of a member are not in the order in which they were seen.
    fn disorder(&self, classes: &BTreeMap<usize, Class>, texts: &Texts) -> usize {
        let mut lines: BTreeMap<(usize, usize), Vec<(usize, &str)>> = BTreeMap::new();
        for (class, of) in classes {
            let Some(text) = texts.get(class) else {
                continue;
            };
            for (member, value) in of {
                let value = &self.profiles[*member].values[*value];
                if value.kind == ValueKind::Free {
                    let line = lines.entry((*member, value.group)).or_default();
                    line.push((value.rank, text));
                }
            }
        }
        let wrong = |mut line: Vec<(usize, &str)>| {
            line.sort_unstable();
            let pairs = line.windows(2);
            pairs
                .filter(|pair| compare(pair[0].1, pair[1].1).is_ge())
                .count()
        };
        lines.into_values().map(wrong).sum()
    }
}

/// A key like this one that nobody has: a greater number, a UUID of its own, a text of the same length.
fn new_key(own: &str, seen: Option<&BTreeSet<String>>, used: &HashSet<String>) -> String {
    let is_new = |text: &String| {
        !used.contains(text) && !seen.is_some_and(|seen| seen.contains(&canonical(text)))
    };
    if let Ok(number) = own.parse::<i128>() {
        let others = seen.into_iter().flatten().chain(used);
        let numbers = others.filter_map(|text| text.parse::<i128>().ok());
        let greatest = numbers.max().unwrap_or(number).max(number);
        return greatest.saturating_add(1).to_string();
    }
    if canonical_uuid(own.as_bytes()).is_some() {
        let last = (0..u64::MAX).map(|n| format!("{}db{n:010x}", &own[..24]));
        return last
            .into_iter()
            .find(is_new)
            .unwrap_or_else(|| own.to_owned());
    }
    // A date or the like, which has no spare letters.
    if own.starts_with(|c: char| c.is_ascii_digit()) {
        return own.to_owned();
    }
    let kept: String = own.chars().skip(3).collect();
    let length = own.chars().count().min(3);
    let letters = (0..26_u32 * 26 * 26).map(|n| {
        let letter = |at: u32| char::from_u32(u32::from(b'a') + at % 26).unwrap_or('a');
        let all = [letter(n / 676), letter(n / 26), letter(n)];
        let start: String = all[3 - length..].iter().collect();
        format!("{start}{kept}")
    });
    letters
        .into_iter()
        .find(is_new)
        .unwrap_or_else(|| own.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_look_like_the_old_ones() {
        let seen: BTreeSet<String> = ["7", "40", "aaa@x.org"].map(str::to_owned).into();
        let check = |own: &str, expected: &str| {
            assert_eq!(new_key(own, Some(&seen), &HashSet::new()), expected);
        };
        check("7", "41");
        check("bob@x.org", "aab@x.org");
        check("DE", "aa");
        check("2024-01-01", "2024-01-01");
        check(
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-db0000000000",
        );
    }
}
