//! In which order a statement took its locks, where that is known.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject};
use dbproof_analysis::sql::{Token, tokenize};
use postgres_types::{FromSql, Type};
use tokio_postgres::Row;

use super::relation::Relation;

/// The new locks of a statement, and whether they stand in the order in which they were taken. Relations
/// come first, because they are locked before the rows inside of them.
///
/// Known is the order of one lock, or of one relation and one lock inside of it; and of rows that are
/// returned in the order in which they are locked, where the result has their keys.
pub(super) fn of<'c>(
    mut locks: Vec<Lock>,
    sql: &str,
    answer: &[Row],
    relation_of: &dyn Fn(&str) -> Option<&'c Relation>,
) -> (Vec<Lock>, bool) {
    locks.sort_by_key(rank);
    let count = |of: u8| locks.iter().filter(|lock| rank(lock) == of).count();
    let (advisory, rows, new_keys) = (count(1), count(2), count(3));
    let relations = locks.iter().filter(|lock| rank(lock) == 0);
    let relations: BTreeSet<&LockObject> = relations.map(|lock| &lock.object).collect();
    if relations.len() > 1 {
        return (locks, false);
    }
    if advisory + rows + new_keys <= 1 {
        return (locks, true);
    }
    if advisory > 0 || new_keys > 0 {
        return (locks, false);
    }
    match in_order_of_result(&locks, sql, answer, relation_of) {
        Some(ordered) => (ordered, true),
        None => (locks, false),
    }
}

/// Old keys come with their rows and wait for nobody.
fn rank(lock: &Lock) -> u8 {
    match lock.mode {
        LockMode::Relation(_) => 0,
        LockMode::AdvisoryShared | LockMode::AdvisoryExclusive => 1,
        LockMode::Row(_) => 2,
        LockMode::UniqueKey => 3,
        LockMode::OldUniqueKey => 4,
    }
}

fn in_order_of_result<'c>(
    locks: &[Lock],
    sql: &str,
    answer: &[Row],
    relation_of: &dyn Fn(&str) -> Option<&'c Relation>,
) -> Option<Vec<Lock>> {
    if !returns_as_it_locks(sql) {
        return None;
    }
    let rows = locks.iter().filter(|lock| rank(lock) == 2);
    let names: Vec<&str> = rows.clone().filter_map(|r| r.object.relation()).collect();
    let relation = names.first().copied()?;
    // Children of a table come one after the other, but which comes first the result does not tell.
    if names.iter().any(|name| *name != relation) {
        return None;
    }
    let relation = relation_of(relation)?;
    let columns = answer.first()?.columns();
    let mut places = Vec::new();
    for key in &relation.identity {
        places.push(columns.iter().position(|column| {
            column.table_oid() == Some(relation.oid) && column.column_id() == Some(key.attribute)
        })?);
    }
    if places.is_empty() {
        return None;
    }
    let mut returned: Vec<Vec<String>> = Vec::new();
    for row in answer {
        let key: Option<Vec<String>> = places.iter().map(|at| text(row, *at)).collect();
        returned.push(key?);
    }
    let mut ordered: Vec<(usize, &Lock)> = Vec::new();
    for lock in rows {
        let LockObject::Row { key, .. } = &lock.object else {
            return None;
        };
        let is_it = |row: &Vec<String>| row.iter().eq(key.iter().map(|(_, value)| value));
        ordered.push((returned.iter().position(is_it)?, lock));
    }
    ordered.sort_by_key(|(at, _)| *at);
    let ordered = ordered.into_iter().map(|(_, lock)| lock);
    let before = locks.iter().filter(|lock| rank(lock) < 2);
    let after = locks.iter().filter(|lock| rank(lock) > 2);
    Some(before.chain(ordered).chain(after).cloned().collect())
}

/// Whether the statement returns its rows in the order in which it locks them: SELECT with a locking
/// clause of its own (rows are locked last, after sorting), UPDATE and DELETE with RETURNING.
fn returns_as_it_locks(sql: &str) -> bool {
    let tokens = tokenize(sql);
    let tokens: Vec<&Token<'_>> = tokens.iter().filter(|t| t.is_significant()).collect();
    let mut depth = 0_i32;
    let (mut outer, mut inner, mut returning) = (0, 0, false);
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        let next = tokens.get(at + 1);
        let strengths = ["update", "share", "no", "key"];
        if token.is_word("for") && strengths.iter().any(|s| next.is_some_and(|n| n.is_word(s))) {
            if depth == 0 {
                outer += 1;
            } else {
                inner += 1;
            }
        }
        returning |= token.is_word("returning");
    }
    let Some(first) = tokens.first() else {
        return false;
    };
    if first.is_word("select") {
        outer == 1 && inner == 0
    } else {
        (first.is_word("update") || first.is_word("delete")) && returning && outer + inner == 0
    }
}

/// A value of a key as text, where its binary form is one that is certain.
fn text(row: &Row, at: usize) -> Option<String> {
    let raw: Raw<'_> = row.try_get(at).ok()?;
    let kind = row.columns()[at].type_();
    let integer = |bytes: &[u8]| -> Option<i64> {
        match bytes.len() {
            2 => Some(i64::from(i16::from_be_bytes(bytes.try_into().ok()?))),
            4 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
            8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    };
    match *kind {
        Type::INT2 | Type::INT4 | Type::INT8 => integer(raw.0).map(|n| n.to_string()),
        Type::TEXT | Type::VARCHAR | Type::NAME => {
            std::str::from_utf8(raw.0).ok().map(str::to_owned)
        }
        Type::UUID => {
            let mut hex = String::new();
            for (at, byte) in raw.0.iter().enumerate() {
                let hyphen = if matches!(at, 4 | 6 | 8 | 10) {
                    "-"
                } else {
                    ""
                };
                let _ = write!(hex, "{hyphen}{byte:02x}");
            }
            Some(hex)
        }
        _ => None,
    }
}

/// The bytes of a value that is not NULL.
struct Raw<'b>(&'b [u8]);

impl<'b> FromSql<'b> for Raw<'b> {
    fn from_sql(_: &Type, raw: &'b [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_return_as_they_lock_are_told_from_others() {
        for (sql, expected) in [
            ("SELECT id FROM t ORDER BY id FOR UPDATE", true),
            ("select id from t for no key update of t", true),
            ("UPDATE t SET n = 1 RETURNING id", true),
            ("DELETE FROM t WHERE id < 3 RETURNING id", true),
            ("UPDATE t SET n = 1", false),
            ("SELECT id FROM t", false),
            (
                "SELECT id FROM (SELECT id FROM t FOR UPDATE) s ORDER BY id",
                false,
            ),
            (
                "WITH l AS (SELECT id FROM t FOR UPDATE) SELECT id FROM l",
                false,
            ),
            (
                "UPDATE t SET n = 1 WHERE id IN (SELECT id FROM t FOR UPDATE) RETURNING id",
                false,
            ),
            ("SELECT id FROM a, b FOR UPDATE OF a FOR SHARE OF b", false),
            ("INSERT INTO t VALUES (1) RETURNING id", false),
        ] {
            assert_eq!(returns_as_it_locks(sql), expected, "{sql}");
        }
    }
}
