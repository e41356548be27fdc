//! How a statement of a history is run again: [`Handling`].

use dbproof_analysis::sql::{Token, tokenize};
use dbproof_analysis::transactions::HistoryEntry;

use super::refused::refusal;

/// How a statement of a history is run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Handling {
    /// As it is.
    Run,
    /// As it is, and again wherever its session is opened again: SET, PREPARE.
    Setting,
    /// What was set in the session is forgotten: RESET ALL, DISCARD ALL.
    Reset,
    /// SET LOCAL, with this text; it holds until another transaction of its session begins.
    LocalSetting(String),
    /// Not at all.
    LeftOut,
    /// Not at all, because it acts outside of the database.
    Refused,
}

/// Settings of the replay itself, which the application does not get to change.
const OWN_SETTINGS: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
    "synchronous_commit",
    "client_encoding",
];

/// Statements that do nothing by themselves, or that only take time.
const WITHOUT_EFFECT: &[&str] = &[
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "declare",
    "fetch",
    "move",
    "close",
    "lock",
    "vacuum",
    "analyze",
    "analyse",
    "explain",
    "show",
];

/// How the statement is run again. `keeps_rows` is where what several tests left behind is wanted together:
/// what cleans up after them is left out then.
pub(super) fn handling(entry: &HistoryEntry, keeps_rows: bool) -> Handling {
    let sql = &*entry.sent.sql;
    let tokens: Vec<Token<'_>> = tokenize(sql)
        .into_iter()
        .filter(Token::is_significant)
        .collect();
    let Some(first) = tokens.first() else {
        return Handling::LeftOut;
    };
    if refusal(sql).is_some() {
        return Handling::Refused;
    }
    let is_any = |words: &[&str]| words.iter().any(|word| first.is_word(word));
    if is_any(WITHOUT_EFFECT) || holds_session_lock(&tokens) {
        return Handling::LeftOut;
    }
    if keeps_rows && cleans_up(first, &tokens) {
        return Handling::LeftOut;
    }
    let is_all = tokens.get(1).is_some_and(|token| token.is_word("all"));
    if is_any(&["reset", "discard"]) && is_all {
        return Handling::Reset;
    }
    if is_any(&["set", "reset"]) {
        return setting(sql, &tokens);
    }
    if first.is_word("prepare") {
        return Handling::Setting;
    }
    Handling::Run
}

/// TRUNCATE, DROP, and DELETE of all rows.
fn cleans_up(first: &Token<'_>, tokens: &[Token<'_>]) -> bool {
    let is_filtered = || {
        let filters = ["where", "using", "with"];
        tokens.iter().any(|t| filters.iter().any(|w| t.is_word(w)))
    };
    first.is_word("truncate")
        || first.is_word("drop")
        || (first.is_word("delete") && !is_filtered())
}

/// Advisory locks would be held until the end, and other sessions would wait for them.
fn holds_session_lock(tokens: &[Token<'_>]) -> bool {
    let mut names = tokens.iter().filter_map(Token::identifier);
    names.any(|name| name.starts_with("pg_advisory_") || name.starts_with("pg_try_advisory_"))
}

fn setting(sql: &str, tokens: &[Token<'_>]) -> Handling {
    let second = tokens.get(1);
    let is_second = |word: &str| second.is_some_and(|token| token.is_word(word));
    if is_second("transaction") || is_second("constraints") || is_own(tokens) {
        return Handling::LeftOut;
    }
    match second {
        Some(local) if local.is_word("local") => Handling::LocalSetting(format!(
            "{}SESSION{}",
            &sql[..local.offset],
            &sql[local.end()..]
        )),
        _ => Handling::Setting,
    }
}

/// Whether it sets what is the replay's own to set.
pub(super) fn is_own_setting(sql: &str) -> bool {
    let tokens = tokenize(sql).into_iter();
    let tokens: Vec<Token<'_>> = tokens.filter(Token::is_significant).collect();
    is_own(&tokens)
}

fn is_own(tokens: &[Token<'_>]) -> bool {
    let scopes = ["local", "session"];
    let is_scope = |token: &Token<'_>| scopes.iter().any(|word| token.is_word(word));
    let at = if tokens.get(1).is_some_and(is_scope) {
        2
    } else {
        1
    };
    // `SET SESSION CHARACTERISTICS …` names no setting.
    let name = tokens.get(at).and_then(Token::identifier);
    let name = name.unwrap_or_default();
    OWN_SETTINGS.contains(&name.as_str()) || name == "characteristics"
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::sql::StatementKind;
    use dbproof_analysis::traffic::SentText;

    use super::*;

    #[test]
    fn each_kind_of_statement_has_its_handling() {
        let local = |sql: &str| Handling::LocalSetting(sql.to_owned());
        for (sql, first, later) in [
            ("INSERT INTO t VALUES (1)", Handling::Run, Handling::Run),
            ("BEGIN", Handling::LeftOut, Handling::LeftOut),
            ("ROLLBACK TO s", Handling::LeftOut, Handling::LeftOut),
            ("TRUNCATE t", Handling::Run, Handling::LeftOut),
            ("DROP TABLE t", Handling::Run, Handling::LeftOut),
            ("DELETE FROM t", Handling::Run, Handling::LeftOut),
            ("DELETE FROM t WHERE id = 1", Handling::Run, Handling::Run),
            ("VACUUM t", Handling::LeftOut, Handling::LeftOut),
            (
                "SET search_path = a, b",
                Handling::Setting,
                Handling::Setting,
            ),
            (
                "SET SESSION search_path = a",
                Handling::Setting,
                Handling::Setting,
            ),
            ("RESET search_path", Handling::Setting, Handling::Setting),
            ("SET ROLE ann", Handling::Setting, Handling::Setting),
            (
                "PREPARE p AS SELECT 1",
                Handling::Setting,
                Handling::Setting,
            ),
            ("DISCARD ALL", Handling::Reset, Handling::Reset),
            ("reset all", Handling::Reset, Handling::Reset),
            (
                "SET statement_timeout = 0",
                Handling::LeftOut,
                Handling::LeftOut,
            ),
            (
                "SET LOCAL lock_timeout = 0",
                Handling::LeftOut,
                Handling::LeftOut,
            ),
            (
                "SET CONSTRAINTS ALL DEFERRED",
                Handling::LeftOut,
                Handling::LeftOut,
            ),
            (
                "set /* x */ local app.tenant = '3'",
                local("set /* x */ SESSION app.tenant = '3'"),
                local("set /* x */ SESSION app.tenant = '3'"),
            ),
            (
                "SELECT pg_advisory_lock(3)",
                Handling::LeftOut,
                Handling::LeftOut,
            ),
            ("SELECT setval('s', 3)", Handling::Run, Handling::Run),
            ("CREATE ROLE ann", Handling::Refused, Handling::Refused),
            ("-- nothing", Handling::LeftOut, Handling::LeftOut),
        ] {
            let entry = HistoryEntry {
                session: 1,
                transaction: None,
                exemplar_of: None,
                kind: StatementKind::Other,
                sent: SentText {
                    sql: sql.into(),
                    parameters: Vec::new(),
                },
                failed: false,
            };
            assert_eq!(handling(&entry, false), first, "{sql}");
            assert_eq!(handling(&entry, true), later, "{sql}");
        }
    }
}
