//! SQL as far as dbproof reads it itself: [`tokenize`] and what is built on it.
//!
//! * [`split_statements`]: a script as its statements.
//! * [`parse_query_file`]: `queries/*.sql` as named queries with their parameter sources.
//! * [`template`]: a statement with its literals and parameters taken out.
//!
//! Nothing here is a grammar. A tokenizer that follows PostgreSQL's lexical rules, and some
//! knowledge of where relations and comparisons stand, is enough for all three, accepts what no
//! parser has heard of yet, and is fast enough to run on every captured statement.

mod literal;
mod mask;
mod place;
mod query_file;
mod scope;
mod source;
mod split;
mod tags;
mod template;
mod token;
mod written;

pub use literal::string_value;
pub use mask::mask_literals;
pub use query_file::{QueryFileError, parse_query_file};
pub use scope::RelationName;
pub use split::{Statement, split_statements};
pub(crate) use tags::tags_of_comment;
pub use template::{
    ComparedColumn, Comparison, EqualityParameter, Slot, SlotKind, StatementKind, Template,
    equality_parameters, template,
};
pub(crate) use template::{Operand, ParsedSlot, ParsedTemplate, ValueSource, path_after};
pub use token::{Token, TokenKind, tokenize};
pub use written::written_relation;
