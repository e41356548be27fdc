//! What is never run again: statements that act outside of their database. [`refusal`] says why.
//!
//! A sandbox is a database of dbproof's own; the server, its roles, its files and other servers are not.
//! The rule goes by the text: it looks into the bodies of functions and of DO, and into strings that are
//! run as statements, but not into what a function puts together while it runs.

use dbproof_analysis::sql::{Token, TokenKind, string_value, tokenize};

/// What begins a statement that is refused; `|` separates words of which one is there.
const STATEMENTS: &[(&[&str], &str)] = &[
    (
        &[
            "create|alter|drop",
            "database|role|user|group|tablespace|subscription|server|foreign|system",
        ],
        "it changes what belongs to the whole server, or leads out of it",
    ),
    (&["import", "foreign"], "it leads to another server"),
    (
        &["copy"],
        "it reads or writes files, programs or rows that were not captured",
    ),
    (&["load"], "it loads a library into the server"),
    (&["notify|listen|unlisten"], "it talks with other sessions"),
    (&["checkpoint"], "it works on the whole server"),
    (&["reassign"], "it works on the whole server"),
    (&["drop", "owned"], "it works on the whole server"),
    (
        &["prepare", "transaction"],
        "it leaves a transaction that nobody ends",
    ),
    (
        &["commit|rollback", "prepared"],
        "it ends a transaction of somebody else",
    ),
    (
        &["comment", "on", "database|role|tablespace|subscription"],
        "it changes what belongs to the whole server",
    ),
    (
        &["security", "label"],
        "it changes what belongs to the whole server",
    ),
];

/// Functions that act outside of the database, or only take time. A `*` stands for any ending.
const FUNCTIONS: &[&str] = &[
    "dblink*",
    "http*",
    "lo_export",
    "lo_import",
    "pg_backup_*",
    "pg_cancel_backend",
    "pg_copy_*",
    "pg_create_*",
    "pg_current_logfile",
    "pg_drop_replication_slot",
    "pg_file_*",
    "pg_import_system_collations",
    "pg_log_*",
    "pg_logfile_rotate",
    "pg_logical_*",
    "pg_ls_*",
    "pg_promote",
    "pg_read_*",
    "pg_reload_conf",
    "pg_replication_*",
    "pg_rotate_logfile*",
    "pg_sleep*",
    "pg_start_backup",
    "pg_stat_file",
    "pg_stat_reset*",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_terminate_backend",
    "pg_wal_replay_*",
    "query_export*",
    "table_import_from_s3",
];

/// Schemas whose functions act outside of the database.
const SCHEMAS: &[&str] = &[
    "aws_commons",
    "aws_lambda",
    "aws_s3",
    "cron",
    "net",
    "pgagent",
];

/// Functions that run their arguments as statements.
const EXECUTING: &[&str] = &["query_to_xml*", "ts_stat", "crosstab*", "connectby"];

/// Extensions that lead out of the database.
pub(super) const EXTENSIONS: &[&str] = &[
    "adminpack",
    "aws_lambda",
    "aws_s3",
    "dblink",
    "file_fdw",
    "http",
    "mysql_fdw",
    "oracle_fdw",
    "pg_cron",
    "pg_net",
    "pgagent",
    "pglogical",
    "plperlu",
    "plpython2u",
    "plpython3u",
    "plpythonu",
    "plsh",
    "pltclu",
    "postgres_fdw",
    "redis_fdw",
    "tds_fdw",
];

/// Languages whose functions cannot leave the database by themselves.
const LANGUAGES: &[&str] = &["sql", "plpgsql", "plperl", "pltcl", "plv8"];

/// Why a statement is not run again; `None` where it may be.
pub(super) fn refusal(sql: &str) -> Option<String> {
    let tokens = significant(sql);
    begins_refused(&tokens)
        .map(str::to_owned)
        .or_else(|| privileges(&tokens))
        .or_else(|| extension(&tokens))
        .or_else(|| catalog(&tokens))
        .or_else(|| language(&tokens))
        .or_else(|| call(&tokens, true))
        .or_else(|| inside(&tokens))
}

/// Whether it is a notification: only a commit sends it, and what it is in locks nothing.
pub(super) fn notifies(sql: &str) -> bool {
    let tokens = significant(sql);
    let is_call = tokens.windows(2).any(|pair| {
        let name = pair[0].identifier();
        pair[1].is_symbol("(") && name.as_deref() == Some("pg_notify")
    });
    let Some(first) = tokens.first() else {
        return false;
    };
    let talks = ["notify", "listen", "unlisten"];
    talks.iter().any(|word| first.is_word(word)) || (first.is_word("select") && is_call)
}

/// The names of the functions, for a search in the sources of those that a copied database has, as a
/// regular expression of PostgreSQL's.
pub(super) fn functions_expression() -> String {
    let names = FUNCTIONS.iter().map(|name| match name.strip_suffix('*') {
        Some(stem) => format!("{stem}\\w*"),
        None => (*name).to_owned(),
    });
    format!("\\m({})\\s*\\(", names.collect::<Vec<_>>().join("|"))
}

fn significant(sql: &str) -> Vec<Token<'_>> {
    let tokens = tokenize(sql).into_iter();
    tokens.filter(Token::is_significant).collect()
}

fn begins_refused(tokens: &[Token<'_>]) -> Option<&'static str> {
    let begins = |pattern: &[&str]| {
        let mut words = pattern.iter().zip(tokens);
        tokens.len() >= pattern.len()
            && words.all(|(any, token)| any.split('|').any(|word| token.is_word(word)))
    };
    let refused = STATEMENTS.iter().find(|(pattern, _)| begins(pattern));
    refused.map(|(_, why)| *why)
}

/// Membership in roles, and rights on what belongs to the whole server.
fn privileges(tokens: &[Token<'_>]) -> Option<String> {
    let first = tokens.first()?;
    if !first.is_word("grant") && !first.is_word("revoke") {
        return None;
    }
    let shared = ["database", "tablespace", "parameter", "foreign", "language"];
    let on = tokens.iter().position(|token| token.is_word("on"));
    let object = on.and_then(|at| tokens.get(at + 1));
    let is_shared = object.is_none_or(|object| shared.iter().any(|word| object.is_word(word)));
    is_shared.then(|| "it changes rights on what belongs to the whole server".to_owned())
}

fn extension(tokens: &[Token<'_>]) -> Option<String> {
    let creates = tokens.first()?.is_word("create") && tokens.get(1)?.is_word("extension");
    let skipped = ["if", "not", "exists"];
    let mut rest = tokens.iter().skip(2);
    let name = rest.find(|token| !skipped.iter().any(|word| token.is_word(word)))?;
    let name = name.identifier()?;
    let is_refused = creates && EXTENSIONS.contains(&name.as_str());
    is_refused.then(|| format!("the extension {name} leads out of the database"))
}

/// Rows of the catalog itself are written.
fn catalog(tokens: &[Token<'_>]) -> Option<String> {
    let first = tokens.first()?;
    let writes = ["insert", "update", "delete", "merge", "truncate"];
    if !writes.iter().any(|word| first.is_word(word)) {
        return None;
    }
    let passed = ["into", "from", "only", "table"];
    let mut rest = tokens.iter().skip(1);
    let target = rest.find(|token| !passed.iter().any(|word| token.is_word(word)))?;
    let is_catalog = target.identifier()?.starts_with("pg_");
    is_catalog.then(|| "it writes to the catalog itself".to_owned())
}

/// A function in a language that can do anything.
fn language(tokens: &[Token<'_>]) -> Option<String> {
    if !makes_routine(tokens) && !tokens.first()?.is_word("do") {
        let is_language = |token: &Token<'_>| token.is_word("language");
        let creates = tokens.first()?.is_word("create");
        let names_it = tokens.iter().take(5).any(is_language);
        return (creates && names_it).then(|| "it brings a language".to_owned());
    }
    let mut pairs = tokens.windows(2);
    let named = pairs.find(|pair| pair[0].is_word("language"))?;
    let name = named[1].identifier();
    let name = name.unwrap_or_else(|| string_value(named[1].text).to_lowercase());
    let is_known = LANGUAGES.contains(&name.as_str());
    (!is_known).then(|| format!("a function in the language {name} can do anything"))
}

fn makes_routine(tokens: &[Token<'_>]) -> bool {
    let is_kind = |token: &Token<'_>| token.is_word("function") || token.is_word("procedure");
    let creates = tokens.first().is_some_and(|token| token.is_word("create"));
    // `CREATE OR REPLACE FUNCTION`; a trigger names a function much later.
    creates && tokens.iter().skip(1).take(3).any(is_kind) && !tokens[1].is_word("trigger")
}

fn call(tokens: &[Token<'_>], is_outermost: bool) -> Option<String> {
    for (at, token) in tokens.iter().enumerate() {
        if !tokens.get(at + 1).is_some_and(|next| next.is_symbol("(")) {
            continue;
        }
        let Some(name) = token.identifier() else {
            continue;
        };
        let qualifies = at >= 2 && tokens[at - 1].is_symbol(".");
        let schema = qualifies.then(|| tokens[at - 2].identifier()).flatten();
        // Inside of a function a notification reaches only those who listen in the same database.
        let notifies = is_outermost && name == "pg_notify";
        let is_outside = schema.is_some_and(|schema| SCHEMAS.contains(&schema.as_str()));
        if notifies || is_outside || matches(&name, FUNCTIONS) {
            return Some(format!(
                "it calls {name}, which acts outside of the database"
            ));
        }
    }
    None
}

fn matches(name: &str, patterns: &[&str]) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => name == *pattern,
        })
}

/// What stands in strings that are run: bodies of functions and of DO, arguments of functions that run
/// them.
fn inside(tokens: &[Token<'_>]) -> Option<String> {
    let first = tokens.first()?;
    let runs = tokens.windows(2).any(|pair| {
        let name = pair[0].identifier();
        pair[1].is_symbol("(") && name.is_some_and(|name| matches(&name, EXECUTING))
    });
    if !(makes_routine(tokens) || first.is_word("do") || runs) {
        return None;
    }
    // The statements of a body that is no string (`BEGIN ATOMIC`) are among the tokens themselves.
    let bare = makes_routine(tokens).then(|| in_body(tokens)).flatten();
    bare.or_else(|| in_strings(tokens, 0))
}

/// Strings within strings, as `EXECUTE` has them.
fn in_strings(tokens: &[Token<'_>], depth: usize) -> Option<String> {
    /// Deeper than anybody writes.
    const DEEPEST: usize = 4;
    // A string inside of a body is run only where something executes one.
    let executes = tokens.iter().any(|token| token.is_word("execute"));
    if depth > 0 && !executes {
        return None;
    }
    let strings = tokens
        .iter()
        .filter(|token| token.kind == TokenKind::String);
    for string in strings {
        let text = string_value(string.text);
        let tokens = significant(&text);
        let found = in_body(&tokens)
            .or_else(|| call(&tokens, false))
            .or_else(|| {
                (depth < DEEPEST)
                    .then(|| in_strings(&tokens, depth + 1))
                    .flatten()
            });
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Statements of a body: at its beginning, and after what ends or opens others.
fn in_body(tokens: &[Token<'_>]) -> Option<String> {
    let opens = ["begin", "then", "else", "loop", "atomic"];
    for (at, token) in tokens.iter().enumerate() {
        let begins = at == 0
            || tokens[at - 1].is_symbol(";")
            || opens.iter().any(|word| tokens[at - 1].is_word(word));
        if !begins || token.is_word("notify") {
            continue;
        }
        let statement = &tokens[at..];
        let end = statement.iter().position(|token| token.is_symbol(";"));
        let statement = &statement[..end.unwrap_or(statement.len())];
        let found = begins_refused(statement)
            .map(str::to_owned)
            .or_else(|| privileges(statement))
            .or_else(|| extension(statement))
            .or_else(|| catalog(statement));
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_outside_of_the_database_is_refused() {
        for sql in [
            "CREATE DATABASE x",
            "create user ann password 'x'",
            "DROP ROLE IF EXISTS ann",
            "ALTER ROLE ann SET search_path = x",
            "ALTER SYSTEM SET fsync = off",
            "ALTER DATABASE shop SET work_mem = '1GB'",
            "CREATE TABLESPACE t LOCATION '/tmp'",
            "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
            "CREATE SERVER s FOREIGN DATA WRAPPER w",
            "CREATE USER MAPPING FOR ann SERVER s",
            "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
            "/* x */ COPY t TO PROGRAM 'rm -rf /'",
            "COPY t FROM STDIN",
            "NOTIFY channel, 'x'",
            "LISTEN channel",
            "SELECT pg_notify('a', 'b')",
            "LOAD 'x'",
            "CHECKPOINT",
            "PREPARE TRANSACTION 'x'",
            "COMMIT PREPARED 'x'",
            "GRANT admin TO ann",
            "REVOKE CONNECT ON DATABASE shop FROM public",
            "REASSIGN OWNED BY a TO b",
            "COMMENT ON ROLE ann IS 'x'",
            "CREATE EXTENSION IF NOT EXISTS \"postgres_fdw\"",
            "CREATE EXTENSION dblink SCHEMA x",
            "CREATE OR REPLACE LANGUAGE plpython3u",
            "UPDATE pg_database SET datallowconn = false",
            "DELETE FROM ONLY pg_catalog.pg_authid",
            "SELECT * FROM dblink('host=x', 'select 1') AS t (a int)",
            "SELECT 1 WHERE public.\"dblink_exec\"('x') = 'y'",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
            "SELECT pg_catalog.pg_sleep(10)",
            "SELECT lo_import('/etc/passwd')",
            "SELECT net.anything('x')",
            "SELECT query_to_xml('copy t to program ''x''', true, true, '')",
            "DO $$ BEGIN CREATE ROLE ann; END $$",
            "DO $$ BEGIN IF true THEN EXECUTE 'alter system set x = 1'; END IF; END $$",
            "DO LANGUAGE plpython3u 'x'",
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'lib', 'f'",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN \
               PERFORM dblink_exec('x', 'y'); RETURN 1; END $$",
            "CREATE OR REPLACE PROCEDURE f() LANGUAGE plpgsql AS 'BEGIN COPY t TO PROGRAM ''x''; END'",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT pg_sleep(1); END",
        ] {
            assert!(refusal(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn notifications_are_told_from_other_statements() {
        for (sql, expected) in [
            ("NOTIFY jobs, 'x'", true),
            ("select pg_catalog.pg_notify('jobs', $1)", true),
            ("INSERT INTO t SELECT pg_notify('a', 'b')", false),
            ("SELECT 'pg_notify(1)'", false),
        ] {
            assert_eq!(notifies(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_stays_in_the_database_is_not() {
        for sql in [
            "INSERT INTO users (name) VALUES ('create role x; dblink(1)')",
            "SELECT copy, load, notify FROM t",
            "UPDATE pages SET text = 'x' WHERE id = 1",
            "CREATE TABLE users (id int, role text, database text)",
            "CREATE EXTENSION pgcrypto",
            "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"",
            "GRANT SELECT ON users TO ann",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ann",
            "COMMENT ON TABLE users IS 'x'",
            "SET ROLE ann",
            "DROP TABLE users",
            "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               PERFORM pg_notify('a', new.copy); INSERT INTO log VALUES ('drop role'); \
               NOTIFY b; RETURN new; END $$",
            "DO $$ BEGIN EXECUTE 'CREATE TABLE x (copy int)'; END $$",
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT nextval('s'), set_config('a.b', 'c', true)",
            "SELECT httpdate FROM t",
            "",
        ] {
            assert_eq!(refusal(sql), None, "{sql}");
        }
    }
}
