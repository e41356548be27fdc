//! What a statement is seen to have locked and done, in the form of the record.

use dbproof_analysis::lock_order::RelationMode;
use dbproof_analysis::sql::{TokenKind, tokenize};
use dbproof_model::{
    BuiltIndex, MigrationStatement, MigrationWork, RelationKind, Rewrite, RowsTouched,
    StatementLock,
};

use super::{Acquired, ObservedMigration, Ran, milliseconds};
use crate::PostgresError;
use crate::migration::relations::{Snapshot, definition};

impl ObservedMigration {
    /// Adds the locks that a statement of a transaction took: those that it holds now and did not
    /// before, and those that only the samples have seen.
    pub(super) fn add_held(
        &mut self,
        statement: &mut MigrationStatement,
        locks: &[(u32, RelationMode)],
        ran: &Ran,
    ) {
        let open = self.open.as_ref().expect("a transaction is open");
        let sampled = ran.samples.locks.keys();
        let mut taken: Vec<(u32, RelationMode)> = locks
            .iter()
            .chain(sampled)
            .filter(|lock| !open.held.contains(lock) && self.known.contains_key(&lock.0))
            .copied()
            .collect();
        self.sort(&mut taken);
        taken.dedup();
        let mut acquired = Vec::new();
        for lock in taken {
            let seen = ran.samples.locks.get(&lock).and_then(|seen| seen.held);
            let at_ms = seen.map_or(ran.began_ms, |(first, _)| ran.at_ms(first));
            let until_commit = locks.contains(&lock);
            if until_commit {
                acquired.push(Acquired {
                    statement: self.done.len(),
                    lock: statement.lock_details.len(),
                    at_ms,
                });
            }
            let held_ms = seen.map_or(0.0, |(first, last)| milliseconds(last - first));
            self.add_lock(
                statement,
                lock,
                ran,
                (held_ms, seen.is_some(), until_commit),
            );
        }
        let open = self.open.as_mut().expect("a transaction is open");
        open.held.extend(locks);
        open.acquired.extend(acquired);
    }

    /// Adds the locks of a statement outside of a transaction, as far as samples saw them.
    pub(super) fn add_sampled(&mut self, statement: &mut MigrationStatement, ran: &Ran) {
        let mut taken: Vec<(u32, RelationMode)> = ran
            .samples
            .locks
            .keys()
            .filter(|lock| self.known.contains_key(&lock.0))
            .copied()
            .collect();
        self.sort(&mut taken);
        for lock in taken {
            let held = ran.samples.locks[&lock].held;
            let held_ms = held.map_or(0.0, |(first, last)| milliseconds(last - first));
            self.add_lock(statement, lock, ran, (held_ms, held.is_some(), false));
        }
    }

    /// Strongest first, then by name.
    fn sort(&self, locks: &mut [(u32, RelationMode)]) {
        let name = |oid: &u32| self.known.get(oid).map(|r| r.name.as_str());
        locks.sort_by(|(a, a_mode), (b, b_mode)| {
            b_mode.cmp(a_mode).then_with(|| name(a).cmp(&name(b)))
        });
    }

    fn add_lock(
        &mut self,
        statement: &mut MigrationStatement,
        lock: (u32, RelationMode),
        ran: &Ran,
        (held_ms, sampled, until_commit): (f64, bool, bool),
    ) {
        let (oid, mode) = lock;
        let relation = &self.known[&oid];
        let mode = mode.as_pg_locks();
        statement.locks.push(format!("{}: {mode}", relation.bare));
        statement.lock_details.push(StatementLock {
            relation: self.name(oid).unwrap_or_default(),
            mode: mode.to_owned(),
            named: names(&statement.sql, &relation.bare),
            queued_ms: ran.queued_ms(lock),
            held_ms,
            sampled,
            until_commit,
        });
        self.touched.insert(oid);
        self.touched.extend(relation.of);
    }

    /// Adds rows, rewrites and indexes; `counted` is what the server counted inside of a transaction.
    pub(super) async fn add_work(
        &mut self,
        statement: &mut MigrationStatement,
        before: &Snapshot,
        counted: Option<Vec<(u32, u64, u64)>>,
    ) -> Result<(), PostgresError> {
        for (oid, read, written) in counted.iter().flatten().copied() {
            let relation = self.name(oid).unwrap_or_default();
            statement.rows.push(RowsTouched {
                relation,
                read,
                written,
            });
            self.touched.insert(oid);
            self.touched.extend(self.known[&oid].of);
        }
        self.add_rewrites(statement, before);
        let built = self.built(before);
        for (oid, table) in built {
            let index = &self.known[&oid];
            let (name, constraint) = (index.name.clone(), index.constraint);
            let relation = self.name(table).unwrap_or_default();
            statement.built_indexes.push(BuiltIndex {
                index: name,
                relation,
                definition: definition(&self.session, oid).await?,
                constraint,
            });
            self.touched.extend([oid, table]);
            self.touched.extend(self.known[&table].of);
        }
        statement.work = work(statement, counted.is_some());
        Ok(())
    }

    /// Files that have another number. TRUNCATE gives one too, and writes nothing.
    fn add_rewrites(&mut self, statement: &mut MigrationStatement, before: &Snapshot) {
        let first = first_word(&statement.sql).to_ascii_lowercase();
        // What runs other statements may have emptied a table, and has then read none of its rows.
        let runs_others = ["do", "select", "call"].contains(&first.as_str());
        if first == "truncate" {
            return;
        }
        let mut rewritten = Vec::new();
        for (oid, was) in &before.relations {
            let is = self.now.relations.get(oid);
            let kind = matches!(
                was.kind,
                RelationKind::Table | RelationKind::MaterializedView
            );
            let name = self.name(*oid);
            let read = statement
                .rows
                .iter()
                .any(|rows| Some(&rows.relation) == name.as_ref() && rows.read > 0);
            let Some(is) = is.filter(|_| kind && (read || !runs_others)) else {
                continue;
            };
            if let (Some(from), Some(to)) = (was.filenode, is.filenode)
                && from != to
            {
                let toast = was
                    .toast_filenode
                    .map(|toast| Some(toast) != is.toast_filenode);
                rewritten.push((*oid, from, to, toast));
            }
        }
        for (oid, from_filenode, to_filenode, toast) in rewritten {
            statement.rewrites.push(Rewrite {
                relation: self.name(oid).unwrap_or_default(),
                from_filenode,
                to_filenode,
                toast,
            });
            self.touched.insert(oid);
            self.touched.extend(self.known[&oid].of);
        }
    }

    /// Indexes that are new, or have a new file, on tables that were there before the migration and kept
    /// their own file: a rewrite brings its indexes with it, and TRUNCATE empties them.
    fn built(&self, before: &Snapshot) -> Vec<(u32, u32)> {
        let mut built = Vec::new();
        for (oid, index) in &self.now.relations {
            let (RelationKind::Index, Some(table), Some(_)) =
                (index.kind, index.of, index.filenode)
            else {
                continue;
            };
            let same = |oid: &u32| {
                let file = |snapshot: &Snapshot| snapshot.relations.get(oid)?.filenode;
                file(before) == file(&self.now)
            };
            let there = self.first.relations.contains_key(&table);
            if !same(oid) && same(&table) && there {
                built.push((*oid, table));
            }
        }
        built
    }
}

/// The most expensive kind of work. Outside of a transaction rows are not counted, so that "the catalog
/// alone" cannot be told from a scan.
fn work(statement: &MigrationStatement, counted: bool) -> Option<MigrationWork> {
    let read = statement.rows.iter().any(|rows| rows.read > 0);
    let written = statement.rows.iter().any(|rows| rows.written > 0);
    let kinds = [
        (MigrationWork::Rewrite, !statement.rewrites.is_empty()),
        (MigrationWork::Index, !statement.built_indexes.is_empty()),
        (MigrationWork::Rows, written),
        (MigrationWork::Scan, read),
        (MigrationWork::Catalog, counted),
    ];
    kinds
        .into_iter()
        .find_map(|(kind, seen)| seen.then_some(kind))
}

/// Whether a relation's name stands in a statement, also inside of a string, such as the body of a DO.
fn names(sql: &str, bare: &str) -> bool {
    tokenize(sql).iter().any(|token| match token.kind {
        TokenKind::String => holds_word(token.text, bare),
        _ => token.identifier().is_some_and(|name| name == bare),
    })
}

fn holds_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn first_word(sql: &str) -> &str {
    let tokens = tokenize(sql);
    let first = tokens.iter().find(|token| token.is_significant());
    first.map_or("", |token| token.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_named_as_an_identifier_or_in_a_body() {
        assert!(names("ALTER TABLE public.Orders ADD x int", "orders"));
        assert!(names(
            "DO $$ BEGIN UPDATE orders SET x = 1; END $$",
            "orders"
        ));
        assert!(!names(
            "ALTER TABLE orders_old ADD x int -- orders",
            "orders"
        ));
        assert!(!names(
            "DO $$ BEGIN UPDATE orders_old SET x = 1; END $$",
            "orders"
        ));
        assert!(names("ALTER TABLE \"Orders\" ADD x int", "Orders"));
    }

    #[test]
    fn work_is_the_most_expensive_kind_and_unknown_where_nothing_was_counted() {
        let mut statement = MigrationStatement::default();
        assert_eq!(work(&statement, false), None);
        assert_eq!(work(&statement, true), Some(MigrationWork::Catalog));
        statement.rows.push(RowsTouched {
            relation: "t".to_owned(),
            read: 5,
            written: 0,
        });
        assert_eq!(work(&statement, true), Some(MigrationWork::Scan));
        statement.rewrites.push(Rewrite {
            relation: "t".to_owned(),
            from_filenode: 1,
            to_filenode: 2,
            toast: None,
        });
        assert_eq!(work(&statement, true), Some(MigrationWork::Rewrite));
    }

    #[test]
    fn the_first_word_is_no_comment() {
        assert_eq!(first_word("/* x */ TRUNCATE t"), "TRUNCATE");
    }
}
