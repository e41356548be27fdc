//! One transaction of a class, run alone to see what it locks.

use dbproof_analysis::lock_order::{Footprint, Waiting};
use dbproof_analysis::sql::{Token, tokenize};
use dbproof_analysis::traffic::SentText;
use dbproof_analysis::transactions::TransactionClass;
use dbproof_postgres::footprint::{self, LockObserver, ReadTransaction};
use dbproof_postgres::{PostgresError, Session};

use super::refused::{notifies, refusal};

/// Why a transaction is not run again; `None` where it may be.
pub(super) fn reason_against(class: &TransactionClass) -> Option<String> {
    class
        .statements
        .iter()
        .enumerate()
        .find_map(|(at, statement)| {
            let sql = &*statement.sent.sql;
            if notifies(sql) {
                return None;
            }
            let why = refusal(sql).or_else(|| {
                controls(sql).then(|| "it begins or ends a transaction itself".to_owned())
            })?;
            Some(format!("statement {} is never run again: {why}", at + 1))
        })
}

/// Whether it would end the transaction that is to be rolled back.
fn controls(sql: &str) -> bool {
    let tokens: Vec<Token<'_>> = tokenize(sql)
        .into_iter()
        .filter(Token::is_significant)
        .collect();
    let Some(first) = tokens.first() else {
        return false;
    };
    let words = ["begin", "start", "commit", "end", "abort"];
    let is_word = |token: &Token<'_>, words: &[&str]| words.iter().any(|w| token.is_word(w));
    let to_savepoint = tokens.iter().any(|token| token.is_word("to"));
    is_word(first, &words) || (first.is_word("rollback") && !to_savepoint)
}

/// Runs the transaction and rolls it back. Beside what it locks, why the end of it is not known, if so.
pub(super) async fn read(
    observer: &mut LockObserver,
    session: &Session,
    class: &TransactionClass,
) -> Result<(Footprint, Option<String>), PostgresError> {
    let nothing = SentText {
        sql: "SELECT".into(),
        parameters: Vec::new(),
    };
    let statements = class.statements.iter().map(|statement| {
        let sent = &statement.sent;
        // It would not be sent anyhow, and keeps its place.
        if notifies(&sent.sql) { &nothing } else { sent }
    });
    let read = footprint::read(observer, session, class.begin.as_deref(), statements).await?;
    let why = unexpected(class, &read.footprint).or_else(|| unmet(class, &read));
    Ok((read.footprint, why))
}

/// The first statement that met rows when it was captured and meets none here: their keys were made by the
/// server (a random UUID, a time), or what made them is missing.
fn unmet(class: &TransactionClass, read: &ReadTransaction) -> Option<String> {
    let statements = class.statements.iter().zip(&read.affected).enumerate();
    let mut unmet = statements.filter(|(_, (captured, affected))| {
        captured.rows > 0
            && captured.failed.is_none()
            && **affected == 0
            && !notifies(&captured.sent.sql)
    });
    let (at, (captured, _)) = unmet.next()?;
    Some(format!(
        "statement {} met {} rows when it was captured and none in the sandbox, so that its locks are not \
         all known",
        at + 1,
        captured.rows
    ))
}

/// The first statement that fails and had not failed when it was captured.
fn unexpected(class: &TransactionClass, footprint: &Footprint) -> Option<String> {
    let steps = class.statements.iter().zip(&footprint.steps);
    let mut steps = steps.enumerate();
    let fails = steps.find_map(|(at, (statement, step))| {
        let failed = step.failed.as_deref()?;
        (statement.failed.is_none()).then_some((at + 1, failed, step.waiting))
    });
    let Some((at, sqlstate, waiting)) = fails else {
        let failed = footprint.commit.failed.as_deref()?;
        return Some(format!("COMMIT fails in the sandbox (SQLSTATE {failed})"));
    };
    let why = match (sqlstate, waiting) {
        ("55P03", Waiting::Waits) => {
            "waits for a lock in the sandbox, where nobody else should hold one".to_owned()
        }
        ("57014", _) => "takes too long in the sandbox".to_owned(),
        _ => format!("fails in the sandbox (SQLSTATE {sqlstate})"),
    };
    let left = class.statements.len() > footprint.steps.len();
    let rest = if left {
        "; what follows was not run"
    } else {
        ""
    };
    Some(format!("statement {at} {why}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_ends_the_transaction_is_seen() {
        for (sql, expected) in [
            ("COMMIT", true),
            ("end", true),
            ("ROLLBACK", true),
            ("ROLLBACK AND CHAIN", true),
            ("rollback to savepoint a", false),
            ("SAVEPOINT a", false),
            ("SELECT 1", false),
        ] {
            assert_eq!(controls(sql), expected, "{sql}");
        }
    }
}
