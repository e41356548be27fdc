//! What is known of the tables to infer from: [`TableShape`].

use crate::ColumnStatistics;

/// A table as its catalog and its statistics describe it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableShape {
    /// The name as `data/*.toml` has it: `table`, or `schema.table`.
    pub name: String,
    /// The rows that the planner counts on; `None` where the table was never analysed.
    pub rows: Option<u64>,
    /// What the partitions hold, as `pg_get_expr` writes their bounds; empty for other tables.
    pub partition_bounds: Vec<String>,
    /// The one column that decides the partition, where it is one.
    pub partition_key: Option<String>,
    /// The columns, in their order.
    pub columns: Vec<ColumnShape>,
    /// The columns of each primary key, unique constraint and unique index.
    pub keys: Vec<Vec<String>>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKeyShape>,
    /// CHECK constraints as `pg_get_constraintdef` writes them.
    pub checks: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignKeyShape {
    /// Its columns.
    pub columns: Vec<String>,
    /// The table that it references, named as in [`TableShape::name`].
    pub parent: String,
    /// The columns there, one for each of its own.
    pub parent_columns: Vec<String>,
}

/// A column.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of the catalog, and none follows from another"
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type without domain and array, as `pg_type` names it, such as `int4`.
    pub base_type: String,
    /// Its type as a reader knows it, such as `numeric(12,2)`.
    pub shown_type: String,
    /// The type's modifier, of the domain where it is one; −1 where there is none.
    pub modifier: i32,
    /// Whether it is an array.
    pub array: bool,
    /// `b`, `e`, `r` and so on, as `typtype` says of the base type.
    pub kind: char,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// Whether an `INSERT` without it gets a value.
    pub has_default: bool,
    /// Whether it is computed from other columns.
    pub generated: bool,
    /// The labels, where it is an enum.
    pub labels: Vec<String>,
    /// The CHECK constraints of its domain, as `pg_get_constraintdef` writes them.
    pub domain_checks: Vec<String>,
    /// The average width in bytes.
    pub width: Option<u64>,
    /// What the planner knows of it.
    pub statistics: Option<ColumnStatistics>,
    /// `histogram_bounds`, in text form.
    pub histogram: Vec<String>,
}

impl ColumnShape {
    /// The share of NULL.
    pub(super) fn null_rate(&self) -> f64 {
        let found = self.statistics.as_ref().map(|known| known.null_fraction);
        if self.not_null {
            0.0
        } else {
            found.unwrap_or(0.0)
        }
    }

    /// The number of different values in so many rows, where it is known.
    pub(super) fn distinct(&self, rows: f64) -> Option<f64> {
        let distinct = self.statistics.as_ref()?.distinct;
        match distinct {
            d if d < 0.0 => Some(-d * rows),
            d if d > 0.0 => Some(d),
            _ => None,
        }
    }

    /// Most common values with their shares among those that are not NULL.
    pub(super) fn common(&self) -> Vec<(&str, f64)> {
        let Some(known) = &self.statistics else {
            return Vec::new();
        };
        let present = (1.0 - known.null_fraction).max(1e-9);
        let common = known.common.iter();
        common
            .map(|(value, share)| (value.as_str(), share / present))
            .collect()
    }

    pub(super) fn correlation(&self) -> f64 {
        let known = self.statistics.as_ref();
        known.and_then(|known| known.correlation).unwrap_or(0.0)
    }

    /// `n` of `varchar(n)` and `char(n)`.
    pub(super) fn longest(&self) -> Option<usize> {
        let limited = matches!(self.base_type.as_str(), "varchar" | "bpchar");
        usize::try_from(self.modifier - 4)
            .ok()
            .filter(|_| limited && self.modifier > 4)
    }

    /// Precision and scale of `numeric(precision, scale)`.
    pub(super) fn precision(&self) -> Option<(u32, u8)> {
        if self.base_type != "numeric" || self.modifier < 4 {
            return None;
        }
        let packed = u32::try_from(self.modifier - 4).ok()?;
        let scale = u8::try_from(packed & 0x7ff)
            .ok()
            .filter(|scale| *scale <= 15)?;
        Some(((packed >> 16) & 0xffff, scale))
    }

    /// The integers of its type, where it is one.
    pub(super) fn integers(&self) -> Option<(i64, i64)> {
        match self.base_type.as_str() {
            _ if self.array => None,
            "int2" => Some((i16::MIN.into(), i16::MAX.into())),
            "int4" => Some((i32::MIN.into(), i32::MAX.into())),
            "int8" => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        let text = ["text", "varchar", "bpchar", "citext", "name"];
        !self.array && text.contains(&self.base_type.as_str())
    }

    pub(super) fn is_moment(&self) -> bool {
        !self.array
            && matches!(
                self.base_type.as_str(),
                "timestamp" | "timestamptz" | "date"
            )
    }
}
