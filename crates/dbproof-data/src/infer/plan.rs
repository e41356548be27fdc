//! Which column references what, and how keys stay unique: [`plan`].

use std::collections::BTreeMap;

use super::shape::{ColumnShape, ForeignKeyShape, TableShape};
use crate::skew::Frequencies;

/// The parents whose shares an exponent is fitted to.
const HEAVIEST: usize = 10;

/// What a column is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Role {
    Reference {
        table: String,
        column: String,
        choice: Choice,
    },
    /// Another value in each row.
    Unique,
    /// Its own row's key, for a table that references itself and allows no NULL.
    OwnKey(String),
    /// A number that happens to be a key, where a reference would close a cycle.
    Number(u64),
    /// NULL in every row, and why.
    Null(String),
}

/// How a reference chooses its parent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    Even,
    /// A fan-out as it is written.
    FanOut(String),
    Along(String),
    Within(String),
}

/// The roles of a table's columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TablePlan {
    pub(super) roles: BTreeMap<String, Role>,
    /// Whether a fan-out says how many rows there are.
    pub(super) counted: bool,
    /// What is left to the reader.
    pub(super) open: Vec<String>,
}

/// Plans all tables together, because references must not close a cycle.
pub(super) fn plan(tables: &[TableShape]) -> Vec<TablePlan> {
    let broken = broken_edges(tables);
    let planned = tables.iter().enumerate().map(|(index, table)| {
        let mut planner = Planner {
            tables,
            table,
            plan: TablePlan::default(),
        };
        let mut keys: Vec<(usize, &ForeignKeyShape)> =
            table.foreign_keys.iter().enumerate().collect();
        keys.sort_by_key(|(_, key)| std::cmp::Reverse(key.columns.len()));
        for (key_index, key) in keys {
            if key.parent == table.name {
                planner.references_itself(key);
            } else if broken.contains(&(index, key_index)) {
                planner.breaks_cycle(key);
            } else {
                planner.references(key);
            }
        }
        planner.keep_unique();
        planner.plan
    });
    planned.collect()
}

/// The foreign keys that would close a cycle, those that allow no NULL least of all.
fn broken_edges(tables: &[TableShape]) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    for (child, table) in tables.iter().enumerate() {
        for (index, key) in table.foreign_keys.iter().enumerate() {
            let Some(parent) = tables.iter().position(|other| other.name == key.parent) else {
                continue;
            };
            if parent != child {
                edges.push((allows_null(table, key), child, index, parent));
            }
        }
    }
    edges.sort_unstable();
    let (mut kept, mut broken): (Vec<(usize, usize)>, Vec<_>) = (Vec::new(), Vec::new());
    for (_, child, index, parent) in edges {
        if reaches(&kept, parent, child) {
            broken.push((child, index));
        } else {
            kept.push((child, parent));
        }
    }
    broken
}

fn reaches(edges: &[(usize, usize)], from: usize, to: usize) -> bool {
    let (mut seen, mut next) = (vec![from], vec![from]);
    while let Some(at) = next.pop() {
        if at == to {
            return true;
        }
        for (_, parent) in edges.iter().filter(|(child, _)| *child == at) {
            if !seen.contains(parent) {
                seen.push(*parent);
                next.push(*parent);
            }
        }
    }
    false
}

fn allows_null(table: &TableShape, key: &ForeignKeyShape) -> bool {
    let mut columns = table.columns.iter();
    columns.any(|column| key.columns.contains(&column.name) && !column.not_null)
}

struct Planner<'t> {
    tables: &'t [TableShape],
    table: &'t TableShape,
    plan: TablePlan,
}

impl Planner<'_> {
    fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.table.columns.iter().find(|column| column.name == name)
    }

    fn rows(&self) -> f64 {
        self.table.rows.unwrap_or(super::write::ROWS) as f64
    }

    fn rows_of(&self, name: &str) -> Option<f64> {
        let table = self.tables.iter().find(|table| table.name == name)?;
        Some(table.rows.unwrap_or(super::write::ROWS) as f64)
    }

    fn set_null(&mut self, key: &ForeignKeyShape, reason: &str) {
        for name in &key.columns {
            if self.column(name).is_some_and(|column| !column.not_null) {
                self.plan
                    .roles
                    .entry(name.clone())
                    .or_insert_with(|| Role::Null(reason.to_owned()));
            }
        }
    }

    fn leave(&mut self, what: String) {
        self.plan.open.push(what);
    }

    fn references_itself(&mut self, key: &ForeignKeyShape) {
        let ([column], [parent]) = (&key.columns[..], &key.parent_columns[..]) else {
            self.set_null(
                key,
                "a reference of several columns to the table itself is not inferred",
            );
            self.leave(format!(
                "({}) references the table itself",
                key.columns.join(", ")
            ));
            return;
        };
        let role = if self.column(column).is_some_and(|column| column.not_null) {
            Role::OwnKey(parent.clone())
        } else {
            Role::Reference {
                table: self.table.name.clone(),
                column: parent.clone(),
                choice: Choice::Even,
            }
        };
        self.plan.roles.entry(column.clone()).or_insert(role);
    }

    fn breaks_cycle(&mut self, key: &ForeignKeyShape) {
        let what = format!("({}) references {}", key.columns.join(", "), key.parent);
        if allows_null(self.table, key) {
            self.set_null(
                key,
                &format!("a reference to {} would close a cycle", key.parent),
            );
            self.leave(format!(
                "{what}, which would close a cycle of tables: it is NULL"
            ));
            return;
        }
        let parents = self.rows_of(&key.parent).unwrap_or(1.0);
        for name in &key.columns {
            let number = self
                .column(name)
                .is_some_and(|column| column.integers().is_some());
            if number {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number of rows"
                )]
                let high = parents.max(1.0) as u64;
                self.plan
                    .roles
                    .entry(name.clone())
                    .or_insert(Role::Number(high));
            }
        }
        self.leave(format!(
            "{what}, which would close a cycle of tables: numbers stand for the keys, and do not \
             follow --scale"
        ));
    }

    fn references(&mut self, key: &ForeignKeyShape) {
        let Some(parents) = self.rows_of(&key.parent) else {
            self.leave(format!(
                "({}) references {}, which is not among the tables",
                key.columns.join(", "),
                key.parent
            ));
            return;
        };
        let taken = key
            .columns
            .iter()
            .filter(|name| self.plan.roles.contains_key(*name))
            .count();
        if taken > 0 {
            if taken < key.columns.len() || key.columns.len() > 1 {
                self.leave(format!(
                    "({}) references {}, and shares columns with another reference",
                    key.columns.join(", "),
                    key.parent
                ));
            }
            return;
        }
        let Some(first) = self.column(&key.columns[0]).cloned() else {
            return;
        };
        if first.null_rate() >= 1.0 {
            self.set_null(key, "it is NULL in every row");
            return;
        }
        if parents < 1.0 {
            self.set_null(key, "the table that it references is empty");
            return;
        }
        let is_key = self
            .table
            .keys
            .iter()
            .any(|unique| same(unique, &key.columns));
        let choice = if is_key && !self.plan.counted {
            self.plan.counted = true;
            Choice::FanOut("{ constant = 1 }".to_owned())
        } else if is_key {
            self.leave(format!(
                "({}) is unique, which is not kept",
                key.columns.join(", ")
            ));
            Choice::Even
        } else {
            // Of several columns, the one that tells parents apart best.
            let columns = key.columns.iter().filter_map(|name| self.column(name));
            let rows = self.rows();
            let distinct = |column: &&ColumnShape| column.distinct(rows).unwrap_or(0.0);
            let telling = columns
                .max_by(|a, b| distinct(a).total_cmp(&distinct(b)))
                .cloned();
            self.fan_out(&telling.unwrap_or(first), parents)
        };
        for (index, (name, parent)) in key.columns.iter().zip(&key.parent_columns).enumerate() {
            let role = Role::Reference {
                table: key.parent.clone(),
                column: parent.clone(),
                choice: if index == 0 {
                    choice.clone()
                } else {
                    Choice::Along(key.columns[0].clone())
                },
            };
            self.plan.roles.insert(name.clone(), role);
        }
    }

    /// The fan-out that the statistics speak for.
    fn fan_out(&mut self, column: &ColumnShape, parents: f64) -> Choice {
        let rows = self.rows() * (1.0 - column.null_rate());
        let mean = rows / parents;
        let with_children = column.distinct(self.rows()).unwrap_or(parents).min(parents);
        let side_by_side = column.correlation() > 0.95 && column.null_rate() == 0.0;
        if side_by_side && !self.plan.counted && mean > 0.0 {
            self.plan.counted = true;
            // So many parents have children under Poisson's law.
            let expected = parents * -(-mean).exp_m1();
            let share = with_children / parents;
            if with_children > expected + 0.03 * parents && share > 0.97 && mean >= 1.0 {
                let most = (2.0 * mean - 1.0).round().max(1.0);
                return Choice::FanOut(format!("{{ uniform = [1, {most}] }}"));
            }
            return Choice::FanOut(format!("{{ poisson = {} }}", rounded(mean)));
        }
        let common = column.common();
        let first = common.iter().take(HEAVIEST);
        let listed = first.len();
        let shares: f64 = first.map(|(_, share)| share).sum();
        // Without a list, or with one hardly heavier than chance makes it, everybody is alike.
        if common.is_empty() || shares < 1.5 * listed as f64 / parents {
            return Choice::Even;
        }
        match zipf(parents, listed, shares.min(0.999)) {
            exponent if exponent < 0.05 => Choice::Even,
            exponent => Choice::FanOut(format!("{{ zipf = {} }}", rounded(exponent))),
        }
    }

    /// Sees to it that every key is unique.
    fn keep_unique(&mut self) {
        let mut keys = self.table.keys.clone();
        keys.sort_by_key(Vec::len);
        for key in keys {
            let kept = key
                .iter()
                .any(|name| self.plan.roles.get(name) == Some(&Role::Unique));
            let whole = self
                .table
                .foreign_keys
                .iter()
                .any(|other| same(&key, &other.columns));
            let null = key
                .iter()
                .any(|name| matches!(self.plan.roles.get(name), Some(Role::Null(_))));
            if kept || whole || null || self.one_column(&key) || self.pair(&key) {
                continue;
            }
            self.leave(format!("the key ({}) is not kept unique", key.join(", ")));
        }
    }

    /// Makes the column of the key unique that lends itself best.
    fn one_column(&mut self, key: &[String]) -> bool {
        let rows = self.rows();
        let ease = |name: &String| {
            let column = self.column(name)?;
            if self.plan.roles.contains_key(name) || column.generated {
                return None;
            }
            match column.integers() {
                Some((_, most)) if most as f64 >= rows * 10.0 => return Some(0),
                Some(_) => return None,
                None => {}
            }
            match column.base_type.as_str() {
                _ if column.array => None,
                "uuid" => Some(1),
                "numeric" if column.precision().is_none_or(|(_, scale)| scale == 0) => Some(2),
                "timestamp" | "timestamptz" => Some(3),
                _ if column.is_text() => Some(4),
                "inet" | "bytea" => Some(5),
                _ => None,
            }
        };
        let chosen = key
            .iter()
            .filter_map(|name| Some((ease(name)?, name)))
            .min();
        let Some((_, name)) = chosen else {
            return false;
        };
        self.plan.roles.insert(name.clone(), Role::Unique);
        true
    }

    /// Two references as a key: each child of one parent gets another of the other's.
    fn pair(&mut self, key: &[String]) -> bool {
        let heads: Vec<(String, f64, bool)> = key
            .iter()
            .filter_map(|name| match self.plan.roles.get(name)? {
                Role::Reference { table, choice, .. } => {
                    let counted = matches!(choice, Choice::FanOut(text) if !text.contains("zipf"));
                    let along = matches!(choice, Choice::Along(_) | Choice::Within(_));
                    (!along && *table != self.table.name)
                        .then(|| Some((name.clone(), self.rows_of(table)?, counted)))?
                }
                _ => None,
            })
            .collect();
        let rows = self.rows();
        for (first, first_rows, counted) in &heads {
            for (second, second_rows, _) in &heads {
                let mean = rows / first_rows.max(1.0);
                if first == second || mean > *second_rows || self.plan.counted && !counted {
                    continue;
                }
                let least = (mean / 2.0).floor();
                let most = (mean * 1.5).ceil().min(*second_rows).max(least);
                self.plan.counted = true;
                self.choose(
                    first,
                    Choice::FanOut(format!("{{ uniform = [{least}, {most}] }}")),
                );
                self.choose(second, Choice::Within(first.clone()));
                return true;
            }
        }
        false
    }

    fn choose(&mut self, name: &str, new: Choice) {
        if let Some(Role::Reference { choice, .. }) = self.plan.roles.get_mut(name) {
            *choice = new;
        }
    }
}

fn same(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().all(|name| right.contains(name))
}

/// The exponent under which the first `listed` of so many ranks have this share.
fn zipf(ranks: f64, listed: usize, share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of rows"
    )]
    let n = ranks.max(1.0) as u64;
    let (mut low, mut high) = (0.0, 4.0);
    for _ in 0..40 {
        let exponent = f64::midpoint(low, high);
        let first = Frequencies::Zipf { n, exponent }.first(listed as u64);
        if first.iter().sum::<f64>() < share {
            low = exponent;
        } else {
            high = exponent;
        }
    }
    f64::midpoint(low, high)
}

/// Two decimals, and two digits at least.
pub(super) fn rounded(value: f64) -> f64 {
    let digits = if value.abs() >= 0.1 { 1e2 } else { 1e4 };
    (value * digits).round() / digits
}
