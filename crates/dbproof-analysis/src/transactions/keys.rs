//! Values that are keys of rows, and how those of a transaction compare: [`KeySlot`], [`pattern`].

use std::hash::{Hash as _, Hasher as _};

use rustc_hash::{FxHashMap, FxHasher};

use crate::sql::{ComparedColumn, Comparison, SlotKind};
use crate::traffic::{SentParameter, SentText, SentValue, Statement};

/// A slot of a statement whose value tells which row is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeySlot {
    /// The slot.
    pub(super) slot: usize,
    /// What its values are keys of, as a hash: only values of one domain are compared.
    pub(super) domain: u64,
}

/// A key, so that it can be compared with others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// A number.
    Number(i128),
    /// Anything else, as text.
    Text(String),
}

/// Names of columns that hold keys by which rows are known outside of the database.
const NATURAL_KEYS: &[&str] = &[
    "sku", "code", "slug", "email", "username", "login", "handle", "key", "token", "number", "isbn",
];

/// The slots of a statement whose values are keys.
pub(super) fn key_slots(statement: &Statement) -> Vec<KeySlot> {
    let slots = statement.parsed().slots.iter().enumerate();
    let keys = slots.filter_map(|(slot, parsed)| {
        let column = parsed.compared.as_ref()?;
        let is_known = match parsed.kind {
            // The server decides in which order it comes upon the elements of a list.
            SlotKind::Element => parsed.alone,
            SlotKind::Array | SlotKind::Limit | SlotKind::Offset => false,
            SlotKind::Value | SlotKind::Assigned | SlotKind::Inserted => true,
        };
        let domain = domain(column).filter(|_| is_known)?;
        let mut hasher = FxHasher::default();
        domain.hash(&mut hasher);
        Some(KeySlot {
            slot,
            domain: hasher.finish(),
        })
    });
    keys.collect()
}

/// What the values of a column are keys of. There is no catalog here, so names have to tell:
/// `account.id`, `transfer.from_account_id` and `bank_accounts.id` are all keys of accounts. Taking
/// too much for one makes more classes, and no other harm.
fn domain(column: &ComparedColumn) -> Option<String> {
    let relation = column.relation.as_ref().or(column.candidates.first());
    let words = words(&column.column);
    let is_id = |word: &String| matches!(word.as_str(), "id" | "uuid" | "guid" | "pk");
    match words.as_slice() {
        [.., of, last] if is_id(last) => Some(singular(of)),
        [only] if is_id(only) => {
            let relation = relation.map_or("", |relation| relation.name.as_str());
            let words = self::words(relation);
            Some(words.last().map(|word| singular(word)).unwrap_or_default())
        }
        [.., last] => {
            let is_natural = NATURAL_KEYS.contains(&last.as_str());
            let is_compared = column.comparison == Comparison::Equal;
            let relation = relation.map_or("", |relation| relation.name.as_str());
            (is_natural || is_compared).then(|| format!("{relation}.{}", column.column))
        }
        [] => None,
    }
}

/// The words of a name: `from_account_id` and `fromAccountId` are three.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = c == '_' || (was_lower && c.is_uppercase());
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| c != '_') {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A noun in the singular, as far as rules tell; the same for the singular itself.
fn singular(word: &str) -> String {
    let cut = |end: &str, put: &str| word.strip_suffix(end).map(|stem| format!("{stem}{put}"));
    let is_singular = ["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    if is_singular || word.len() < 3 {
        return word.to_owned();
    }
    cut("ies", "y")
        .or_else(|| cut("sses", "ss"))
        .or_else(|| cut("uses", "us"))
        .or_else(|| cut("xes", "x"))
        .or_else(|| cut("ches", "ch"))
        .or_else(|| cut("shes", "sh"))
        .or_else(|| cut("s", ""))
        .unwrap_or_else(|| word.to_owned())
}

/// A statement that was sent, and its slots that are keys.
pub(super) struct Sent<'a> {
    pub(super) statement: &'a Statement,
    pub(super) keys: &'a [KeySlot],
    pub(super) text: &'a SentText,
}

/// How the keys of some statements compare with each other: for each domain, which is the greater
/// and which are equal. Returned as a hash; 0 where there is nothing to compare.
pub(super) fn pattern(statements: &[Sent<'_>]) -> u64 {
    let mut counts: FxHashMap<u64, usize> = FxHashMap::default();
    for key in statements.iter().flat_map(|sent| sent.keys) {
        *counts.entry(key.domain).or_default() += 1;
    }
    let compared = |key: &&KeySlot| counts[&key.domain] > 1;
    let mut domains: Vec<(u64, Vec<Option<Key>>)> = Vec::new();
    for sent in statements {
        if !sent.keys.iter().any(|key| compared(&key)) {
            continue;
        }
        let values = sent.statement.sent_values(sent.text);
        for key in sent.keys.iter().filter(compared) {
            let value = values.get(key.slot).and_then(read);
            match domains.iter_mut().find(|(domain, _)| *domain == key.domain) {
                Some((_, values)) => values.push(value),
                None => domains.push((key.domain, vec![value])),
            }
        }
    }
    if domains.is_empty() {
        return 0;
    }
    let mut hasher = FxHasher::default();
    for (domain, values) in &domains {
        domain.hash(&mut hasher);
        ranks(values).hash(&mut hasher);
    }
    hasher.finish()
}

/// The rank of each value among all of them, from 1; 0 is NULL, or a value that is not known.
fn ranks(values: &[Option<Key>]) -> Vec<usize> {
    let mut sorted: Vec<&Key> = values.iter().flatten().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let rank = |value: &Option<Key>| {
        let value = value.as_ref()?;
        sorted.binary_search(&value).ok()
    };
    let ranks = values
        .iter()
        .map(|value| rank(value).map_or(0, |at| at + 1));
    ranks.collect()
}

fn read(value: &SentValue<'_>) -> Option<Key> {
    match value {
        SentValue::Null => None,
        SentValue::Text(text) => Some(of_text(text)),
        SentValue::Parameter(parameter) => of_parameter(parameter),
    }
}

fn of_parameter(parameter: &SentParameter) -> Option<Key> {
    let value = parameter.value.as_deref()?;
    if !parameter.binary {
        return Some(of_text(&String::from_utf8_lossy(value)));
    }
    let number = match (parameter.type_oid, value) {
        (0 | 21, [a, b]) => Some(i128::from(i16::from_be_bytes([*a, *b]))),
        (0 | 23, [a, b, c, d]) => Some(i128::from(i32::from_be_bytes([*a, *b, *c, *d]))),
        (0 | 20, bytes) if bytes.len() == 8 => {
            let bytes: [u8; 8] = bytes.try_into().ok()?;
            Some(i128::from(i64::from_be_bytes(bytes)))
        }
        _ => None,
    };
    if let Some(number) = number {
        return Some(Key::Number(number));
    }
    if matches!(parameter.type_oid, 0 | 2950) && value.len() == 16 {
        let digits = value.iter().map(|byte| format!("{byte:02x}"));
        return Some(Key::Text(digits.collect()));
    }
    Some(of_text(&String::from_utf8_lossy(value)))
}

/// A key as text; a UUID is the same with its hyphens and without.
fn of_text(text: &str) -> Key {
    if let Ok(number) = text.trim().parse() {
        return Key::Number(number);
    }
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if text.len() == 36 && text.bytes().all(is_digit) {
        return Key::Text(text.replace('-', "").to_ascii_lowercase());
    }
    Key::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{HashKey, Statements};

    /// The domains of the keys of a statement: which of them are alike, by the first that is.
    fn alike(sql: &str) -> Vec<usize> {
        let statement = Statements::new(HashKey(1, 2)).read(sql).statement;
        let keys = key_slots(&statement);
        let first = |key: &KeySlot| keys.iter().position(|k| k.domain == key.domain);
        keys.iter().filter_map(first).collect()
    }

    #[test]
    fn names_tell_which_columns_hold_keys_of_the_same_rows() {
        for (sql, expected) in [
            ("update account set amount = 1 where id = 2", vec![0]),
            (
                "insert into transfer (from_account_id, to_account_id, amount) values (1, 2, 3)",
                vec![0, 0],
            ),
            (
                "update accounts set \"parentAccountId\" = 1 where id = 2",
                vec![0, 0],
            ),
            (
                "update bank_account set owner_id = 1 where id = 2",
                vec![0, 1],
            ),
            (
                "insert into stock (sku, quantity) values ('a', 1), ('b', 2)",
                vec![0, 0],
            ),
            (
                "select 1 from categories c join post p on p.category_id = c.id where c.id = 1 and p.category_id = 2 limit 3",
                vec![0, 0],
            ),
            ("select 1 from a where id in (1, 2)", vec![]),
            ("select 1 from a where id in (1)", vec![0]),
            ("select 1 from a where id > 1", vec![0]),
            ("update a set b = 1", vec![]),
        ] {
            assert_eq!(alike(sql), expected, "{sql}");
        }
    }

    #[test]
    fn singulars() {
        for (word, expected) in [
            ("accounts", "account"),
            ("categories", "category"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("status", "status"),
            ("bus", "bus"),
            ("matches", "match"),
            ("id", "id"),
        ] {
            assert_eq!(singular(word), expected);
        }
    }

    fn pattern_of(texts: &[(&str, &[SentParameter])]) -> u64 {
        let mut statements = Statements::new(HashKey(1, 2));
        let read: Vec<_> = texts
            .iter()
            .map(|(sql, parameters)| {
                let statement = statements.read(sql).statement;
                let keys = key_slots(&statement);
                let text = SentText {
                    sql: (*sql).into(),
                    parameters: parameters.to_vec(),
                };
                (statement, keys, text)
            })
            .collect();
        let sent: Vec<_> = read
            .iter()
            .map(|(statement, keys, text)| Sent {
                statement,
                keys,
                text,
            })
            .collect();
        pattern(&sent)
    }

    fn plain(texts: &[&str]) -> u64 {
        let texts: Vec<_> = texts.iter().map(|sql| (*sql, &[][..])).collect();
        pattern_of(&texts)
    }

    #[test]
    fn a_pattern_is_what_is_equal_and_what_is_greater() {
        let pay = |id: &str| format!("update account set amount = 7 where id = {id}");
        let of = |ids: &[&str]| {
            let texts: Vec<String> = ids.iter().map(|id| pay(id)).collect();
            plain(&texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(of(&["1", "2"]), of(&["9", "10"]), "numbers are no texts");
        assert_ne!(of(&["1", "2"]), of(&["2", "1"]));
        assert_ne!(of(&["1", "2"]), of(&["1", "1"]));
        assert_eq!(of(&["'a'", "'b'"]), of(&["'b'", "'c'"]));
        assert_eq!(of(&["1"]), 0);
        assert_eq!(of(&["-2", "-1"]), of(&["1", "2"]));
    }

    #[test]
    fn parameters_in_either_form_compare_with_literals() {
        let sql = "update account set amount = $1 where id = $2";
        let of = |type_oid, binary, value: &[u8]| SentParameter {
            type_oid,
            binary,
            value: Some(value.to_vec()),
        };
        let amount = of(23, false, b"5");
        let first = [amount.clone(), of(20, true, &1_i64.to_be_bytes())];
        let second = [amount.clone(), of(0, false, b"2")];
        let literal = plain(&[
            "update account set amount = 1 where id = 1",
            "update account set amount = 1 where id = 2",
        ]);
        assert_eq!(pattern_of(&[(sql, &first), (sql, &second)]), literal);
        assert_ne!(pattern_of(&[(sql, &second), (sql, &first)]), literal);
        let uuid = [0xab_u8; 16];
        let binary = [amount.clone(), of(2950, true, &uuid)];
        let text = [
            amount,
            of(0, false, b"ABABABAB-abab-abab-abab-abababababab"),
        ];
        let same = plain(&[
            "update account set amount = 1 where id = 1",
            "update account set amount = 1 where id = 1",
        ]);
        assert_eq!(pattern_of(&[(sql, &binary), (sql, &text)]), same);
    }
}
