//! One transaction of a class, run alone to see what it locks.

use dbproof_analysis::lock_order::{Footprint, Waiting};
use dbproof_analysis::sql::{Token, tokenize};
use dbproof_analysis::transactions::TransactionClass;
use dbproof_postgres::footprint::{self, LockObserver};
use dbproof_postgres::{PostgresError, Session};

use super::refused::refusal;

/// Why a transaction is not run again; `None` where it may be.
pub(super) fn reason_against(class: &TransactionClass) -> Option<String> {
    class
        .statements
        .iter()
        .enumerate()
        .find_map(|(at, statement)| {
            let sql = &*statement.sent.sql;
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
    let statements = class.statements.iter().map(|statement| &statement.sent);
    let footprint = footprint::read(observer, session, class.begin.as_deref(), statements).await?;
    let why = unexpected(class, &footprint);
    Ok((footprint, why))
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
