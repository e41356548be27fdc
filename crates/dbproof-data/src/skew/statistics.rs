//! What the planner knows of a table: [`TableStatistics`].

/// What the planner knows of a table after ANALYZE.
#[derive(Debug, Clone, PartialEq)]
pub struct TableStatistics {
    /// Rows that ANALYZE looks at, at most: 300 for each unit of the highest statistics target.
    pub sample: u64,
    /// The table's pages, of which ANALYZE looks into so many as it looks at rows.
    pub pages: u64,
    /// Whether the rows lie in partitions, which have no common order.
    pub partitioned: bool,
    /// The columns with statistics.
    pub columns: Vec<ColumnStatistics>,
}

/// What the planner knows of a column: a row of `pg_stats`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnStatistics {
    /// The column's name.
    pub column: String,
    /// `null_frac`.
    pub null_fraction: f64,
    /// `n_distinct`: a number of values, or with a minus sign their share of the rows.
    pub distinct: f64,
    /// `most_common_vals` in text form with `most_common_freqs`, shares of all rows.
    pub common: Vec<(String, f64)>,
    /// `correlation` of values with their places in the table.
    pub correlation: Option<f64>,
    /// Whether the server writes its values as they were given: text, enums and UUIDs.
    pub written_as_given: bool,
    /// Whether ANALYZE counts the different values of its type.
    pub counted: bool,
    /// How many most common values ANALYZE may list.
    pub target: u64,
}
