//! A first `data/*.toml` out of a schema and what its planner knows: [`infer`].
//!
//! * `shape`: what is known of the tables.
//! * `plan`: which column references what, and how keys stay unique.
//! * `check`: what CHECK constraints allow.
//! * `column`: a generator for a column that is no key, by its type and its statistics.
//! * `write`: the file.
//!
//! Values of text columns are never copied unless that is asked for: only the labels of an enum and
//! the values that a CHECK constraint lists are part of the schema and no data. Bounds of numbers and
//! dates are rounded outwards.

mod check;
mod column;
mod plan;
mod shape;
mod write;

pub use shape::{ColumnShape, ForeignKeyShape, TableShape};
pub use write::{InferredTable, infer};
