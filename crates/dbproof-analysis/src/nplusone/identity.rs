//! Which columns hold the same kind of value: [`Identity`].

use std::sync::Arc;

use dbproof_model::{ResultColumn, Schema};
use rustc_hash::FxHashMap;

use super::learned::Learned;
use crate::sql::{ComparedColumn, RelationName};
use crate::traffic::ResultShape;

/// A column of a database, by its name: a table that is made anew keeps its columns' numbers.
pub(super) type ColumnId = u32;

/// OIDs below are the server's own.
const FIRST_USER_OID: u32 = 16_384;
/// After so many catalogs that do not tell of a relation, no further one is wished for: it was made
/// in a transaction that was never committed.
const MOST_CATALOGS: u8 = 2;
/// From so many relations of a database on, those that the latest catalogs do not tell of are
/// forgotten.
const MOST_RELATIONS: usize = 50_000;

/// Columns by what their values identify. Two columns are alike if they are the same, if a foreign
/// key leads from one to the other, or if foreign keys lead from both to the same column. Columns of
/// different databases are never alike.
#[derive(Debug, Default)]
pub(super) struct Identity {
    databases: FxHashMap<u32, Database>,
    columns: Vec<NamedColumn>,
    numbers: FxHashMap<ColumnKey, ColumnId>,
    references: FxHashMap<ColumnId, Vec<ColumnId>>,
    generation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ColumnKey {
    database: u32,
    relation: RelationKey,
    column: ColumnName,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RelationKey {
    Named(Box<str>, Box<str>),
    Oid(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ColumnName {
    Name(Box<str>),
    Attribute(i16),
}

/// What a column is called, where that is known.
#[derive(Debug)]
struct NamedColumn {
    name: Option<String>,
    /// Whether its values single out rows: it is unique, or part of a foreign key.
    is_key: bool,
}

#[derive(Debug, Default)]
struct Database {
    by_oid: FxHashMap<u32, Known>,
    /// The newest relation of each name and schema.
    by_name: FxHashMap<Box<str>, Vec<Arc<Relation>>>,
    /// Columns that no catalog has told of yet, and how many did not.
    untold: FxHashMap<(u32, i16), u8>,
    catalogs: u32,
}

#[derive(Debug)]
struct Known {
    relation: Arc<Relation>,
    /// The number of the last catalog that told of it.
    told: u32,
}

#[derive(Debug, PartialEq)]
struct Relation {
    schema: Box<str>,
    name: Box<str>,
    columns: Vec<Held>,
    /// Whether the catalog told of it, and so all of its columns are known.
    is_told: bool,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    attribute: i16,
    name: Box<str>,
    type_name: Box<str>,
    unique: bool,
}

impl Relation {
    fn named(&self, column: &str) -> Option<&Held> {
        self.columns.iter().find(|held| *held.name == *column)
    }

    fn at(&self, attribute: i16) -> Option<&Held> {
        self.columns.iter().find(|held| held.attribute == attribute)
    }
}

impl Identity {
    /// Changes whenever what was said of a column before may no longer be the answer.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// The catalog of a database as it is now; what older ones told stays known.
    pub(super) fn tell(&mut self, number: u32, schema: Schema) {
        self.generation += 1;
        let database = self.databases.entry(number).or_default();
        database.catalogs += 1;
        for relation in schema.relations {
            let columns = relation.columns.into_iter();
            let columns = columns.map(|column| Held {
                attribute: column.attribute,
                name: column.name.into(),
                type_name: column.type_name.into(),
                unique: column.unique,
            });
            database.put(
                relation.oid,
                Relation {
                    schema: relation.schema.into(),
                    name: relation.name.into(),
                    columns: columns.collect(),
                    is_told: true,
                },
            );
        }
        database.forget_old();
        let by_oid = &database.by_oid;
        database.untold.retain(|(oid, attribute), catalogs| {
            *catalogs = catalogs.saturating_add(1);
            !is_told(by_oid, *oid, *attribute)
        });
        for key in &schema.foreign_keys {
            for (from, to) in key.attributes.iter().zip(&key.referenced_attributes) {
                let from = self.number(number, key.relation_oid, *from);
                let to = self.number(number, key.referenced_oid, *to);
                for column in [from, to] {
                    self.columns[column as usize].is_key = true;
                }
                let known = self.references.entry(from).or_default();
                if !known.contains(&to) {
                    known.push(to);
                }
            }
        }
    }

    /// What a statement's result tells of the relation that it names.
    pub(super) fn learn(&mut self, database: u32, learned: Learned) {
        let database = self.databases.entry(database).or_default();
        if database.learn(learned) {
            self.generation += 1;
        }
    }

    /// Notes the columns of a result that no catalog has told of.
    pub(super) fn note(&mut self, database: u32, shape: &ResultShape) {
        let database = self.databases.entry(database).or_default();
        for column in &shape.columns {
            if let Some((oid, attribute)) = origin(column)
                && oid >= FIRST_USER_OID
                && !is_told(&database.by_oid, oid, attribute)
            {
                database.untold.entry((oid, attribute)).or_insert(0);
            }
        }
    }

    /// The databases whose catalog is wished for.
    pub(super) fn wanted(&self) -> Vec<u32> {
        let wants = |database: &Database| database.untold.values().any(|n| *n < MOST_CATALOGS);
        let mut wanted: Vec<u32> = self
            .databases
            .iter()
            .filter(|(_, database)| wants(database))
            .map(|(number, _)| *number)
            .collect();
        wanted.sort_unstable();
        wanted
    }

    /// The column that a result's column comes from.
    pub(super) fn result(&mut self, database: u32, column: &ResultColumn) -> Option<ColumnId> {
        let (oid, attribute) = origin(column)?;
        Some(self.number(database, oid, attribute))
    }

    /// The column that a value is compared with, where catalog and statement tell. Several where a
    /// name without a schema stands for relations of several schemas; the statement's own result
    /// tells which of them it is, where it can.
    pub(super) fn compared(
        &mut self,
        database: u32,
        column: &ComparedColumn,
        shape: Option<&ResultShape>,
    ) -> Vec<ColumnId> {
        let relations = self.relations(database, column, shape);
        let mut found: Vec<ColumnId> = Vec::new();
        for relation in relations {
            if relation.named(&column.column).is_some() {
                let number = self.number_named(database, &relation, &column.column);
                if !found.contains(&number) {
                    found.push(number);
                }
            }
        }
        found
    }

    /// The type of a compared column.
    pub(super) fn type_of(&self, database: u32, column: &ComparedColumn) -> Option<String> {
        let relation = self.relations(database, column, None).into_iter().next()?;
        let type_name = &relation.named(&column.column)?.type_name;
        (!type_name.is_empty()).then(|| type_name.as_ref().to_owned())
    }

    /// These columns, and all that foreign keys lead to from there.
    pub(super) fn closure(&self, columns: &[ColumnId]) -> Box<[ColumnId]> {
        let mut closure = columns.to_vec();
        let mut at = 0;
        while at < closure.len() {
            for next in self.references.get(&closure[at]).into_iter().flatten() {
                if !closure.contains(next) {
                    closure.push(*next);
                }
            }
            at += 1;
        }
        closure.into()
    }

    /// `relation.column`.
    pub(super) fn name(&self, column: ColumnId) -> Option<&str> {
        self.columns[column as usize].name.as_deref()
    }

    /// Whether a column's values single out rows: it is unique, or part of a foreign key.
    pub(super) fn is_key(&self, column: ColumnId) -> bool {
        self.columns[column as usize].is_key
    }

    fn relations(
        &self,
        database: u32,
        column: &ComparedColumn,
        shape: Option<&ResultShape>,
    ) -> Vec<Arc<Relation>> {
        let Some(database) = self.databases.get(&database) else {
            return Vec::new();
        };
        if let Some(name) = &column.relation {
            return database.named(name, shape);
        }
        // A column without a qualifier is of the one relation that has it, if all are known.
        let mut holders = Vec::new();
        for name in &column.candidates {
            let relations = database.named(name, shape);
            if relations.is_empty() || relations.iter().any(|r| !r.is_told) {
                return Vec::new();
            }
            if relations.iter().any(|r| r.named(&column.column).is_some()) {
                holders.push(relations);
            }
        }
        match holders.len() {
            1 => holders.remove(0),
            _ => Vec::new(),
        }
    }

    fn number(&mut self, database: u32, oid: u32, attribute: i16) -> ColumnId {
        let known = self
            .databases
            .get(&database)
            .and_then(|d| d.by_oid.get(&oid));
        let relation = known.map(|known| Arc::clone(&known.relation));
        if let Some(relation) = relation
            && let Some(held) = relation.at(attribute)
        {
            return self.number_named(database, &relation, &held.name);
        }
        self.number_of(
            ColumnKey {
                database,
                relation: RelationKey::Oid(oid),
                column: ColumnName::Attribute(attribute),
            },
            None,
        )
    }

    fn number_named(&mut self, database: u32, relation: &Relation, column: &str) -> ColumnId {
        let key = ColumnKey {
            database,
            relation: RelationKey::Named(relation.schema.clone(), relation.name.clone()),
            column: ColumnName::Name(column.into()),
        };
        let number = self.number_of(key, Some(format!("{}.{column}", relation.name)));
        let unique = relation.named(column).is_some_and(|held| held.unique);
        self.columns[number as usize].is_key |= unique;
        number
    }

    fn number_of(&mut self, key: ColumnKey, name: Option<String>) -> ColumnId {
        let next = ColumnId::try_from(self.columns.len()).unwrap_or(ColumnId::MAX);
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.columns.push(NamedColumn {
                name,
                is_key: false,
            });
        }
        number
    }
}

impl Database {
    fn put(&mut self, oid: u32, relation: Relation) {
        let alike = self.by_name.entry(relation.name.clone()).or_default();
        let same = alike.iter_mut().find(|r| r.schema == relation.schema);
        let relation = match same {
            Some(known) if **known == relation => Arc::clone(known),
            Some(known) => {
                *known = Arc::new(relation);
                Arc::clone(known)
            }
            None => {
                alike.push(Arc::new(relation));
                Arc::clone(&alike[alike.len() - 1])
            }
        };
        let told = self.catalogs;
        self.by_oid.insert(oid, Known { relation, told });
    }

    /// Whether that was new.
    fn learn(&mut self, learned: Learned) -> bool {
        let before = self.by_oid.get(&learned.oid).map(|known| &known.relation);
        if before.is_some_and(|relation| relation.is_told) {
            return false;
        }
        let mut columns = before.map(|r| r.columns.clone()).unwrap_or_default();
        let known = columns.len();
        for (attribute, name) in learned.columns {
            if !columns.iter().any(|held| held.attribute == attribute) {
                columns.push(Held {
                    attribute,
                    name: name.into(),
                    type_name: "".into(),
                    unique: false,
                });
            }
        }
        if columns.len() == known {
            return false;
        }
        let told = self
            .named(&learned.relation, None)
            .into_iter()
            .find(|r| r.is_told);
        let relation = Relation {
            schema: match (&told, learned.relation.schema) {
                (Some(told), _) => told.schema.clone(),
                (None, schema) => schema.unwrap_or_default().into(),
            },
            name: learned.relation.name.into(),
            columns,
            is_told: false,
        };
        if told.is_some() {
            let (relation, told) = (Arc::new(relation), self.catalogs);
            self.by_oid.insert(learned.oid, Known { relation, told });
        } else {
            self.put(learned.oid, relation);
        }
        true
    }

    /// The relations that a name can stand for.
    fn named(&self, name: &RelationName, shape: Option<&ResultShape>) -> Vec<Arc<Relation>> {
        let alike = self.by_name.get(name.name.as_str());
        let alike = alike.map(Vec::as_slice).unwrap_or_default();
        if let Some(schema) = &name.schema {
            let exact = alike.iter().filter(|r| *r.schema == **schema);
            return exact.cloned().collect();
        }
        let seen = shape
            .into_iter()
            .flat_map(|shape| &shape.columns)
            .find_map(|column| {
                let known = self.by_oid.get(&origin(column)?.0)?;
                (*known.relation.name == *name.name).then(|| Arc::clone(&known.relation))
            });
        if let Some(seen) = seen {
            let told = alike.iter().find(|r| r.schema == seen.schema);
            return vec![told.cloned().unwrap_or(seen)];
        }
        match alike.iter().find(|r| *r.schema == *"public") {
            Some(public) => vec![Arc::clone(public)],
            None => alike.to_vec(),
        }
    }

    fn forget_old(&mut self) {
        if self.by_oid.len() > MOST_RELATIONS {
            let oldest = self.catalogs.saturating_sub(1);
            self.by_oid.retain(|_, known| known.told >= oldest);
        }
    }
}

fn origin(column: &ResultColumn) -> Option<(u32, i16)> {
    Some((
        column.relation_oid.filter(|oid| *oid != 0)?,
        column.attribute.filter(|a| *a > 0)?,
    ))
}

fn is_told(by_oid: &FxHashMap<u32, Known>, oid: u32, attribute: i16) -> bool {
    by_oid.get(&oid).is_some_and(|known| {
        let relation = &known.relation;
        relation.is_told && relation.at(attribute).is_some()
    })
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Column, ForeignKey, Relation as Told};

    use super::*;

    fn relation(oid: u32, schema: &str, name: &str) -> Told {
        let column = |attribute, name: &str| Column {
            attribute,
            name: name.to_owned(),
            type_name: "bigint".to_owned(),
            unique: name == "id",
        };
        Told {
            oid,
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: vec![column(1, "id"), column(2, "parent_id")],
        }
    }

    fn result(oid: u32, attribute: i16) -> ResultColumn {
        ResultColumn {
            name: "x".to_owned(),
            type_oid: 20,
            relation_oid: Some(oid),
            attribute: Some(attribute),
        }
    }

    fn compared(relation: &str, column: &str) -> ComparedColumn {
        ComparedColumn {
            relation: Some(RelationName {
                schema: None,
                name: relation.to_owned(),
            }),
            candidates: Vec::new(),
            column: column.to_owned(),
            comparison: crate::sql::Comparison::Equal,
        }
    }

    fn schema(relations: Vec<Told>) -> Schema {
        Schema {
            relations,
            foreign_keys: Vec::new(),
        }
    }

    #[test]
    fn closures_follow_foreign_keys_even_in_circles() {
        let key = |relation_oid, referenced_oid| ForeignKey {
            relation_oid,
            attributes: vec![1],
            referenced_oid,
            referenced_attributes: vec![1],
        };
        let mut identity = Identity::default();
        identity.tell(
            0,
            Schema {
                relations: vec![],
                foreign_keys: vec![key(1, 2), key(2, 3), key(3, 1)],
            },
        );
        let mut number = |oid| identity.result(0, &result(oid, 1)).unwrap();
        let all = [number(1), number(2), number(3)];
        let alone = number(4);
        assert_eq!(*identity.closure(&all[..1]), all);
        assert_eq!(*identity.closure(&[alone]), [alone]);
    }

    #[test]
    fn a_table_that_is_made_anew_keeps_its_identity() {
        let mut identity = Identity::default();
        identity.tell(0, schema(vec![relation(20_000, "public", "a")]));
        let first = identity.result(0, &result(20_000, 1));
        identity.tell(0, schema(vec![relation(30_000, "public", "a")]));
        assert_eq!(identity.result(0, &result(30_000, 1)), first);
        assert_eq!(
            identity.compared(0, &compared("a", "id"), None),
            [first.unwrap()]
        );
        assert_ne!(identity.result(1, &result(30_000, 1)), first);
    }

    #[test]
    fn the_result_tells_which_schema_is_meant() {
        let mut identity = Identity::default();
        let relations = vec![relation(20_000, "one", "a"), relation(20_001, "two", "a")];
        identity.tell(0, schema(relations));
        let one = identity.result(0, &result(20_000, 1)).unwrap();
        let two = identity.result(0, &result(20_001, 1)).unwrap();
        let shape = |oid| ResultShape {
            columns: vec![result(oid, 2)],
            hashed: vec![],
        };
        let mut seen =
            |shape: Option<ResultShape>| identity.compared(0, &compared("a", "id"), shape.as_ref());
        assert_eq!(seen(Some(shape(20_001))), [two]);
        assert_eq!(seen(Some(shape(20_000))), [one]);
        assert_eq!(seen(None), [one, two]);
    }

    #[test]
    fn a_catalog_is_wished_for_until_it_told_or_did_not() {
        let mut identity = Identity::default();
        let shape = |oid, attribute| ResultShape {
            columns: vec![result(oid, attribute)],
            hashed: vec![],
        };
        identity.note(3, &shape(1259, 1));
        assert!(identity.wanted().is_empty());
        identity.note(3, &shape(20_000, 1));
        assert_eq!(identity.wanted(), [3]);
        identity.tell(3, schema(vec![relation(20_000, "public", "a")]));
        assert!(identity.wanted().is_empty());
        identity.note(3, &shape(20_000, 7));
        assert_eq!(identity.wanted(), [3]);
        identity.tell(3, schema(vec![]));
        identity.tell(3, schema(vec![]));
        assert!(identity.wanted().is_empty());
    }
}
