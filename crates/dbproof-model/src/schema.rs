//! The relations of a database as far as detection needs them: [`Schema`].

use serde::{Deserialize, Serialize};

/// The relations and foreign keys of a database.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Tables, views and their like, without the system's own.
    pub relations: Vec<Relation>,
    /// The foreign keys between them.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A relation and its columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// The relation's OID.
    pub oid: u32,
    /// The schema that it lives in.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, dropped ones left out.
    pub columns: Vec<Column>,
}

/// A column of a relation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The attribute number.
    pub attribute: i16,
    /// The column's name.
    pub name: String,
    /// The name of its type as `format_type` gives it.
    pub type_name: String,
    /// Whether no two rows have the same value: the column is a primary key or has a unique index of
    /// its own.
    #[serde(default)]
    pub unique: bool,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The OID of the referencing relation.
    pub relation_oid: u32,
    /// The referencing attributes.
    pub attributes: Vec<i16>,
    /// The OID of the referenced relation.
    pub referenced_oid: u32,
    /// The referenced attributes, in the same order.
    pub referenced_attributes: Vec<i16>,
}

impl Schema {
    /// The relation of this name; of several, the one in `public`, else the first.
    #[must_use]
    pub fn relation_named(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        let mut alike = self
            .relations
            .iter()
            .filter(|r| r.name == name && schema.is_none_or(|s| s == r.schema));
        let first = alike.clone().next();
        alike.find(|r| r.schema == "public").or(first)
    }

    /// The relation with this OID.
    #[must_use]
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.relations.iter().find(|r| r.oid == oid)
    }
}

impl Relation {
    /// The column of this name.
    #[must_use]
    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The column with this attribute number.
    #[must_use]
    pub fn column(&self, attribute: i16) -> Option<&Column> {
        self.columns.iter().find(|c| c.attribute == attribute)
    }
}
