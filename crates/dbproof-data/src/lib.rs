//! Seed data for a database: from `data/*.toml` to rows, the same rows from the same seed.
//!
//! The main function is [`generate`]: it turns a [`TableSpecification`] into [`Rows`], an iterator
//! over the table's rows that can also start anywhere. A cell depends on nothing but the seed, its
//! table, its column and its row number, so that any number of threads can share the work by
//! [`Rows::rows`] and still yield identical data.
//!
//! ```
//! use dbproof_data::{Context, Specification, generate, load_order};
//!
//! let text = r#"
//! [table.users]
//! rows = 3
//! [table.users.columns]
//! id = { sequence = { start = 1 } }
//! name = { fake = "name" }
//! "#;
//! let tables = Specification::parse("data/users.toml", text)?;
//! let mut context = Context::new(42, 1.0);
//! for table in load_order(&tables)? {
//!     let rows = generate(table, &context)?;
//!     context.add_parent(&rows);
//!     assert_eq!(rows.column_names(), ["id", "name"]);
//!     assert_eq!(rows.count(), 3);
//! }
//! # Ok::<(), dbproof_data::SpecificationError>(())
//! ```
//!
//! The house: [`specification`](Specification) reads the files with `reader`, each generator is a
//! file under `generator/`, and [`distribution`] and `permutation` hold the mathematics.
//!
//! **Architecture invariant:** no IO, no clock, no threads. Timestamps are anchored in the
//! specification, never at "now".

mod calendar;
mod context;
pub mod distribution;
mod error;
mod generator;
mod infer;
mod load_order;
mod permutation;
mod random;
mod reader;
mod rows;
mod skew;
mod specification;
mod value;

pub use calendar::days_from_date;
pub use context::Context;
pub use error::SpecificationError;
pub use infer::{ColumnShape, ForeignKeyShape, InferredTable, TableShape, infer};
pub use load_order::load_order;
pub use rows::{Rows, generate};
pub use skew::{ColumnStatistics, TableStatistics, check_skew};
pub use specification::{Specification, TableSpecification};
pub use value::Value;
