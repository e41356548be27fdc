//! Transactions out of captured traffic, with their values, so that they can be run again.
//!
//! * `act`, `functions`: what a statement does to transactions, locks and databases.
//! * `item`, `open`, `blocks`: a transaction while it is open, and the savepoints in it.
//! * `depths`: what tests wrap around everything, told from what an application rolls back.
//! * `keys`: values that are keys of rows, and how those of a transaction compare.
//! * `found`, `table`: a transaction that was found, and the classes of them.
//! * `history`: what was done to the databases, in the order of time.
//! * `collector`: puts it all together.

mod act;
mod blocks;
mod class;
mod collector;
mod depths;
mod found;
mod functions;
mod history;
mod item;
mod keys;
mod open;
mod table;
#[cfg(test)]
mod tests;

pub use class::{
    History, HistoryEntry, MigrationStep, TransactionClass, TransactionStatement, Transactions,
};
pub use collector::Collector;
