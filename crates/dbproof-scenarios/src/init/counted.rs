//! The queries that a server has spent most time on: [`propose`].

use std::collections::BTreeMap;

use dbproof_analysis::sql::{ComparedColumn, SlotKind, StatementKind, template};
use dbproof_data::TableShape;
use dbproof_postgres::statement_statistics::{StatementCounter, statement_statistics};
use dbproof_postgres::{Address, connect};

use super::InitOptions;
use super::proposal::{ProposedQuery, quoted, quoted_table, word};
use super::tables::no_tables;
use crate::error::{InputError, RunError};

/// Queries that are proposed at most.
const MOST: usize = 10;

/// What is proposed, and what is not, with the reason: a sentence each.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) queries: Vec<ProposedQuery>,
    pub(super) left_out: Vec<String>,
}

/// The reading statements on which the database has spent most time, with sources for their
/// parameters. The database is only read.
pub(super) async fn propose(
    options: &InitOptions,
    tables: &[TableShape],
) -> Result<Counted, RunError> {
    let session = connect(&Address::parse(super::url(&options.server)?)?).await?;
    let counted = statement_statistics(&session).await;
    session.close().await;
    let counted = counted?.map_err(|reason| InputError::new(reason.to_string()))?;
    if tables.is_empty() {
        return Err(no_tables().into());
    }
    Ok(of_counters(&counted.all(), tables))
}

fn of_counters(counters: &[StatementCounter], tables: &[TableShape]) -> Counted {
    let mut found = Counted::default();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for counter in counters {
        if found.queries.len() == MOST {
            break;
        }
        let template = template(&counter.query, &[]);
        let of_users = |table: &&TableShape| {
            let mut relations = template.relations.iter();
            relations.any(|relation| is_named(table, relation.schema.as_deref(), &relation.name))
        };
        let Some(table) = tables.iter().find(of_users) else {
            continue;
        };
        if template.kind != StatementKind::Select {
            continue;
        }
        let sources = match sources(&counter.query, &template.slots, tables) {
            Ok(sources) => sources,
            Err(reason) => {
                found
                    .left_out
                    .push(format!("{}: {reason}", shortened(&template.shape)));
                continue;
            }
        };
        let count = names.entry(word(&table.name)).or_default();
        *count += 1;
        let name = match *count {
            1 => word(&table.name),
            count => format!("{}_{count}", word(&table.name)),
        };
        let mean = counter.total_ms / counter.calls.max(1) as f64;
        found.queries.push(ProposedQuery {
            text: format!(
                "-- name: {name}\n-- Executed {} times in {:.0} ms, {mean:.3} ms each, as pg_stat_statements counted.\n{sources}{};\n",
                counter.calls,
                counter.total_ms,
                counter.query.trim().trim_end_matches(';'),
            ),
            name,
        });
    }
    found
}

/// A line for each parameter.
fn sources(
    query: &str,
    slots: &[dbproof_analysis::sql::Slot],
    tables: &[TableShape],
) -> Result<String, String> {
    let mut lines: BTreeMap<u32, String> = BTreeMap::new();
    for slot in slots {
        let Some(number) = query[slot.span.clone()].strip_prefix('$') else {
            continue;
        };
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let Ok(number) = number[..digits].parse::<u32>() else {
            continue;
        };
        let source = match (slot.kind, &slot.compared) {
            (SlotKind::Limit, _) => "one_of(20)".to_owned(),
            (SlotKind::Offset, _) => "one_of(0)".to_owned(),
            (SlotKind::Array, _) => {
                return Err(format!("${number} is a list, whose length is not known"));
            }
            (_, Some(column)) => from_column(column, tables)
                .ok_or_else(|| format!("${number} is compared with no column of a table"))?,
            _ => return Err(format!("${number} is compared with no column")),
        };
        lines.entry(number).or_insert(source);
    }
    let used = (1..).take_while(|number| query.contains(&format!("${number}")));
    let used = u32::try_from(used.count()).unwrap_or(u32::MAX);
    if let Some(missing) = (1..=used).find(|number| !lines.contains_key(number)) {
        return Err(format!("it is not known what ${missing} is"));
    }
    let lines = lines.into_iter();
    let lines = lines.map(|(number, source)| {
        [
            "-- param ",
            &number.to_string(),
            ": ",
            &source,
            "
",
        ]
        .concat()
    });
    Ok(lines.collect())
}

/// The column's own values.
fn from_column(column: &ComparedColumn, tables: &[TableShape]) -> Option<String> {
    let named = column.relation.iter().chain(&column.candidates);
    let table = named
        .filter_map(|name| {
            tables
                .iter()
                .find(|table| is_named(table, name.schema.as_deref(), &name.name))
        })
        .find(|table| table.columns.iter().any(|c| c.name == column.column))?;
    let (name, from) = (quoted(&column.column), quoted_table(&table.name));
    Some(format!(
        "select {name} from {from} where {name} is not null"
    ))
}

fn is_named(table: &TableShape, schema: Option<&str>, name: &str) -> bool {
    match table.name.split_once('.') {
        Some((own, table)) => table == name && schema.is_none_or(|schema| schema == own),
        None => table.name == name && schema.is_none_or(|schema| schema == "public"),
    }
}

fn shortened(shape: &str) -> String {
    const LONGEST: usize = 80;
    if shape.chars().count() <= LONGEST {
        return shape.to_owned();
    }
    let start: String = shape.chars().take(LONGEST).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::sql;
    use dbproof_data::ColumnShape;

    use super::*;

    fn orders() -> Vec<TableShape> {
        let column = |name: &str| ColumnShape {
            name: name.to_owned(),
            ..ColumnShape::default()
        };
        vec![TableShape {
            name: "orders".to_owned(),
            columns: vec![column("id"), column("user_id"), column("status")],
            ..TableShape::default()
        }]
    }

    fn counter(query: &str) -> StatementCounter {
        StatementCounter {
            query: query.to_owned(),
            calls: 10,
            rows: 10,
            total_ms: 5.0,
        }
    }

    #[test]
    fn parameters_get_the_values_of_their_columns() {
        let query = "SELECT * FROM orders o WHERE o.user_id = $1 AND status = $2 LIMIT $3";
        let found = of_counters(&[counter(query)], &orders());
        let text = &found.queries[0].text;
        let read = sql::parse_query_file("q.sql", text).unwrap();
        assert_eq!(read[0].parameters.len(), 3, "{text}");
        assert!(
            text.contains("-- param 1: select user_id from orders"),
            "{text}"
        );
        assert!(text.contains("-- param 3: one_of(20)"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_left_out_and_told() {
        let counters = [
            counter("SELECT * FROM orders WHERE id = ANY($1)"),
            counter("SELECT $1 FROM orders"),
            counter("UPDATE orders SET status = $1"),
            counter("SELECT * FROM pg_class WHERE oid = $1"),
        ];
        let found = of_counters(&counters, &orders());
        assert_eq!(found.queries, []);
        assert_eq!(found.left_out.len(), 2, "{:?}", found.left_out);
    }

    #[test]
    fn names_are_given_once() {
        let counters = [
            counter("SELECT id FROM orders WHERE id = $1"),
            counter("SELECT status FROM orders WHERE id = $1"),
        ];
        let found = of_counters(&counters, &orders());
        let names: Vec<_> = found.queries.iter().map(|q| q.name.as_str()).collect();
        assert_eq!(names, ["orders", "orders_2"]);
    }
}
