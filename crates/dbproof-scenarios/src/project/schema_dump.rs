//! A schema dump as what the migrations begin with: [`readable`].
//!
//! Rails (`db/structure.sql`), Django, Alembic and others keep their migrations in a language of
//! their own, and `pg_dump --schema-only` gives what they come to.

use std::ops::Range;

use dbproof_analysis::sql::{Token, tokenize};

/// What cannot be read of a dump.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DumpError {
    /// The line, counted from 1.
    pub(super) line: u32,
    pub(super) message: String,
    pub(super) help: String,
}

/// The dump as statements for any server: commands to `psql` that mean nothing elsewhere are blanked,
/// and so is what names roles, which a throw-away server does not have. Lines keep their numbers.
///
/// # Errors
///
/// Rows (`COPY … FROM stdin`), and commands to `psql` that mean something.
pub(super) fn readable(text: &str) -> Result<String, DumpError> {
    let mut lines = String::with_capacity(text.len());
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let Some(command) = line.strip_prefix('\\') else {
            lines.push_str(line);
            continue;
        };
        // pg_dump writes these two since August 2025, against what a dump could smuggle in.
        let word = command.split_whitespace().next().unwrap_or_default();
        // The end of rows, whose beginning is told below.
        if !matches!(word, "restrict" | "unrestrict" | ".") {
            return Err(DumpError {
                line: u32::try_from(index + 1).unwrap_or(u32::MAX),
                message: format!("`\\{word}` is a command to psql"),
                help: "make the dump with `pg_dump --schema-only --no-owner --no-privileges`, as \
                       plain SQL"
                    .to_owned(),
            });
        }
        lines.push_str(&blanked(line));
    }
    let mut sql = lines.clone();
    for statement in statements(&lines) {
        match kind(&statement.tokens) {
            Kind::Rows => {
                let before = &lines[..statement.span.start];
                let line = before.matches('\n').count() + 1;
                return Err(DumpError {
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                    message: "the dump holds rows, and only its schema can be used".to_owned(),
                    help: "make it with `pg_dump --schema-only`; the rows come from data/*.toml"
                        .to_owned(),
                });
            }
            Kind::AboutRoles => {
                let blank = blanked(&lines[statement.span.clone()]);
                sql.replace_range(statement.span, &blank);
            }
            Kind::Other => {}
        }
    }
    Ok(sql)
}

enum Kind {
    Rows,
    AboutRoles,
    Other,
}

struct DumpStatement<'a> {
    tokens: Vec<Token<'a>>,
    span: Range<usize>,
}

/// The statements, each up to its semicolon.
fn statements(text: &str) -> Vec<DumpStatement<'_>> {
    let mut all = Vec::new();
    let mut tokens: Vec<Token<'_>> = Vec::new();
    for token in tokenize(text).into_iter().filter(Token::is_significant) {
        let ends = token.is_symbol(";");
        tokens.push(token);
        if ends {
            let span = tokens[0].offset..tokens[tokens.len() - 1].end();
            all.push(DumpStatement {
                tokens: std::mem::take(&mut tokens),
                span,
            });
        }
    }
    all
}

fn kind(tokens: &[Token<'_>]) -> Kind {
    let word = |at: usize, word: &str| tokens.get(at).is_some_and(|t| t.is_word(word));
    let pair = |first: &str, second: &str| {
        tokens
            .windows(2)
            .any(|two| two[0].is_word(first) && two[1].is_word(second))
    };
    let from_stdin = pair("from", "stdin");
    let is_default_privileges = word(0, "alter") && word(1, "default") && word(2, "privileges");
    let creates_public = word(0, "create")
        && word(1, "schema")
        && tokens.get(2).and_then(Token::identifier).as_deref() == Some("public")
        && tokens.get(3).is_some_and(|t| t.is_symbol(";"));
    if word(0, "copy") && from_stdin {
        Kind::Rows
    } else if word(0, "grant")
        || word(0, "revoke")
        || is_default_privileges
        || creates_public
        || word(0, "alter") && pair("owner", "to")
    {
        Kind::AboutRoles
    } else {
        Kind::Other
    }
}

/// The same lines with nothing on them.
fn blanked(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_roles_and_psql_is_blanked_and_lines_keep_their_numbers() {
        let dump = "\\restrict x1\nSET check_function_bodies = false;\nCREATE SCHEMA public;\nCREATE TABLE public.t (\n  owner int, \"to\" text\n);\nALTER TABLE public.t OWNER TO\n  ann;\nGRANT SELECT ON public.t TO bob;\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\n\\unrestrict x1\n";
        let sql = readable(dump).unwrap();
        assert_eq!(sql.lines().count(), dump.lines().count());
        let kept: Vec<&str> = sql
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        assert_eq!(
            kept,
            [
                "SET check_function_bodies = false;",
                "CREATE TABLE public.t (",
                "owner int, \"to\" text",
                ");",
                "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;",
            ]
        );
    }

    #[test]
    fn rows_and_connections_are_errors_with_their_line() {
        let rows = readable("CREATE TABLE t (id int);\n\nCOPY public.t (id) FROM stdin;\n1\n");
        let error = rows.unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.help.contains("--schema-only"));
        let connect = readable("-- a dump\n\\connect shop\n").unwrap_err();
        assert_eq!(
            (connect.line, connect.message.as_str()),
            (2, "`\\connect` is a command to psql")
        );
    }

    #[test]
    fn copied_rows_do_not_hide_the_error_of_their_statement() {
        // Rows are no SQL, and a quote among them would swallow what follows.
        let error = readable("COPY t FROM stdin;\nO'Hara\n\\.\nSELECT 1;\n").unwrap_err();
        assert_eq!(error.line, 1);
    }
}
