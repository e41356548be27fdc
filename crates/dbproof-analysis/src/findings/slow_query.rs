//! `slow-query`: a monitored query is over its threshold.

use dbproof_model::{Finding, Plan, Scenario, Severity, SlowQuery};

use super::FindingKind;
use super::plan_advice::advise;
use super::slow_figures::{about, figure, range};
use crate::figures::milliseconds;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "slow-query",
    scenario: Scenario::Slow,
    severity: Severity::Error,
    title: "over its threshold",
    page: include_str!("slow_query.md"),
};

/// The finding for a query whose figure is over its threshold. `plan` is that of the slowest
/// sample's parameters, where it could be had.
#[must_use]
pub fn finding(query: &SlowQuery, plan: Option<&Plan>) -> Finding {
    let range = query.bounds.as_ref().and_then(range);
    let sure = range.map_or_else(String::new, |range| format!(" ({range} at 99 %)"));
    let message = format!(
        "{}{sure} over {} samples, threshold {}",
        figure(query),
        query.samples,
        milliseconds(query.threshold_ms)
    );
    let finding = about(&KIND, query, message);
    match plan.map(advise) {
        None => finding.with_remedy(
            "Look at the query's plan with EXPLAIN (ANALYZE, BUFFERS) for what it reads and throws \
             away.",
            None,
        ),
        Some(advice) => match advice.relation {
            Some(relation) => finding.with_evidence("relation", relation),
            None => finding,
        }
        .with_remedy(advice.text, advice.sql),
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::Interval;

    use super::super::slow_figures::sample;
    use super::*;

    fn slow() -> SlowQuery {
        sample(
            12.34,
            Interval {
                estimate: 12.34,
                low: Some(11.2),
                high: Some(13.4),
            },
            500,
        )
    }

    #[track_caller]
    fn plan(json: &str) -> Plan {
        crate::plan::parse(&serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn the_figures_are_told() {
        let finding = finding(&slow(), None);
        insta::assert_snapshot!(finding.message, @"p95 12.3 ms (between 11.2 ms and 13.4 ms at 99 %) over 500 samples, threshold 5.00 ms");
        assert_eq!(finding.evidence["value_ms"], 12.34);
        assert_eq!(finding.evidence["low_ms"], 11.2);
        assert!(finding.remedy.is_some());
    }

    #[test]
    fn a_scan_that_throws_away_its_rows_asks_for_an_index() {
        let plan = plan(include_str!("../../tests/plans/history_seq.json"));
        let remedy = finding(&slow(), Some(&plan)).remedy.unwrap();
        insta::assert_snapshot!(remedy.text, @"Seq Scan on orders reads 20,000 rows to keep 10; an index on (user_id, created_at) would find them.");
        insta::assert_snapshot!(remedy.sql.unwrap(), @"CREATE INDEX CONCURRENTLY ON orders (user_id, created_at);");
    }

    #[test]
    fn a_spill_asks_for_memory() {
        let plan = plan(include_str!("../../tests/plans/sort_disk.json"));
        let remedy = finding(&slow(), Some(&plan)).remedy.unwrap();
        assert!(
            remedy.text.starts_with("Sort works on disk"),
            "{}",
            remedy.text
        );
    }

    #[test]
    fn a_plan_without_waste_names_its_busiest_node() {
        let plan = plan(include_str!("../../tests/plans/hash_memory.json"));
        let remedy = finding(&slow(), Some(&plan)).remedy.unwrap();
        insta::assert_snapshot!(remedy.text, @"Most of the work is Seq Scan on order_items, with 442 of 609 blocks. The plan throws little away, so look for less to read: fewer rows, fewer columns, or a result kept ready.");
        assert_eq!(remedy.sql, None);
    }
}
