//! Indexes and foreign keys that are made after the load: [`Deferred`].
//!
//! Only what can be made again exactly as it was is taken away. A primary key or unique constraint
//! stays where something hangs on it, such as a view or a key that stays; so does everything unique
//! where a trigger could need it for `ON CONFLICT`; everything of partitioned tables, whose parts
//! carry objects of their own; and everything with a state that its definition does not tell:
//! invalid, clustered on, the replica identity, in a tablespace of its own, with statistics targets
//! or options of a constraint's index, or with its triggers switched off.

use futures_util::future::try_join_all;
use postgres_protocol::escape::escape_literal;
use tokio::sync::Semaphore;
use tokio_postgres::Row;

use super::LoadError;
use super::target::Target;
use crate::{Address, PostgresError, Session, connect};

/// What was taken away from the tables that are being filled.
#[derive(Debug)]
pub(super) struct Deferred {
    /// For each table, the statements that make its indexes, in their former order.
    indexes: Vec<(String, Vec<String>)>,
    keys: Vec<(String, String)>,
    keys_remain: bool,
}

const KEYS: &str = "
    SELECT c.oid, c.conrelid, c.conrelid::regclass::text, quote_ident(c.conname),
           pg_get_constraintdef(c.oid), obj_description(c.oid, 'pg_constraint'),
           c.convalidated AND c.conparentid = 0 AND c.coninhcount = 0
           AND t.relkind = 'r' AND NOT t.relispartition AND r.relkind = 'r' AND NOT r.relispartition
           AND NOT EXISTS (SELECT FROM pg_trigger g
                           WHERE g.tgconstraint = c.oid AND g.tgenabled <> 'O')
    FROM pg_constraint c
    JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
    WHERE c.contype = 'f' AND (c.conrelid = ANY ($1) OR c.confrelid = ANY ($1))
    ORDER BY c.oid";

/// Asked once the keys are away, so that what they need is free.
const INDEXES: &str = "
    SELECT i.indrelid, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
           obj_description(i.indexrelid, 'pg_class'),
           quote_ident(c.conname), i.indrelid::regclass::text, pg_get_constraintdef(c.oid),
           obj_description(c.oid, 'pg_constraint')
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
    WHERE i.indrelid = ANY ($1) AND t.relkind = 'r' AND NOT t.relispartition
      AND i.indisvalid AND i.indisready AND i.indislive
      AND NOT (i.indisexclusion OR i.indisclustered OR i.indisreplident)
      AND x.reltablespace = 0
      AND (c.oid IS NULL OR x.reloptions IS NULL AND c.conparentid = 0 AND c.coninhcount = 0)
      AND NOT (i.indisunique
               AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = ANY ($1) AND NOT g.tgisinternal))
      AND NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0)
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                        AND d.deptype IN ('e', 'x', 'P', 'S'))
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indexrelid
                         OR d.refclassid = 'pg_constraint'::regclass AND d.refobjid = c.oid
                            AND NOT (d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid))
    ORDER BY i.indexrelid";

impl Deferred {
    /// Drops what can be made anew: first the keys, because they need the indexes of what they
    /// reference.
    pub(super) async fn take_away(
        session: &Session,
        targets: &[Target],
    ) -> Result<Self, PostgresError> {
        let mut deferred = Deferred {
            indexes: Vec::new(),
            keys: Vec::new(),
            keys_remain: false,
        };
        deferred.take_keys(session, targets).await?;
        deferred.take_indexes(session, targets).await?;
        Ok(deferred)
    }

    async fn take_keys(
        &mut self,
        session: &Session,
        targets: &[Target],
    ) -> Result<(), PostgresError> {
        for row in rows_about(session, KEYS, targets).await? {
            if !row.get::<_, bool>(6) {
                self.keys_remain = true;
                continue;
            }
            let (table, name): (String, String) = (row.get(2), row.get(3));
            let definition: String = row.get(4);
            let comment = comment(&format!("CONSTRAINT {name} ON {table}"), row.get(5));
            session
                .run(&format!("ALTER TABLE {table} DROP CONSTRAINT {name}"))
                .await?;
            let sql = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{comment}");
            self.keys.push((name_of(targets, row.get(1), table), sql));
        }
        Ok(())
    }

    async fn take_indexes(
        &mut self,
        session: &Session,
        targets: &[Target],
    ) -> Result<(), PostgresError> {
        for row in rows_about(session, INDEXES, targets).await? {
            let (name, definition): (String, String) = (row.get(1), row.get(2));
            let index_comment = comment(&format!("INDEX {name}"), row.get(3));
            let table = name_of(targets, row.get(0), name.clone());
            let constraint: Option<String> = row.get(4);
            let sql = match constraint {
                None => {
                    session.run(&format!("DROP INDEX {name}")).await?;
                    format!("{definition}{index_comment}")
                }
                Some(constraint) => {
                    let (relation, definition): (String, String) = (row.get(5), row.get(6));
                    let alter = format!("ALTER TABLE {relation}");
                    session
                        .run(&format!("{alter} DROP CONSTRAINT {constraint}"))
                        .await?;
                    let own_comment = comment(
                        &format!("CONSTRAINT {constraint} ON {relation}"),
                        row.get(7),
                    );
                    format!(
                        "{alter} ADD CONSTRAINT {constraint} {definition}{own_comment}{index_comment}"
                    )
                }
            };
            match self.indexes.iter_mut().find(|(known, _)| *known == table) {
                Some((_, statements)) => statements.push(sql),
                None => self.indexes.push((table, vec![sql])),
            }
        }
        Ok(())
    }

    /// Whether foreign keys are still there, so that parents have to be filled before children.
    pub(super) fn keys_remain(&self) -> bool {
        self.keys_remain
    }

    /// Makes everything again. The indexes of one table are made in their former order, which the
    /// planner goes through them in; different tables at the same time.
    pub(super) async fn make_anew(
        &self,
        address: &Address,
        session: &Session,
        threads: usize,
    ) -> Result<(), LoadError> {
        let permits = Semaphore::new(threads.max(1));
        let tables = self.indexes.iter().map(|(table, statements)| {
            let permits = &permits;
            async move {
                let _permit = permits.acquire().await;
                let made = async {
                    let session = connect(address).await?;
                    for sql in statements {
                        session.run(sql).await?;
                    }
                    session.close().await;
                    Ok(())
                };
                made.await.map_err(LoadError::about(table))
            }
        });
        try_join_all(tables).await?;
        // Each key locks two tables: at the same time they would wait for each other, or deadlock.
        for (table, sql) in &self.keys {
            session.run(sql).await.map_err(LoadError::about(table))?;
        }
        Ok(())
    }
}

async fn rows_about(
    session: &Session,
    sql: &str,
    targets: &[Target],
) -> Result<Vec<Row>, PostgresError> {
    let oids: Vec<u32> = targets.iter().map(|target| target.oid).collect();
    session
        .query(sql, &[&oids])
        .await
        .map_err(|e| session.error(&e))
}

/// The name that the specification has for a table, or else this one.
fn name_of(targets: &[Target], oid: u32, otherwise: String) -> String {
    let target = targets.iter().find(|target| target.oid == oid);
    target.map_or(otherwise, |target| target.name().to_owned())
}

/// The statement that gives an object its comment back, to stand behind another one.
fn comment(object: &str, comment: Option<String>) -> String {
    let comment = comment.map(|comment| escape_literal(&comment));
    comment.map_or_else(String::new, |text| {
        format!("; COMMENT ON {object} IS {text}")
    })
}
