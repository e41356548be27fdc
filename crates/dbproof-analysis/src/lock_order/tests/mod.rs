//! Tests of the search on transactions that are written down with what they lock.

mod bounds;
mod interleavings;
mod migrations;
mod rules;
mod values;

use std::sync::Arc;

use dbproof_model::{Column, ForeignKey, Relation, Schema};

use super::*;
use crate::sql::template;
use crate::traffic::{SentParameter, SentText};
use crate::transactions::{MigrationStep, TransactionClass, TransactionStatement};

/// A transaction and what it locks.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) class: TransactionClass,
    pub(super) footprint: Footprint,
}

/// A transaction of these statements, each with the locks that it takes, separated by `;`:
///
/// * `accounts 1 n`: a row of `public.accounts` by its `id`, in the mode KEY SHARE (`k`), SHARE (`s`),
///   NO KEY UPDATE (`n`) or UPDATE (`u`);
/// * `accounts ShareLock`: the relation;
/// * `!accounts_email email=x`: a key that is entered into an index of the relation before `_`;
/// * `#42`, `#42 shared`: an advisory lock.
///
/// A statement whose locks begin with `>` takes them in this order.
pub(super) fn told(name: &str, statements: &[(&str, &str)]) -> Told {
    with_parameters(
        name,
        &statements
            .iter()
            .map(|(sql, locks)| (*sql, &[][..], *locks))
            .collect::<Vec<_>>(),
    )
}

/// A migration of one transaction, written in the same way.
pub(super) fn migration(statements: &[(&str, &str)]) -> Told {
    let mut told = told("7.sql", statements);
    for (statement, (sql, _)) in told.class.statements.iter_mut().zip(statements) {
        statement.shape = Arc::from(*sql);
    }
    told.class.migration = Some(MigrationStep {
        file: "7.sql".to_owned(),
        number: 0,
        outside: false,
    });
    told
}

/// The same with parameters, in text form.
pub(super) fn with_parameters(name: &str, statements: &[(&str, &[&str], &str)]) -> Told {
    let statement = |(sql, parameters, _): &(&str, &[&str], &str)| {
        let template = template(sql, &[]);
        TransactionStatement {
            shape: template.shape.into(),
            kind: template.kind,
            sent: SentText {
                sql: Arc::from(*sql),
                parameters: parameters.iter().map(|text| text_parameter(text)).collect(),
            },
            tags: None,
            rows: 1,
            failed: None,
        }
    };
    let step = |(sql, _, locks): &(&str, &[&str], &str)| FootprintStep {
        is_ordered: locks.starts_with('>'),
        locks: locks
            .trim_start_matches('>')
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(lock)
            .collect(),
        waiting: if sql.contains("skip locked") {
            Waiting::Skips
        } else if sql.contains("nowait") || sql.contains("pg_try") {
            Waiting::Fails
        } else {
            Waiting::Waits
        },
        ..FootprintStep::default()
    };
    Told {
        class: TransactionClass {
            name: name.to_owned(),
            database: 1,
            statements: statements.iter().map(statement).collect(),
            occurrences: 1,
            sessions: 1,
            in_test_transaction: false,
            is_rolled_back: false,
            begin: None,
            settings: Vec::new(),
            migration: None,
        },
        footprint: Footprint {
            steps: statements.iter().map(step).collect(),
            ..Footprint::default()
        },
    }
}

pub(super) fn text_parameter(text: &str) -> SentParameter {
    SentParameter {
        type_oid: 0,
        binary: false,
        value: Some(text.as_bytes().to_vec()),
    }
}

pub(super) fn lock(text: &str) -> Lock {
    let words: Vec<&str> = text.split(' ').collect();
    if let Some(key) = words[0].strip_prefix('#') {
        let mode = match words.get(1) {
            Some(&"shared") => LockMode::AdvisoryShared,
            _ => LockMode::AdvisoryExclusive,
        };
        let object = LockObject::Advisory(key.replace(',', ", "));
        return Lock { object, mode };
    }
    let relation = |name: &str| format!("public.{name}");
    if let Some(index) = words[0].strip_prefix('!') {
        let key = words[1..].iter().map(|pair| pair.split_once('=').unwrap());
        return Lock {
            object: LockObject::UniqueKey {
                relation: relation(index.split('_').next().unwrap()),
                index: index.to_owned(),
                key: key.map(|(c, v)| (c.to_owned(), v.to_owned())).collect(),
            },
            mode: LockMode::UniqueKey,
        };
    }
    if let Some(mode) = RelationMode::from_pg_locks(words[1]) {
        return Lock {
            object: LockObject::Relation(relation(words[0])),
            mode: LockMode::Relation(mode),
        };
    }
    let key = words[1].split(',').map(|pair| match pair.split_once('=') {
        Some((column, value)) => (column.to_owned(), value.to_owned()),
        None => ("id".to_owned(), pair.to_owned()),
    });
    Lock {
        object: LockObject::Row {
            relation: relation(words[0]),
            key: key.collect(),
        },
        mode: LockMode::Row(match words[2] {
            "k" => RowMode::KeyShare,
            "s" => RowMode::Share,
            "n" => RowMode::NoKeyUpdate,
            "u" => RowMode::Update,
            other => panic!("no mode {other}"),
        }),
    }
}

pub(super) fn search_of(told: &[Told], schema: &Schema) -> Candidates {
    let schemas = [Schema::default(), schema.clone()];
    candidates(&searched(told), &schemas, &|| false)
}

pub(super) fn searched(told: &[Told]) -> Vec<Searched<'_>> {
    told.iter()
        .map(|one| Searched {
            class: &one.class,
            footprint: Some(&one.footprint),
        })
        .collect()
}

/// Each candidate's transactions and relations: `a b: accounts, orders`, in alphabetical order.
pub(super) fn summary(told: &[Told], found: &Candidates) -> Vec<String> {
    let mut lines: Vec<String> = found
        .groups
        .iter()
        .map(|group| {
            let members = &group.alternatives[0].members;
            let mut names: Vec<&str> = members
                .iter()
                .map(|m| told[m.class].class.name.as_str())
                .collect();
            names.sort_unstable();
            let relations = members.iter().flat_map(|m| {
                [&m.held, &m.asked].map(|taken| match taken.lock.object.relation() {
                    Some(name) => name.trim_start_matches("public."),
                    None => "advisory",
                })
            });
            let mut relations: Vec<&str> = relations.collect();
            relations.sort_unstable();
            relations.dedup();
            format!("{}: {}", names.join(" "), relations.join(", "))
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// The candidates of some transactions, without a schema.
#[track_caller]
pub(super) fn check(told: &[Told], expected: &[&str]) -> Candidates {
    let found = search_of(told, &Schema::default());
    assert_eq!(summary(told, &found), expected, "{:?}", found.limits);
    found
}

/// `orders`, and `lines` with a foreign key to it; `accounts` alone.
pub(super) fn shop() -> Schema {
    let relation = |oid, name: &str, columns: &[(&str, &str)]| Relation {
        oid,
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: (1..)
            .zip(columns)
            .map(|(attribute, (name, type_name))| Column {
                attribute,
                name: (*name).to_owned(),
                type_name: (*type_name).to_owned(),
                unique: *name == "id",
            })
            .collect(),
    };
    Schema {
        relations: vec![
            relation(
                1,
                "orders",
                &[("id", "bigint"), ("total", "numeric"), ("note", "text")],
            ),
            relation(
                2,
                "lines",
                &[
                    ("id", "bigint"),
                    ("order_id", "bigint"),
                    ("product", "text"),
                ],
            ),
            relation(
                3,
                "accounts",
                &[("id", "bigint"), ("email", "text"), ("balance", "bigint")],
            ),
        ],
        foreign_keys: vec![ForeignKey {
            relation_oid: 2,
            attributes: vec![2],
            referenced_oid: 1,
            referenced_attributes: vec![1],
        }],
    }
}
