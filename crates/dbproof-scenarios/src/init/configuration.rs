//! The text of `dbproof.toml`: [`text`].

use std::fmt::Write as _;
use std::path::Path;

use super::look::Found;

/// A commented `dbproof.toml`: what was found, and the defaults as comments.
pub(super) fn text(found: &Found, name: &str) -> String {
    let mut text = String::from(
        "# What dbproof tests in this project. Paths are relative to this file, times are in\n\
         # milliseconds; what stands behind a `#` is the default.\n\n[project]\n",
    );
    let mut line = |key: &str, value: &str, comment: &str| {
        let value = toml::Value::String(value.to_owned());
        writeln!(text, "{key} = {value} # {comment}").expect("a String takes everything");
    };
    line("name", name, "in reports");
    match (&found.migrations, &found.schema) {
        (Some((folder, tool)), _) => line(
            "migrations",
            &shown(folder),
            &format!("{tool}; applied in the order of the file names, never edited"),
        ),
        (None, Some(schema)) => line(
            "schema",
            &shown(schema),
            "a dump: read before the migrations, or instead of them",
        ),
        (None, None) => {}
    }
    let queries = found.queries.as_deref().map(shown);
    line(
        "queries",
        queries.as_deref().unwrap_or("queries"),
        "the monitored queries, headed by `-- name:`",
    );
    line("data", "data", "rows per table and a generator per column");
    if found.migrations.is_none() && found.schema.is_none() {
        text.push_str(
            "# No schema in plain SQL was found. Make one with `pg_dump --schema-only` and name it here:\n\
             # schema = \"schema.sql\"\n",
        );
    }
    text.push_str(REST);
    text
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

const REST: &str = r#"
# `dbproof slow`: are the monitored queries fast enough?
[slow]
# threshold_ms = 100   # for queries without a `-- threshold_ms:`; SLOW_QUERY_THRESHOLD_MS replaces it
# statistic = "p95"    # what is held against the threshold
# samples = 300        # measured executions of each query

# `dbproof regress`: what does the last migration do to the plans and times of the queries?
[regress]
# base = "origin/main" # the change is every migration that is new since then

# `dbproof watch -- COMMAND`: what passes between the application and its database?
[nplusone]
# duplicate_repeats = 3 # the same value so often is asked for twice too often

[watch]
"#;
