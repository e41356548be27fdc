//! The rows of a loop against those of its batched statement: [`same_rows`].

use std::collections::HashMap;

use postgres_types::{FromSql, Type};
use tokio_postgres::Row;

use crate::{PostgresError, Session};

/// The answer of a batched statement.
pub(super) struct Batched<'b> {
    pub(super) rows: &'b [Row],
    /// Whether it has one group a value, where the loop had one row a statement.
    pub(super) is_grouped: bool,
}

/// A row as the bytes of its columns; `None` is NULL.
type RawRow = Vec<Option<Vec<u8>>>;

/// Where the batched statement has the value that a row is for.
#[derive(Debug, Clone, Copy)]
enum KeyColumn {
    First,
    Last,
}

/// Whether each value has the same rows in both, in any order. `Some` is how many values have the row
/// of an empty group in the loop and none in the batch.
pub(super) async fn same_rows(
    session: &Session,
    keys: &[String],
    looped: &[Vec<Row>],
    batched: &Batched<'_>,
) -> Result<Option<u64>, PostgresError> {
    let width = looped.iter().flatten().map(Row::len).next().unwrap_or(0);
    let Some(first) = batched.rows.first() else {
        let all_empty = looped
            .iter()
            .all(|rows| is_nothing(&raw_rows(rows), batched.is_grouped));
        let empty = looped.iter().filter(|rows| !rows.is_empty()).count();
        return Ok(all_empty.then_some(empty as u64));
    };
    if first.len() == width {
        // The value is among the columns, so that the rows of all values can be compared at once.
        let mut all: Vec<RawRow> = looped.iter().flat_map(|rows| raw_rows(rows)).collect();
        let mut found = raw_rows(batched.rows);
        all.sort_unstable();
        found.sort_unstable();
        return Ok((all == found).then_some(0));
    }
    for column in [KeyColumn::First, KeyColumn::Last] {
        let Some(at) = column.at(first.len()) else {
            continue;
        };
        let keys = raw_keys(session, keys, first.columns()[at].type_()).await?;
        if let Some(empty) = keys.and_then(|keys| by_key(&keys, looped, batched, at)) {
            return Ok(Some(empty));
        }
    }
    Ok(None)
}

impl KeyColumn {
    fn at(self, width: usize) -> Option<usize> {
        match self {
            KeyColumn::First => (width > 0).then_some(0),
            KeyColumn::Last => width.checked_sub(1),
        }
    }
}

fn by_key(
    keys: &[Option<Vec<u8>>],
    looped: &[Vec<Row>],
    batched: &Batched<'_>,
    at: usize,
) -> Option<u64> {
    let mut found: HashMap<Option<Vec<u8>>, Vec<RawRow>> = HashMap::new();
    for mut row in raw_rows(batched.rows) {
        let key = row.remove(at);
        found.entry(key).or_default().push(row);
    }
    let mut empty = 0;
    for (key, rows) in keys.iter().zip(looped) {
        let mut rows = raw_rows(rows);
        rows.sort_unstable();
        let mut of_key = found.remove(key).unwrap_or_default();
        of_key.sort_unstable();
        if rows == of_key {
            continue;
        }
        if !of_key.is_empty() || !is_nothing(&rows, batched.is_grouped) {
            return None;
        }
        empty += 1;
    }
    // Rows of a value that nobody asked for.
    found.is_empty().then_some(empty)
}

/// No row, or the row of an aggregate over no rows: NULL, or a count of 0.
fn is_nothing(rows: &[RawRow], is_grouped: bool) -> bool {
    let is_zero = |column: &Option<Vec<u8>>| match column {
        None => true,
        Some(bytes) => bytes.iter().all(|byte| *byte == 0),
    };
    match rows {
        [] => true,
        [only] => is_grouped && only.iter().all(is_zero),
        _ => false,
    }
}

/// The values in the binary form of a type; `None` where they are no values of it.
async fn raw_keys(
    session: &Session,
    keys: &[String],
    kind: &Type,
) -> Result<Option<Vec<Option<Vec<u8>>>>, PostgresError> {
    let name = session
        // With -1, the name of a type without a length: `bpchar`, and not `character`, which is one long.
        .query_one("SELECT format_type($1, -1)", &[&kind.oid()])
        .await
        .map_err(|e| session.error(&e))?;
    let name: String = name.get(0);
    let converted =
        format!("SELECT k::{name} FROM unnest($1::text[]) WITH ORDINALITY AS u (k, n) ORDER BY n");
    // A value of another type is refused, and would end the transaction.
    session.run("SAVEPOINT keys").await?;
    match session.query(&converted, &[&keys]).await {
        Ok(rows) => {
            let keys = raw_rows(&rows).into_iter();
            Ok(Some(keys.filter_map(|mut row| row.pop()).collect()))
        }
        Err(error) if error.as_db_error().is_some() => {
            session.run("ROLLBACK TO SAVEPOINT keys").await?;
            Ok(None)
        }
        Err(error) => Err(session.error(&error)),
    }
}

fn raw_rows(rows: &[Row]) -> Vec<RawRow> {
    let raw = |row: &Row| {
        let column = |at| row.get::<_, Raw>(at).0;
        (0..row.len()).map(column).collect()
    };
    rows.iter().map(raw).collect()
}

/// The bytes of any column.
struct Raw(Option<Vec<u8>>);

impl FromSql<'_> for Raw {
    fn from_sql(
        kind: &Type,
        bytes: &[u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // `char(n)` comes padded, and blanks at its end mean nothing.
        let bytes = match *kind {
            Type::BPCHAR => bytes.trim_ascii_end(),
            _ => bytes,
        };
        Ok(Raw(Some(bytes.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
