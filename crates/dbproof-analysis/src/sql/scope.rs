//! Which relations a column may belong to: [`RelationName`].

/// A relation as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelationName {
    /// Its schema, where the statement says so.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}
