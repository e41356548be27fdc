//! Transactions out of captured traffic, with their values, so that they can be run again.

mod class;

pub use class::{History, HistoryEntry, TransactionClass, TransactionStatement, Transactions};
