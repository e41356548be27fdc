//! What the catalog says of locked relations: [`Relation`].

use std::collections::{BTreeMap, BTreeSet};

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject, RelationMode};
use tokio_postgres::{Row, SimpleQueryRow};

use super::held::Held;
use super::shuts_out;
use crate::{PostgresError, Session};

/// Larger tables are not searched for locked rows, because that reads all of them, in bytes.
const MOST_BYTES: i64 = 64 << 20;

/// A relation.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) oid: u32,
    /// With its schema, quoted as far as need be.
    pub(super) name: String,
    /// As `pg_class.relkind` has it.
    kind: String,
    /// Whether others have it too: not temporary, and not of the catalog.
    is_shared: bool,
    /// Why it is not searched for rows.
    unread: Option<String>,
    /// What tells its rows from each other; empty where nothing but their place does.
    pub(super) identity: Vec<KeyColumn>,
    pub(super) unique: Vec<UniqueIndex>,
}

/// A column of a key, or an expression.
#[derive(Debug, Clone)]
pub(super) struct KeyColumn {
    /// The name of the column, or the expression.
    pub(super) name: String,
    /// As SQL.
    expression: String,
    /// The number of the column, 0 of an expression.
    pub(super) attribute: i16,
}

/// An index that admits each key once.
#[derive(Debug)]
pub(super) struct UniqueIndex {
    pub(super) name: String,
    columns: Vec<KeyColumn>,
    /// Of a partial index, which rows are in it.
    predicate: Option<String>,
    /// Whether NULL is a value like any other (NULLS NOT DISTINCT).
    has_equal_nulls: bool,
}

/// A row's place and keys.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) ctid: String,
    /// The columns that identify it, with their values.
    pub(super) identity: Vec<(String, String)>,
    /// For each unique index, the key; `None` where the row is not in it or has a NULL there.
    pub(super) unique: Vec<Option<Vec<(String, String)>>>,
}

/// The relations that a transaction has locked so far, by their OIDs; `None` are those that the observer
/// cannot see, because the transaction has made them.
#[derive(Debug, Default)]
pub(super) struct Catalog(BTreeMap<u32, Option<Relation>>);

impl Catalog {
    /// Reads of the catalog what is not known yet.
    pub(super) async fn learn(
        &mut self,
        observer: &Session,
        held: &Held,
    ) -> Result<(), PostgresError> {
        let locked: BTreeSet<u32> = held.relations.iter().map(|(oid, _)| *oid).collect();
        let unknown: Vec<u32> = locked
            .into_iter()
            .filter(|o| !self.0.contains_key(o))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        // Sizes and definitions of what is shut cannot be asked for without waiting, and are not needed.
        let open = |oid: &u32| !held.is_shut(*oid);
        let open: Vec<u32> = unknown.iter().copied().filter(open).collect();
        self.0.extend(unknown.iter().map(|oid| (*oid, None)));
        let rows = observer.query(RELATIONS, &[&unknown, &open]).await;
        for row in rows.map_err(|e| observer.error(&e))? {
            self.0.insert(row.get(0), Some(Relation::of(&row)));
        }
        let rows = observer.query(UNIQUE_INDEXES, &[&open]).await;
        for row in rows.map_err(|e| observer.error(&e))? {
            if let Some(Some(relation)) = self.0.get_mut(&row.get(0)) {
                relation.take_index(&row);
            }
        }
        Ok(())
    }

    /// The locks of relations, as far as they are told.
    pub(super) fn locks(&self, held: &Held) -> Vec<Lock> {
        let told = held.relations.iter().filter_map(|(oid, mode)| {
            let relation = self.get(*oid)?;
            let is_told = relation.is_shared && "rpmfvS".contains(relation.kind.as_str());
            is_told.then(|| Lock {
                object: LockObject::Relation(relation.name.clone()),
                mode: LockMode::Relation(*mode),
            })
        });
        told.collect()
    }

    /// The tables that may hold rows that the transaction has locked, or keys that it has entered.
    pub(super) fn searchable(&self, held: &Held, unread: &mut BTreeSet<String>) -> Vec<&Relation> {
        let written = held.relations.iter();
        let written = written.filter(|(_, mode)| *mode >= RelationMode::RowShare);
        let written: BTreeSet<u32> = written.map(|(oid, _)| *oid).collect();
        let mut searchable = Vec::new();
        for relation in written.iter().filter_map(|oid| self.get(*oid)) {
            let is_table = relation.kind == "r" && relation.is_shared;
            if !is_table || held.is_shut(relation.oid) {
                continue;
            }
            match &relation.unread {
                Some(reason) => {
                    unread.insert(reason.clone());
                }
                None => searchable.push(relation),
            }
        }
        searchable
    }

    /// The names of those that nobody else can lock rows of.
    pub(super) fn shut(&self, held: &Held) -> BTreeSet<&str> {
        let shut = held.relations.iter().filter(|(_, mode)| shuts_out(*mode));
        let shut = shut.filter_map(|(oid, _)| self.get(*oid));
        shut.map(|relation| relation.name.as_str()).collect()
    }

    /// The sequences among them, by name.
    pub(super) fn sequences(&self) -> Vec<&str> {
        let relations = self.0.values().flatten();
        let sequences = relations.filter(|relation| relation.kind == "S");
        sequences.map(|relation| relation.name.as_str()).collect()
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Relation> {
        self.0
            .values()
            .flatten()
            .find(|relation| relation.name == name)
    }

    fn get(&self, oid: u32) -> Option<&Relation> {
        self.0.get(&oid)?.as_ref()
    }
}

impl Held {
    /// Whether nobody else can lock rows of it.
    fn is_shut(&self, oid: u32) -> bool {
        let mut modes = self.relations.iter();
        modes.any(|(relation, mode)| *relation == oid && shuts_out(*mode))
    }
}

const RELATIONS: &str = "\
    SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text, \
        c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%', \
        has_table_privilege(c.oid, 'SELECT') AND (has_any_column_privilege(c.oid, 'UPDATE') \
            OR has_table_privilege(c.oid, 'UPDATE')), \
        row_security_active(c.oid), \
        CASE WHEN c.oid = ANY ($2) AND c.relkind = 'r' THEN pg_relation_size(c.oid) END, \
        current_user::text \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1)";

/// Unique constraints that are checked at the end are left out: entering a key of theirs waits for nobody
/// until then.
const UNIQUE_INDEXES: &str = "\
    SELECT i.indrelid, x.relname::text, i.indisprimary, k.names, k.expressions, k.attributes, k.is_strict, \
        pg_get_expr(i.indpred, i.indrelid), \
        coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) \
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid CROSS JOIN LATERAL (\
        SELECT array_agg(coalesce(a.attname::text, d.definition) ORDER BY p.place) AS names, \
            array_agg(d.definition ORDER BY p.place) AS expressions, \
            array_agg(coalesce(a.attnum, 0::int2) ORDER BY p.place) AS attributes, \
            bool_and(coalesce(a.attnotnull, false)) AS is_strict \
        FROM generate_series(1, i.indnkeyatts::int) AS p (place) \
        CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid, p.place, true)) AS d (definition) \
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 \
            AND a.attnum = i.indkey[p.place - 1]) AS k \
    WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indislive AND i.indimmediate \
    ORDER BY i.indrelid, NOT i.indisprimary, i.indnkeyatts, x.relname";

impl Relation {
    fn of(row: &Row) -> Self {
        let (name, kind): (String, String) = (row.get(1), row.get(2));
        let (may_look, is_filtered): (bool, bool) = (row.get(4), row.get(5));
        let size: Option<i64> = row.get(6);
        let role: String = row.get(7);
        let unread = if !may_look {
            Some(format!("the role {role} may not read and lock rows of it"))
        } else if is_filtered {
            Some(format!(
                "row security hides rows of it from the role {role}"
            ))
        } else {
            size.filter(|size| *size > MOST_BYTES)
                .map(|size| format!("it has {} MiB", size >> 20))
        };
        Relation {
            oid: row.get(0),
            kind,
            is_shared: row.get(3),
            unread: unread.map(|why| format!("{name} was not searched for locked rows: {why}")),
            name,
            identity: Vec::new(),
            unique: Vec::new(),
        }
    }

    /// Takes an index; the primary key comes first, and then the shortest.
    fn take_index(&mut self, row: &Row) {
        let names: Vec<String> = row.get(3);
        let expressions: Vec<String> = row.get(4);
        let attributes: Vec<i16> = row.get(5);
        let columns = names.into_iter().zip(expressions).zip(attributes);
        let columns: Vec<KeyColumn> = columns
            .map(|((name, expression), attribute)| KeyColumn {
                name,
                expression,
                attribute,
            })
            .collect();
        let predicate: Option<String> = row.get(7);
        if self.identity.is_empty() && row.get::<_, bool>(6) && predicate.is_none() {
            self.identity.clone_from(&columns);
        }
        self.unique.push(UniqueIndex {
            name: row.get(1),
            columns,
            predicate,
            has_equal_nulls: row.get(8),
        });
    }

    /// What to select for [`Relation::keys`].
    pub(super) fn selected(&self) -> String {
        let text = |column: &KeyColumn| format!("({})::text", column.expression);
        let mut selected = vec!["ctid::text".to_owned()];
        selected.extend(self.identity.iter().map(text));
        for index in &self.unique {
            let predicate = index.predicate.as_deref().unwrap_or("true");
            selected.push(format!("({predicate})"));
            selected.extend(index.columns.iter().map(text));
        }
        selected.join(", ")
    }

    /// The keys of a row.
    pub(super) fn keys(&self, row: &SimpleQueryRow) -> Keys {
        let mut at = 0;
        let mut next = || {
            at += 1;
            row.get(at - 1).map(str::to_owned)
        };
        let ctid = next().unwrap_or_default();
        let mut identity: Vec<(String, String)> = Vec::new();
        for column in &self.identity {
            identity.push((column.name.clone(), next().unwrap_or_default()));
        }
        if identity.is_empty() {
            identity.push(("ctid".to_owned(), ctid.clone()));
        }
        let mut unique = Vec::new();
        for index in &self.unique {
            let is_in = next().as_deref() == Some("t");
            let values: Vec<Option<String>> = index.columns.iter().map(|_| next()).collect();
            let is_key = is_in && (index.has_equal_nulls || values.iter().all(Option::is_some));
            let columns = index.columns.iter().zip(values);
            let key = columns.map(|(column, value)| {
                let value = value.unwrap_or_else(|| "NULL".to_owned());
                (column.name.clone(), value)
            });
            unique.push(is_key.then(|| key.collect()));
        }
        Keys {
            ctid,
            identity,
            unique,
        }
    }
}
