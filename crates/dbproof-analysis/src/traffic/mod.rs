//! What sessions executed, as far as detection needs it: [`Executed`].
//!
//! No value is kept, only keyed hashes of values (`value`): they tell whether two values are the
//! same and nothing else. Statement texts are read once for all texts that differ in their literals
//! alone (`statement`), so that millions of executions need little memory and little time. What all executions of a statement
//! come to is kept by [`Totals`].

mod durations;
mod executed;
mod statement;
mod tags;
mod totals;
mod value;

pub use executed::{Executed, ResultHashes, ResultShape, SentParameter, SentText, SqlState};
pub(crate) use statement::SentValue;
pub use statement::{Statement, StatementText, Statements};
pub use tags::Tags;
pub use totals::{FailedTemplate, Other, SlowTemplate, TemplateFigures, Totals};
pub use value::{HashKey, ValueHash, ValueHasher, is_key_like};
