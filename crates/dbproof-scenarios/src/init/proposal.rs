//! First queries for a schema of which only the tables are known: [`queries`].

use dbproof_data::{ForeignKeyShape, TableShape};

/// A query to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProposedQuery {
    /// Its name, and that of its file.
    pub(super) name: String,
    /// The file.
    pub(super) text: String,
}

/// What stands in the folder of the queries where none can be proposed.
pub(super) const EXPLANATION: &str = "\
# Monitored queries

One `.sql` file a query, or several in one, each headed like this:

```sql
-- name: order_history
-- A user's latest orders, as the account page shows them.
-- threshold_ms: 5
-- param user_id: select id from users
SELECT id, status, total FROM orders WHERE user_id = :user_id ORDER BY created_at DESC LIMIT 20;
```

Delete this file once there is one.
";

/// A lookup by key, and a list of the rows that belong to one parent: what nearly every application
/// does most. None where no table has a key of one column.
pub(super) fn queries(tables: &[TableShape]) -> Vec<ProposedQuery> {
    let mut proposed = Vec::new();
    let referenced = |table: &TableShape| {
        let keys = tables.iter().flat_map(|other| &other.foreign_keys);
        keys.filter(|key| key.parent == table.name).count()
    };
    let with_key = tables.iter().filter(|table| key_of(table).is_some());
    if let Some(table) = with_key.max_by_key(|table| (referenced(table), table.columns.len())) {
        proposed.extend(lookup(table));
    }
    let children = tables.iter().flat_map(|table| {
        let keys = table.foreign_keys.iter();
        keys.filter(|key| key.columns.len() == 1 && key.parent != table.name)
            .map(move |key| (table, key))
    });
    // The table with most rows and columns is the one whose lists are long.
    let child = children.max_by_key(|(table, _)| (table.rows, table.columns.len()));
    if let Some((table, key)) = child {
        proposed.extend(list(table, key));
    }
    proposed
}

/// The one column of the table's first key.
fn key_of(table: &TableShape) -> Option<&str> {
    let first = table.keys.first()?;
    (first.len() == 1).then(|| first[0].as_str())
}

fn lookup(table: &TableShape) -> Option<ProposedQuery> {
    let key = key_of(table)?;
    let name = format!("{}_by_{}", word(&table.name), word(key));
    let (from, column) = (quoted_table(&table.name), quoted(key));
    let parameter = parameter(key);
    Some(ProposedQuery {
        text: format!(
            "-- name: {name}\n\
             -- One row by its key. A first query, to be replaced by your own critical ones.\n\
             -- param {parameter}: select {column} from {from}\n\
             SELECT * FROM {from} WHERE {column} = :{parameter};\n"
        ),
        name,
    })
}

fn list(table: &TableShape, key: &ForeignKeyShape) -> Option<ProposedQuery> {
    let (column, parent_column) = (key.columns.first()?, key.parent_columns.first()?);
    let name = format!("{}_by_{}", word(&table.name), word(column));
    let order =
        key_of(table).map_or_else(String::new, |key| format!(" ORDER BY {} DESC", quoted(key)));
    let from = quoted_table(&table.name);
    let parameter = parameter(column);
    Some(ProposedQuery {
        text: format!(
            "-- name: {name}\n\
             -- The latest rows of one parent. A first query, to be replaced by your own critical ones.\n\
             -- param {parameter}: select {} from {}\n\
             SELECT * FROM {from} WHERE {} = :{parameter}{order} LIMIT 20;\n",
            quoted(parent_column),
            quoted_table(&key.parent),
            quoted(column),
        ),
        name,
    })
}

/// PostgreSQL's reserved words ("SQL Key Words" in its documentation), which a name is quoted for.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// A name as SQL needs it.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name);
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// `table`, or `schema.table`.
pub(super) fn quoted_table(name: &str) -> String {
    let parts: Vec<String> = name.splitn(2, '.').map(quoted).collect();
    parts.join(".")
}

/// A name that a query and its file can have.
pub(super) fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(plain).collect::<String>().to_lowercase()
}

fn parameter(column: &str) -> String {
    let word = word(column);
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        format!("p{word}")
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::sql;
    use dbproof_data::ColumnShape;

    use super::*;

    fn table(name: &str, columns: &[&str], keys: &[&[&str]]) -> TableShape {
        TableShape {
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|name| ColumnShape {
                    name: (*name).to_owned(),
                    ..ColumnShape::default()
                })
                .collect(),
            keys: keys
                .iter()
                .map(|key| key.iter().map(|c| (*c).to_owned()).collect())
                .collect(),
            ..TableShape::default()
        }
    }

    fn referencing(mut child: TableShape, column: &str, parent: &str) -> TableShape {
        child.foreign_keys.push(ForeignKeyShape {
            columns: vec![column.to_owned()],
            parent: parent.to_owned(),
            parent_columns: vec!["id".to_owned()],
        });
        child
    }

    #[test]
    fn the_key_of_the_most_referenced_table_and_the_longest_list_are_proposed() {
        let tables = [
            table("tags", &["id", "a", "b", "c"], &[&["id"]]),
            table("users", &["id"], &[&["id"]]),
            referencing(
                table("orders", &["id", "user_id"], &[&["id"]]),
                "user_id",
                "users",
            ),
        ];
        let proposed = queries(&tables);
        let names: Vec<_> = proposed.iter().map(|query| query.name.as_str()).collect();
        assert_eq!(names, ["users_by_id", "orders_by_user_id"]);
        for query in &proposed {
            let read = sql::parse_query_file("q.sql", &query.text).unwrap();
            assert_eq!(read[0].name, query.name);
            assert_eq!(read[0].parameters.len(), 1);
        }
    }

    #[test]
    fn names_that_need_quotes_have_them() {
        let tables = [
            table("shop.Order", &["Id"], &[&["Id"]]),
            referencing(table("user", &["2nd"], &[&["2nd"]]), "2nd", "shop.Order"),
        ];
        let proposed = queries(&tables);
        assert!(
            proposed[0]
                .text
                .contains("FROM shop.\"Order\" WHERE \"Id\" = :id;"),
            "{}",
            proposed[0].text
        );
        assert!(
            proposed[1]
                .text
                .contains("FROM \"user\" WHERE \"2nd\" = :p2nd ORDER BY \"2nd\" DESC"),
            "{}",
            proposed[1].text
        );
        for query in &proposed {
            sql::parse_query_file("q.sql", &query.text).unwrap();
        }
    }

    #[test]
    fn without_keys_nothing_is_proposed() {
        assert_eq!(queries(&[table("log", &["line"], &[])]), []);
        assert_eq!(queries(&[table("pair", &["a", "b"], &[&["a", "b"]])]), []);
        assert_eq!(queries(&[]), []);
    }
}
