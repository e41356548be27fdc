//! Which values of a column are frequent, and which it does not hold: [`common_values`],
//! [`absent_value`].

use dbproof_model::Relation;
use postgres_protocol::escape::{escape_identifier, escape_literal};

use crate::{PostgresError, Session};

/// The most common values of a column with their shares of its rows, the most frequent first, as
/// the planner knows them (PostgreSQL documentation, "`pg_stats`"). None for a column without
/// duplicates, or without statistics.
pub async fn common_values(
    session: &Session,
    relation: &Relation,
    column: &str,
) -> Result<Vec<(String, f32)>, PostgresError> {
    let rows = session
        .query(
            // The array's element type is the column's own, so it is read as text and taken apart
            // as an array of text. A parent's row covers its children.
            "SELECT v.value, v.share
             FROM (SELECT most_common_vals::text::text[] AS vals, most_common_freqs AS freqs
                   FROM pg_stats
                   WHERE schemaname = $1 AND tablename = $2 AND attname = $3
                     AND most_common_vals IS NOT NULL
                   ORDER BY inherited DESC LIMIT 1) s,
                  unnest(s.vals, s.freqs) AS v (value, share)
             ORDER BY v.share DESC",
            &[&relation.schema, &relation.name, &column],
        )
        .await
        .map_err(|e| session.error(&e))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// A value of the column's type that no row has; `None` where none was found for its type, or
/// where the relation is empty.
///
/// For a number it is one more than the largest, for a date or time one day more, for text and
/// UUIDs a fixed value; that no row has it is asked of the relation itself.
pub async fn absent_value(
    session: &Session,
    relation: &Relation,
    column: &str,
) -> Result<Option<String>, PostgresError> {
    let Some(of_type) = relation.column_named(column) else {
        return Ok(None);
    };
    let table = format!(
        "{}.{}",
        escape_identifier(&relation.schema),
        escape_identifier(&relation.name)
    );
    let name = escape_identifier(column);
    let type_name = of_type.type_name.as_str();
    let Some(candidate) = candidate(type_name, &name) else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT candidate::text FROM (SELECT {candidate} AS candidate FROM {table} LIMIT 1) c
         WHERE candidate IS NOT NULL
           AND NOT EXISTS (SELECT FROM {table} t WHERE t.{name} = c.candidate)"
    );
    match session.text(&sql).await {
        Ok(value) => Ok(value),
        // One more than the largest number of its type, or a domain that does not take it.
        Err(PostgresError::Server(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An expression over the column's relation, of the column's type.
fn candidate(type_name: &str, column: &str) -> Option<String> {
    let base = type_name.split('(').next().unwrap_or(type_name).trim();
    let fixed = |text: &str| Some(format!("CAST({} AS {type_name})", escape_literal(text)));
    match base {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => {
            Some(format!("CAST(max({column}) + 1 AS {type_name})"))
        }
        "date" => Some(format!("max({column}) + 1")),
        // `timestamp(3) with time zone` is one as well.
        "timestamp" | "timestamp without time zone" | "timestamp with time zone" => {
            Some(format!("max({column}) + CAST('1 day' AS interval)"))
        }
        "text" | "character varying" | "character" => fixed("(none of the rows)"),
        "uuid" => fixed("ffffffff-ffff-4fff-bfff-fffffffffffe"),
        _ => None,
    }
}
