//! `deadlock-count-misleads`: more deadlocks, and more throughput.

use dbproof_model::{DeadlockStorm, Finding, Scenario, Severity};

use super::FindingKind;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "deadlock-count-misleads",
    scenario: Scenario::Deadlock,
    severity: Severity::Info,
    title: "the count of deadlocks alone misleads",
    page: include_str!("deadlock_count_misleads.md"),
};

/// The finding where a shorter `deadlock_timeout` raised both the rate of deadlocks and the
/// throughput of transactions in any order; `None` where it did not.
#[must_use]
pub fn finding(storms: &[DeadlockStorm]) -> Option<Finding> {
    let unsorted = || storms.iter().filter(|storm| storm.order == "unsorted");
    let timeout = |storm: &&DeadlockStorm| storm.deadlock_timeout_ms;
    let long = unsorted().max_by(|a, b| timeout(a).total_cmp(&timeout(b)))?;
    let short = unsorted().min_by(|a, b| timeout(a).total_cmp(&timeout(b)))?;
    let times = |of: fn(&DeadlockStorm) -> f64| of(short) / of(long);
    let count = times(|storm| storm.deadlocks_per_second);
    let throughput = times(|storm| storm.throughput_per_second);
    // Without a deadlock at the long timeout there is nothing to be compared with.
    if !(count.is_finite() && count > 1.0 && throughput > 1.0) {
        return None;
    }
    let same = |storm: &&DeadlockStorm| {
        storm.order == "sorted"
            && storm
                .deadlock_timeout_ms
                .total_cmp(&long.deadlock_timeout_ms)
                .is_eq()
    };
    let sorted = storms.iter().find(same).map_or_else(String::new, |sorted| {
        format!(
            "; with the rows in one order there were {} deadlocks and {:.0} commits a second",
            sorted.deadlocks, sorted.throughput_per_second
        )
    });
    let message = format!(
        "{} clients on {} rows: a deadlock_timeout of {:.0} ms instead of {:.0} ms brought {count:.1} \
         times the deadlocks a second, and {throughput:.1} times the commits{sorted}",
        long.clients, long.hot_rows, short.deadlock_timeout_ms, long.deadlock_timeout_ms
    );
    let finding = KIND
        .about("storm", message)
        .with_evidence("deadlocks_ratio", count)
        .with_evidence("throughput_ratio", throughput)
        .with_evidence("long_timeout_ms", long.deadlock_timeout_ms)
        .with_evidence("short_timeout_ms", short.deadlock_timeout_ms)
        .with_remedy(
            "Judge deadlocks by what they cost (throughput, the latency of others), and take the rows \
             in one order before turning to deadlock_timeout.",
            Some("SELECT 1 FROM … WHERE id = ANY($1) ORDER BY id FOR UPDATE".to_owned()),
        );
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storm(order: &str, timeout: f64, deadlocks: f64, throughput: f64) -> DeadlockStorm {
        DeadlockStorm {
            order: order.to_owned(),
            deadlock_timeout_ms: timeout,
            clients: 8,
            hot_rows: 16,
            deadlocks_per_second: deadlocks,
            throughput_per_second: throughput,
            ..DeadlockStorm::default()
        }
    }

    #[test]
    fn more_of_both_is_a_finding_and_more_of_one_is_none() {
        let mut storms = [
            storm("sorted", 1000.0, 0.0, 900.0),
            storm("unsorted", 1000.0, 2.0, 10.0),
            storm("sorted", 10.0, 0.0, 910.0),
            storm("unsorted", 10.0, 32.0, 190.0),
        ];
        let message = finding(&storms).unwrap().message;
        assert!(
            message.contains("16.0 times the deadlocks a second, and 19.0"),
            "{message}"
        );
        assert!(message.contains("0 deadlocks and 900 commits"), "{message}");
        storms[3].throughput_per_second = 9.0;
        assert!(finding(&storms).is_none());
        assert!(finding(&storms[..2]).is_none());
        assert!(finding(&[]).is_none());
    }
}
