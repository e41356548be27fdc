//! A migration as a deployment runs it: [`apply_as_deployed`].

use std::time::{Duration, Instant};

use super::{Transactions, brings_transactions, refuses_transactions, transaction_control};
use crate::{PostgresError, Session};

/// A `lock_timeout`, and further attempts where it runs out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// `lock_timeout` in milliseconds; the pauses between attempts begin with it, too.
    pub lock_timeout_ms: f64,
    /// Attempts of each transaction, at the most.
    pub attempts: u32,
    /// No other attempt begins when a transaction has been tried for so long.
    pub within: Duration,
}

/// How a migration was applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attempts {
    /// Whether all of it was.
    pub applied: bool,
    /// How often a transaction was begun, or a statement outside of one.
    pub attempts: u64,
    /// What the server refused.
    pub errors: Vec<String>,
}

/// A pause is so many times as long as the timeout, at the most.
const LONGEST_PAUSE: u32 = 5;

/// `lock_not_available` and `deadlock_detected`: another attempt may succeed.
const WORTH_ANOTHER: [&str; 2] = ["55P03", "40P01"];

/// Applies the statements of a file, and asks nothing in between. With `retry`, every transaction that
/// does not get a lock in time is tried again after a pause; a statement outside of a transaction, such
/// as `CREATE INDEX CONCURRENTLY`, has no timeout, because it would leave an invalid index.
pub async fn apply_as_deployed(
    session: &Session,
    statements: &[&str],
    transactions: Transactions,
    retry: Option<Retry>,
) -> Result<Attempts, PostgresError> {
    if let Some(retry) = retry {
        set_timeout(session, retry.lock_timeout_ms).await?;
    }
    let mut done = Attempts::default();
    for group in groups(statements, transactions) {
        if !apply_group(session, group, retry, &mut done).await? {
            return Ok(done);
        }
    }
    done.applied = true;
    Ok(done)
}

async fn set_timeout(session: &Session, milliseconds: f64) -> Result<(), PostgresError> {
    session
        .run(&format!("SET lock_timeout = '{milliseconds}ms'"))
        .await
}

/// The statements by transaction.
fn groups<'a, 's>(statements: &'a [&'s str], transactions: Transactions) -> Vec<&'a [&'s str]> {
    if transactions == Transactions::File && !brings_transactions(statements) {
        return vec![statements];
    }
    let mut groups = Vec::new();
    let mut opened = None;
    for (at, sql) in statements.iter().enumerate() {
        match transaction_control(sql) {
            Some(true) => opened = Some(at),
            Some(false) => groups.push(&statements[opened.take().unwrap_or(at)..=at]),
            None if opened.is_none() => groups.push(&statements[at..=at]),
            None => {}
        }
    }
    if let Some(from) = opened {
        groups.push(&statements[from..]);
    }
    groups
}

/// Applies one transaction; returns whether it was applied in the end.
async fn apply_group(
    session: &Session,
    group: &[&str],
    retry: Option<Retry>,
    done: &mut Attempts,
) -> Result<bool, PostgresError> {
    let most = retry.map_or(1, |retry| retry.attempts);
    let own = brings_transactions(group);
    let began = Instant::now();
    for attempt in 1..=most {
        done.attempts += 1;
        let error = match run_group(session, group, own).await {
            Ok(()) => return Ok(true),
            Err(error) => error,
        };
        session.run("ROLLBACK").await?;
        let sqlstate = match error.server_error() {
            Some(refused) => refused.sqlstate.clone(),
            None => return Err(error),
        };
        if refuses_transactions(&error) && group.len() == 1 {
            return alone(session, group[0], retry, done).await;
        }
        done.errors.push(error.to_string());
        let given_up = retry.is_none_or(|retry| began.elapsed() > retry.within);
        if attempt == most || given_up || !WORTH_ANOTHER.contains(&sqlstate.as_str()) {
            return Ok(false);
        }
        if let Some(retry) = retry {
            let pause = retry.lock_timeout_ms * f64::from(attempt.min(LONGEST_PAUSE));
            #[expect(
                clippy::disallowed_methods,
                reason = "what is waited for is a time, in which those behind the lock can pass"
            )]
            tokio::time::sleep(Duration::from_secs_f64(pause / 1000.0)).await;
        }
    }
    Ok(false)
}

async fn run_group(session: &Session, group: &[&str], own: bool) -> Result<(), PostgresError> {
    if !own {
        session.run("BEGIN").await?;
    }
    for sql in group {
        session.run(sql).await?;
    }
    let open = !own || !ends(group);
    if open {
        session.run("COMMIT").await?;
    }
    Ok(())
}

/// Whether the last statement ends a transaction.
fn ends(group: &[&str]) -> bool {
    group
        .last()
        .is_some_and(|sql| transaction_control(sql) == Some(false))
}

async fn alone(
    session: &Session,
    sql: &str,
    retry: Option<Retry>,
    done: &mut Attempts,
) -> Result<bool, PostgresError> {
    if retry.is_some() {
        set_timeout(session, 0.0).await?;
    }
    let ran = session.run(sql).await;
    if let Some(retry) = retry {
        set_timeout(session, retry.lock_timeout_ms).await?;
    }
    match ran {
        Ok(()) => Ok(true),
        Err(error) if error.server_error().is_some() => {
            done.errors.push(error.to_string());
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_grouped_by_transaction() {
        let check = |statements: &[&str], transactions, expected: &[usize]| {
            let groups = groups(statements, transactions);
            let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
            assert_eq!(lengths, expected, "{statements:?}");
        };
        check(&["a", "b"], Transactions::File, &[2]);
        check(&["a", "b"], Transactions::Statement, &[1, 1]);
        check(
            &["a", "BEGIN", "b", "COMMIT", "c"],
            Transactions::File,
            &[1, 3, 1],
        );
        check(&["BEGIN", "b"], Transactions::Statement, &[2]);
    }
}
