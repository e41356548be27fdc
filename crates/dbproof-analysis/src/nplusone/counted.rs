//! Loops told by counters alone: [`counted`].
//!
//! `pg_stat_statements` says how often a statement ran and how many rows it returned, and nothing of
//! values or of order. A statement that looks rows up by a key, as often as another statement
//! returned rows that hold such keys, is likely its loop; counters prove nothing.

use dbproof_model::{Finding, Schema};

use super::Thresholds;
use crate::findings::lookups_per_row;
use crate::sql::{
    ComparedColumn, Comparison, ParsedTemplate, RelationName, SlotKind, StatementKind,
};

/// What a statement has done.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted<'a> {
    /// The statement's text.
    pub sql: &'a str,
    /// How often it was executed.
    pub calls: u64,
    /// The rows that it returned or affected.
    pub rows: u64,
    /// Its execution time in milliseconds.
    pub total_ms: f64,
}

/// A statement and the one whose rows it is likely executed for.
#[derive(Debug, Clone, PartialEq)]
pub struct CountedLoop {
    /// The statement that looks rows up.
    pub template: String,
    /// How often it was executed.
    pub calls: u64,
    /// Its execution time in milliseconds.
    pub total_ms: f64,
    /// The statement that returned as many rows.
    pub parent: String,
    /// How often that was executed.
    pub parent_calls: u64,
    /// The rows that it returned.
    pub parent_rows: u64,
    /// The column that is compared, with its relation.
    pub column: String,
}

/// Finds statements that were executed once for each row that another one returned, as far as
/// counters can tell: the counts differ by a tenth at most, the parent returned two rows or more each
/// time, and a foreign key leads between the compared column and a relation of the parent.
#[must_use]
pub fn counted(all: &[Counted<'_>], schema: &Schema, thresholds: &Thresholds) -> Vec<Finding> {
    let parsed: Vec<ParsedTemplate> = all.iter().map(|c| ParsedTemplate::of(c.sql)).collect();
    let reads = |at: &usize| parsed[*at].kind == StatementKind::Select;
    let mut findings = Vec::new();
    for child in (0..all.len()).filter(reads) {
        let Some(column) = key(&parsed[child]) else {
            continue;
        };
        if all[child].calls < thresholds.likely_values {
            continue;
        }
        let parents = (0..all.len()).filter(reads).filter(|parent| {
            let parent = *parent;
            parsed[parent].shape != parsed[child].shape
                && all[parent].rows >= 2 * all[parent].calls
                && is_close(all[child].calls, all[parent].rows, thresholds.coverage)
                && leads_between(schema, column, &parsed[parent].relations)
        });
        let off = |at: &usize| all[*at].rows.abs_diff(all[child].calls);
        let Some(parent) = parents.min_by_key(off) else {
            continue;
        };
        let relation = column.find_in(schema).map(|(relation, _)| &relation.name);
        findings.push(lookups_per_row::finding(&CountedLoop {
            template: parsed[child].shape.clone(),
            calls: all[child].calls,
            total_ms: all[child].total_ms,
            parent: parsed[parent].shape.clone(),
            parent_calls: all[parent].calls,
            parent_rows: all[parent].rows,
            column: match relation {
                Some(relation) => format!("{relation}.{}", column.column),
                None => column.column.clone(),
            },
        }));
    }
    findings
}

/// The one column that a statement looks rows up by.
fn key(parsed: &ParsedTemplate) -> Option<&ComparedColumn> {
    let mut keys = parsed.slots.iter().filter(|slot| {
        let column = slot.compared.as_ref();
        slot.kind == SlotKind::Value && column.is_some_and(|c| c.comparison == Comparison::Equal)
    });
    keys.next()?.compared.as_ref()
}

fn is_close(calls: u64, rows: u64, coverage: f64) -> bool {
    let (less, more) = (calls.min(rows) as f64, calls.max(rows) as f64);
    less >= coverage * more
}

/// Whether a relation of the parent holds values of the compared column: it refers to it, or is
/// referred to by it.
fn leads_between(schema: &Schema, column: &ComparedColumn, parents: &[RelationName]) -> bool {
    let Some((relation, column)) = column.find_in(schema) else {
        return false;
    };
    let parents = parents.iter().filter_map(|name| {
        let found = schema.relation_named(name.schema.as_deref(), &name.name)?;
        Some(found.oid)
    });
    parents.into_iter().any(|parent| {
        schema.foreign_keys.iter().any(|key| {
            let mut pairs = key.attributes.iter().zip(&key.referenced_attributes);
            pairs.any(|(from, to)| {
                let refers = key.relation_oid == parent
                    && (key.referenced_oid, *to) == (relation.oid, column.attribute);
                let is_referred = key.referenced_oid == parent
                    && (key.relation_oid, *from) == (relation.oid, column.attribute);
                refers || is_referred
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Column, ForeignKey, Relation};

    use super::*;

    /// `users (id)`, `orders (id, user_id -> users.id)`, `settings (id)`.
    fn schema() -> Schema {
        let relation = |oid, name: &str, columns: &[&str]| Relation {
            oid,
            schema: "public".to_owned(),
            name: name.to_owned(),
            columns: (1..)
                .zip(columns)
                .map(|(attribute, name)| Column {
                    attribute,
                    name: (*name).to_owned(),
                    type_name: "bigint".to_owned(),
                    unique: attribute == 1,
                })
                .collect(),
        };
        Schema {
            relations: vec![
                relation(1, "users", &["id", "name"]),
                relation(2, "orders", &["id", "user_id"]),
                relation(3, "settings", &["id", "value"]),
            ],
            foreign_keys: vec![ForeignKey {
                relation_oid: 2,
                attributes: vec![2],
                referenced_oid: 1,
                referenced_attributes: vec![1],
            }],
        }
    }

    fn found(all: &[(&str, u64, u64)]) -> Vec<String> {
        let all: Vec<Counted<'_>> = all
            .iter()
            .map(|(sql, calls, rows)| Counted {
                sql,
                calls: *calls,
                rows: *rows,
                total_ms: 1.0,
            })
            .collect();
        let findings = counted(&all, &schema(), &Thresholds::default());
        findings.into_iter().map(|f| f.subject).collect()
    }

    const ORDERS: &str = "SELECT * FROM orders ORDER BY id DESC LIMIT $1";
    const USER: &str = "SELECT * FROM users WHERE id = $1";

    #[test]
    fn as_many_lookups_as_rows_are_a_loop() {
        assert_eq!(
            found(&[(ORDERS, 10, 200), (USER, 195, 195)]),
            ["select * from users where id = ?"]
        );
        let of_user = "SELECT count(*) FROM orders WHERE user_id = $1";
        assert_eq!(
            found(&[("SELECT * FROM users", 1, 50), (of_user, 50, 50)]),
            ["select count(*) from orders where user_id = ?"]
        );
    }

    #[test]
    fn other_counts_other_relations_and_single_rows_are_none() {
        assert!(found(&[(ORDERS, 10, 200), (USER, 100, 100)]).is_empty());
        assert!(found(&[(ORDERS, 10, 200), (USER, 900, 900)]).is_empty());
        let setting = "SELECT * FROM settings WHERE id = $1";
        assert!(found(&[(ORDERS, 10, 200), (setting, 200, 200)]).is_empty());
        // One order a page, and its user: two statements a page, and nothing to batch.
        assert!(found(&[(ORDERS, 200, 200), (USER, 200, 200)]).is_empty());
        assert!(found(&[(ORDERS, 1, 4), (USER, 4, 4)]).is_empty());
        let all_at_once = "SELECT * FROM users WHERE id = ANY($1)";
        assert!(found(&[(ORDERS, 10, 200), (all_at_once, 200, 200)]).is_empty());
        let write = "UPDATE users SET name = $1 WHERE id = $2";
        assert!(found(&[(ORDERS, 10, 200), (write, 200, 200)]).is_empty());
    }
}
