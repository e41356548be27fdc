//! What came back for one statement, in text form: [`ResultSet`].

use serde::{Deserialize, Serialize};

/// What came back for one statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSet {
    /// The result's columns; empty where the statement returns none.
    pub columns: Vec<ResultColumn>,
    /// The number of rows returned, or affected by a writing statement.
    pub row_count: u64,
    /// The rows that were kept (there may be fewer than `row_count`), values in text form, in the
    /// order of `columns`; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of a result, as RowDescription tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultColumn {
    /// The column's name in the result.
    pub name: String,
    /// The OID of its type.
    pub type_oid: u32,
    /// The OID of the relation that it comes from, where it is a plain column.
    pub relation_oid: Option<u32>,
    /// Its attribute number in that relation.
    pub attribute: Option<i16>,
}
