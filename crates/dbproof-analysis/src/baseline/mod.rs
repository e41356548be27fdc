//! Plans that are to be kept, as files that are reviewed like code.
//!
//! [`observe`] takes from an executed plan what does not differ from run to run; [`render`] and
//! [`parse`] are the file's two directions; [`compare`] holds two such plans against each other, and
//! [`check`] today's plans against the accepted ones, telling what the change under test did from
//! what had moved before it. [`settle`] says what accepting them writes.

mod check;
mod compare;
mod conclude;
mod difference;
mod observe;
mod parse;
mod render;
mod settle;
mod statement;
#[cfg(test)]
mod tests;

pub use check::{Today, check, moved};
pub use compare::compare;
pub use conclude::conclude;
pub use difference::unified;
pub use observe::observe;
pub use parse::{BaselineError, parse};
pub use render::render;
pub use settle::settle;
pub use statement::{digest, follows_clock, statement};

/// The version of the file format, in the first line of every file.
const VERSION: u32 = 1;

/// What the first line of a file begins with, before the version.
const HEAD: &str = "# dbproof baseline ";

/// The last line of a file, without which it is cut off.
const END: &str = "end";

/// What stands for the nodes of a set, before the label of an earlier one that has the same.
const AS: &str = "as [";

/// A text from elsewhere on one line, so that a file's lines stay what they are.
#[must_use]
pub fn tidy(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| {
            if c.is_control() {
                c.escape_default().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}
