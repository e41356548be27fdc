//! The scenarios as the program runs them, against a real PostgreSQL.

mod brute_force;
mod brute_force_pairs;
mod changes;
mod confirming;
mod deadlocks;
mod migrating;
mod migration_locks;
mod parameter_sets;
mod prediction_suites;
mod row_security;
mod sandboxes;
