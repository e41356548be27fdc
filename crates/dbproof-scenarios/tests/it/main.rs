//! The scenarios as the program runs them, against a real PostgreSQL.

mod changes;
mod deadlocks;
mod parameter_sets;
mod row_security;
mod sandboxes;
