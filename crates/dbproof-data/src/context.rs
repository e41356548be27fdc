//! What the generation of a table depends on besides its specification: [`Context`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::{Rows, Table};

/// The seed, the scale, and the tables that are generated already.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) seed: u64,
    pub(crate) scale: f64,
    pub(crate) parents: BTreeMap<String, Arc<Table>>,
}

impl Context {
    /// A context without parents. `scale` multiplies the row count of every scaled table.
    #[must_use]
    pub fn new(seed: u64, scale: f64) -> Self {
        Context {
            seed,
            scale,
            parents: BTreeMap::new(),
        }
    }

    /// Makes a table known to the children that reference it: its row count and its keys.
    pub fn add_parent(&mut self, rows: &Rows) {
        self.parents
            .insert(rows.table().name.clone(), Arc::clone(rows.table()));
    }
}
