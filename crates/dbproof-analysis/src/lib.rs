//! Pure analysis of database work: what dbproof exists for, without any IO.
//!
//! * [`plan`]: EXPLAIN's JSON as a tree, the structural diff of two trees, masking of values.
//! * [`regression`]: the judgement of a query before and after a change.
//! * [`baseline`]: the files of accepted plans, and today's plans held against them.
//! * [`latency`]: latency summaries and the gate that holds them against a threshold.
//! * [`comparison`]: the ratio of two sides from interleaved pairs.
//! * [`sql`]: the tokenizer and what is built on it: templates, statement splitting, query files.
//! * [`traffic`]: what sessions executed, with values as hashes.
//! * [`nplusone`]: N+1 detection on a trace.
//! * [`transactions`]: the transactions of captured traffic, so that they can be run again.
//! * [`lock_order`]: what transactions lock in which order, and where two orders contradict.
//! * [`migration`]: what a migration locks, for how long and with what work.
//! * [`findings`]: every finding code, one file each, with its page for `dbproof explain`.
//!
//! **Architecture invariant:** nothing here does IO, holds async, reads a clock, or can fail
//! because of the outside world.

pub mod baseline;
pub mod comparison;
mod figures;
pub mod findings;
pub mod latency;
pub mod lock_order;
pub mod migration;
pub mod nplusone;
pub mod plan;
pub mod regression;
pub mod sql;
pub mod traffic;
pub mod transactions;
