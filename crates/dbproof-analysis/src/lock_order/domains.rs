//! Which columns hold the same keys: [`Domains`].

use std::collections::{HashMap, HashSet};

use dbproof_model::Schema;

use crate::sql::{ComparedColumn, RelationName};

/// A set of columns that hold the same keys: a key and the foreign keys that refer to it.
pub(super) type Domain = usize;

/// The domains of a database.
#[derive(Debug)]
pub(super) struct Domains<'a> {
    schema: &'a Schema,
    /// Relations that footprints name, by their names without schema.
    named: HashMap<String, Vec<String>>,
    /// Columns by relation and name.
    columns: HashMap<(String, String), Domain>,
    parent: Vec<Domain>,
    /// Those that locked rows are named by.
    keys: HashSet<Domain>,
}

impl<'a> Domains<'a> {
    /// The domains of a schema; `relations` are further ones, as footprints name them.
    pub(super) fn new<'b>(schema: &'a Schema, relations: impl Iterator<Item = &'b str>) -> Self {
        let mut domains = Self {
            schema,
            named: HashMap::new(),
            columns: HashMap::new(),
            parent: Vec::new(),
            keys: HashSet::new(),
        };
        for relation in relations {
            let name = relation.rsplit_once('.').map_or(relation, |(_, name)| name);
            let alike = domains.named.entry(name.to_owned()).or_default();
            if !alike.iter().any(|known| known == relation) {
                alike.push(relation.to_owned());
            }
        }
        for key in &schema.foreign_keys {
            let ends = key.attributes.iter().zip(&key.referenced_attributes);
            for (from, to) in ends {
                let from = domains.attribute(key.relation_oid, *from);
                let to = domains.attribute(key.referenced_oid, *to);
                if let (Some(from), Some(to)) = (from, to) {
                    domains.join(from, to);
                }
            }
        }
        domains
    }

    fn attribute(&mut self, oid: u32, attribute: i16) -> Option<Domain> {
        let relation = self.schema.relation(oid)?;
        let column = relation.column(attribute)?;
        let name = format!("{}.{}", relation.schema, relation.name);
        Some(self.column(&name, &column.name))
    }

    fn join(&mut self, a: Domain, b: Domain) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a] = b;
    }

    fn root(&self, mut domain: Domain) -> Domain {
        while self.parent[domain] != domain {
            domain = self.parent[domain];
        }
        domain
    }

    /// The domain of a column; `relation` as footprints name it.
    pub(super) fn column(&mut self, relation: &str, column: &str) -> Domain {
        let key = (relation.to_owned(), column.to_owned());
        if let Some(domain) = self.columns.get(&key) {
            return self.root(*domain);
        }
        let domain = self.parent.len();
        self.parent.push(domain);
        self.columns.insert(key, domain);
        domain
    }

    /// The domain of the column that a value of a statement is compared with or written to.
    pub(super) fn compared(&mut self, compared: &ComparedColumn) -> Option<Domain> {
        if let Some((relation, column)) = compared.find_in(self.schema) {
            let name = format!("{}.{}", relation.schema, relation.name);
            return Some(self.column(&name, &column.name));
        }
        let relation = match (&compared.relation, compared.candidates.as_slice()) {
            (Some(relation), _) => self.qualified(relation),
            (None, candidates) => {
                let mut known = candidates
                    .iter()
                    .filter(|name| self.named.contains_key(&name.name));
                let only = known.next().filter(|_| known.next().is_none())?;
                self.qualified(only)
            }
        };
        Some(self.column(&relation, &compared.column))
    }

    /// The name that footprints have for a relation.
    fn qualified(&self, relation: &RelationName) -> String {
        if let Some(schema) = &relation.schema {
            return format!("{schema}.{}", relation.name);
        }
        match self.named.get(&relation.name).map(Vec::as_slice) {
            Some([first, ..]) => first.clone(),
            _ => relation.name.clone(),
        }
    }

    /// Whether a relation has a column of this domain.
    pub(super) fn has_column(&self, relation: &str, domain: Domain) -> bool {
        self.columns
            .iter()
            .any(|((of, _), column)| of == relation && self.root(*column) == domain)
    }

    /// Whether the values are keys of rows, as locks name them.
    pub(super) fn is_key(&self, domain: Domain) -> bool {
        self.keys.contains(&domain)
    }

    /// Says that locks name rows by this column.
    pub(super) fn note_key(&mut self, relation: &str, column: &str) {
        let domain = self.column(relation, column);
        self.keys.insert(domain);
    }

    /// The name of a column's type, where the schema has it.
    pub(super) fn type_of(&self, relation: &str, column: &str) -> Option<&'a str> {
        let (schema, name) = relation.rsplit_once('.')?;
        let relation = self.schema.relation_named(Some(schema), name)?;
        Some(&relation.column_named(column)?.type_name)
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::{Column, ForeignKey, Relation};

    use super::*;
    use crate::sql::template;

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
                    ..Column::default()
                })
                .collect(),
        };
        Schema {
            relations: vec![
                relation(1, "orders", &["id", "total"]),
                relation(2, "lines", &["order_id", "nr"]),
            ],
            foreign_keys: vec![ForeignKey {
                relation_oid: 2,
                attributes: vec![1],
                referenced_oid: 1,
                referenced_attributes: vec![1],
            }],
        }
    }

    fn of(domains: &mut Domains<'_>, sql: &str) -> Option<Domain> {
        let slot = template(sql, &[]).slots.into_iter().next()?;
        domains.compared(slot.compared.as_ref()?)
    }

    #[test]
    fn a_foreign_key_joins_its_columns() {
        let schema = schema();
        let mut domains = Domains::new(&schema, std::iter::empty());
        let key = domains.column("public.orders", "id");
        assert_eq!(domains.column("public.lines", "order_id"), key);
        assert_eq!(of(&mut domains, "select 1 from orders where id = 2"), None);
        assert_eq!(
            of(&mut domains, "update orders set total = total where id = 2"),
            Some(key)
        );
        assert_eq!(
            of(&mut domains, "delete from lines where order_id = 2"),
            Some(key)
        );
        assert_ne!(
            of(&mut domains, "delete from lines where nr = 2"),
            Some(key)
        );
        assert!(domains.has_column("public.lines", key));
    }

    #[test]
    fn without_a_schema_names_alone_tell() {
        let schema = Schema::default();
        let mut domains = Domains::new(&schema, ["app.orders", "app.lines"].into_iter());
        let key = domains.column("app.orders", "id");
        for sql in [
            "delete from orders where id = 1",
            "delete from app.orders o where o.id = 1",
        ] {
            assert_eq!(of(&mut domains, sql), Some(key), "{sql}");
        }
        assert_ne!(domains.column("app.lines", "order_id"), key);
    }
}
