//! Which columns hold the same kind of value: [`Identity`].

use std::collections::HashMap;

use dbproof_model::{ResultColumn, Schema};

use crate::sql::ComparedColumn;

/// A column of the schema: its relation's OID and its attribute number.
pub(super) type ColumnId = (u32, i16);

/// Columns by what their values identify. Two columns are alike if they are the same, if a foreign
/// key leads from one to the other, or if foreign keys lead from both to the same column.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    schema: &'a Schema,
    references: HashMap<ColumnId, Vec<ColumnId>>,
}

impl<'a> Identity<'a> {
    /// The identities that a schema's foreign keys give.
    pub(super) fn of(schema: &'a Schema) -> Self {
        let mut references: HashMap<ColumnId, Vec<ColumnId>> = HashMap::new();
        for key in &schema.foreign_keys {
            for (from, to) in key.attributes.iter().zip(&key.referenced_attributes) {
                let to = (key.referenced_oid, *to);
                references
                    .entry((key.relation_oid, *from))
                    .or_default()
                    .push(to);
            }
        }
        Self { schema, references }
    }

    /// The column that a value is compared with, where schema and statement tell.
    pub(super) fn compared(&self, column: &ComparedColumn) -> Option<ColumnId> {
        let (relation, column) = column.find_in(self.schema)?;
        Some((relation.oid, column.attribute))
    }

    /// The column that a result's column comes from.
    pub(super) fn result(column: &ResultColumn) -> Option<ColumnId> {
        Some((
            column.relation_oid.filter(|oid| *oid != 0)?,
            column.attribute.filter(|a| *a > 0)?,
        ))
    }

    /// The column itself, and all that foreign keys lead to from there.
    pub(super) fn closure(&self, column: ColumnId) -> Vec<ColumnId> {
        let mut closure = vec![column];
        let mut at = 0;
        while at < closure.len() {
            for next in self.references.get(&closure[at]).into_iter().flatten() {
                if !closure.contains(next) {
                    closure.push(*next);
                }
            }
            at += 1;
        }
        closure
    }

    /// `relation.column`.
    pub(super) fn name(&self, (oid, attribute): ColumnId) -> Option<String> {
        let relation = self.schema.relation(oid)?;
        Some(format!(
            "{}.{}",
            relation.name,
            relation.column(attribute)?.name
        ))
    }

    /// The type of a compared column.
    pub(super) fn type_of(&self, column: &ComparedColumn) -> Option<&'a str> {
        let (oid, attribute) = self.compared(column)?;
        Some(&self.schema.relation(oid)?.column(attribute)?.type_name)
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::ForeignKey;

    use super::*;

    #[test]
    fn closures_follow_foreign_keys_even_in_circles() {
        let key = |relation_oid, referenced_oid| ForeignKey {
            relation_oid,
            attributes: vec![1],
            referenced_oid,
            referenced_attributes: vec![1],
        };
        let schema = Schema {
            relations: vec![],
            foreign_keys: vec![key(1, 2), key(2, 3), key(3, 1)],
        };
        let identity = Identity::of(&schema);
        assert_eq!(identity.closure((1, 1)), [(1, 1), (2, 1), (3, 1)]);
        assert_eq!(identity.closure((4, 1)), [(4, 1)]);
    }
}
