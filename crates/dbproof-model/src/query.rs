//! A named statement and where its parameters come from: [`Query`].

use crate::Location;

/// A named statement of `queries/*.sql`.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The name after `-- name:`; unique within a project.
    pub name: String,
    /// The comment lines under the name that are no settings, joined by spaces.
    pub description: String,
    /// The statement with its parameters rewritten to `$1`, `$2`, …
    pub sql: String,
    /// One entry for each of `$1`, `$2`, …, in that order.
    pub parameters: Vec<Parameter>,
    /// The query's own threshold in milliseconds (`-- threshold_ms:`).
    pub threshold_ms: Option<f64>,
    /// How often it is drawn in a mix, relative to the others (`-- weight:`); 1 where nothing is
    /// said.
    pub weight: f64,
    /// The file, and the line of `-- name:`.
    pub location: Location,
    /// The line of the statement's first character, to map a server's error position.
    pub sql_line: u32,
}

/// One parameter of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The name as written (`user_id`), or the number (`1`) for `$1`.
    pub name: String,
    /// Where its values come from.
    pub source: ParameterSource,
    /// Where the source is declared.
    pub location: Location,
}

/// A bound of a parameter range: a number, or the row count of a relation.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A number written out.
    Number(i64),
    /// The number of rows in this relation when the run begins.
    RowsOf(String),
}

/// Where the values of a parameter come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterSource {
    /// `uniform(low, high)`: every integer alike, both ends included.
    Uniform {
        /// The smallest value.
        low: Bound,
        /// The largest value.
        high: Bound,
    },
    /// `zipf(low, high, exponent)`: `low` the most frequent, then ever rarer.
    Zipf {
        /// The smallest, most frequent value.
        low: Bound,
        /// The largest, rarest value.
        high: Bound,
        /// The exponent s in P(k) ∝ k^−s.
        exponent: f64,
    },
    /// `one_of(a, b, c)`: each of these alike, as text.
    OneOf(Vec<String>),
    /// `select …`: the first column of this query's rows, each row alike, drawn once per run.
    Select(String),
}
