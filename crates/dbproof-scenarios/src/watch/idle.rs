//! Transactions that waited for their application: [`IdleTransactions`].

use std::collections::HashMap;

use dbproof_model::IdleTransaction;

/// Statements that are told apart.
const MOST_KEPT: usize = 2_000;
/// Statements that the record names.
const MOST_NAMED: usize = 50;
/// What stands where the statement is not known.
const UNKNOWN: &str = "(a statement that was not read)";

/// Transactions that waited for their application, by the statement before.
#[derive(Debug, Default)]
pub(super) struct IdleTransactions {
    by_statement: HashMap<Box<str>, Waits>,
}

#[derive(Debug, Default)]
struct Waits {
    count: u64,
    longest_us: u64,
    abandoned: bool,
}

impl IdleTransactions {
    /// Takes a wait of so many microseconds; `abandoned` is one that ended with its session.
    pub(super) fn push(&mut self, after: Option<&str>, waited_us: u64, abandoned: bool) {
        let after = after.unwrap_or(UNKNOWN);
        if self.by_statement.len() >= MOST_KEPT && !self.by_statement.contains_key(after) {
            return;
        }
        let waits = self.by_statement.entry(after.into()).or_default();
        waits.count += 1;
        if waited_us >= waits.longest_us {
            waits.longest_us = waited_us;
            waits.abandoned = abandoned;
        }
    }

    /// The longest first.
    pub(super) fn list(&self) -> Vec<IdleTransaction> {
        let idle = self
            .by_statement
            .iter()
            .map(|(after, waits)| IdleTransaction {
                after: after.to_string(),
                count: waits.count,
                longest_ms: waits.longest_us as f64 / 1e3,
                abandoned: waits.abandoned,
            });
        let mut idle: Vec<IdleTransaction> = idle.collect();
        idle.sort_by(|a, b| {
            let by_time = b.longest_ms.total_cmp(&a.longest_ms);
            by_time.then_with(|| a.after.cmp(&b.after))
        });
        idle.truncate(MOST_NAMED);
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_speaks_for_its_statement() {
        let mut idle = IdleTransactions::default();
        idle.push(Some("begin"), 2_000_000, false);
        idle.push(Some("begin"), 3_000_000, true);
        idle.push(None, 1_500_000, false);
        let list = idle.list();
        let told: Vec<_> = list
            .iter()
            .map(|i| (i.after.as_str(), i.count, i.longest_ms, i.abandoned))
            .collect();
        assert_eq!(
            told,
            [("begin", 2, 3000.0, true), (UNKNOWN, 1, 1500.0, false)]
        );
    }
}
