//! Every finding that dbproof can make, one file a code.
//!
//! A finding's file holds its [`FindingKind`], the function that makes the [`Finding`] from what
//! the analysis saw, and its tests; the Markdown file of the same name is its page for
//! `dbproof explain CODE` and for the documentation. To add one: write the two files and add a
//! line to the list of modules and to [`ALL`].

pub mod base_moved;
pub mod baseline_changed;
mod baseline_difference;
pub mod baseline_improved;
pub mod baseline_missing;
pub mod baseline_regressed;
pub mod baseline_statement_edited;
pub mod baseline_unused;
pub mod capture_incomplete;
pub mod catalog_unread;
pub mod clock_unsteady;
pub mod control_deadlocked;
pub mod cost_changed;
pub mod deadlock_cost;
pub mod deadlock_count_differs;
pub mod deadlock_count_misleads;
pub mod deadlock_invisible;
pub mod deadlock_not_reproduced;
pub mod deadlock_possible;
pub mod deadlock_predicted;
pub mod deadlock_savepoint;
pub mod deadlock_soft;
pub mod deadlock_unexpected;
pub mod duplicate_query;
pub mod estimate_off;
pub mod failed_statements;
pub mod filter_efficiency;
pub mod generic_plan_worse;
mod group_evidence;
pub mod idle_transaction;
pub mod index_maintenance;
pub mod index_only_scan_lost;
pub mod index_scan_lost;
pub mod index_search_lost;
pub mod jit_changed;
pub mod lookups_per_row;
pub mod loops_multiplied;
pub mod migration_backfill_in_transaction;
pub mod migration_deadlock_predicted;
pub mod migration_deadlocks;
pub mod migration_index_blocks_writes;
pub mod migration_invalid_index;
pub mod migration_lock_held;
pub mod migration_no_lock_timeout;
pub mod migration_rewrites_table;
pub mod more_blocks;
pub mod more_rows;
pub mod n_plus_one;
pub mod n_plus_one_likely;
pub mod nested_loop_over_seq_scan;
pub mod never_analysed;
pub mod new_spill;
pub mod no_new_migration;
pub mod nothing_captured;
pub mod partitions_not_pruned;
mod plan_advice;
pub mod plan_improved;
pub mod plan_wavers;
mod prediction_evidence;
pub mod query_chain;
pub mod query_failed;
pub(crate) mod query_work;
pub mod rate_not_reached;
pub mod relation_added;
pub mod result_rows_differ;
pub mod row_security_bypassed;
pub mod setting_changed;
pub mod sides_differ;
mod slow_figures;
pub mod slow_query;
pub mod slow_statement;
pub mod slower;
pub mod sort_added;
pub mod threshold_undecided;
pub mod trigger_work;
pub mod unused_ignore;
pub mod workers_changed;
pub mod write_loop;

use dbproof_model::{Finding, Scenario, Severity};
use serde_json::Map;

/// What is the same for all findings of one code.
#[derive(Debug)]
pub struct FindingKind {
    /// The stable kebab-case code.
    pub code: &'static str,
    /// The scenario that makes it.
    pub scenario: Scenario,
    /// How much it usually matters.
    pub severity: Severity,
    /// What the code means, in a few words.
    pub title: &'static str,
    /// The page of `dbproof explain CODE`, in Markdown.
    pub page: &'static str,
}

impl FindingKind {
    /// A finding of this kind about `subject`, without evidence or remedy yet.
    pub fn about(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding {
            code: self.code.to_owned(),
            severity: self.severity,
            scenario: self.scenario,
            subject: subject.into(),
            title: self.title.to_owned(),
            message: message.into(),
            location: None,
            evidence: Map::new(),
            remedy: None,
        }
    }
}

/// Every kind of finding, in alphabetical order of their codes.
pub const ALL: &[&FindingKind] = &[
    &base_moved::KIND,
    &baseline_changed::KIND,
    &baseline_improved::KIND,
    &baseline_missing::KIND,
    &baseline_regressed::KIND,
    &baseline_statement_edited::KIND,
    &baseline_unused::KIND,
    &capture_incomplete::KIND,
    &catalog_unread::KIND,
    &clock_unsteady::KIND,
    &control_deadlocked::KIND,
    &cost_changed::KIND,
    &deadlock_cost::KIND,
    &deadlock_count_differs::KIND,
    &deadlock_count_misleads::KIND,
    &deadlock_invisible::KIND,
    &deadlock_not_reproduced::KIND,
    &deadlock_possible::KIND,
    &deadlock_predicted::KIND,
    &deadlock_savepoint::KIND,
    &deadlock_soft::KIND,
    &deadlock_unexpected::KIND,
    &duplicate_query::KIND,
    &estimate_off::KIND,
    &failed_statements::KIND,
    &filter_efficiency::KIND,
    &generic_plan_worse::KIND,
    &idle_transaction::KIND,
    &index_maintenance::KIND,
    &index_only_scan_lost::KIND,
    &index_scan_lost::KIND,
    &index_search_lost::KIND,
    &jit_changed::KIND,
    &lookups_per_row::KIND,
    &loops_multiplied::KIND,
    &migration_backfill_in_transaction::KIND,
    &migration_deadlock_predicted::KIND,
    &migration_deadlocks::KIND,
    &migration_index_blocks_writes::KIND,
    &migration_invalid_index::KIND,
    &migration_lock_held::KIND,
    &migration_no_lock_timeout::KIND,
    &migration_rewrites_table::KIND,
    &more_blocks::KIND,
    &more_rows::KIND,
    &n_plus_one::KIND,
    &n_plus_one_likely::KIND,
    &nested_loop_over_seq_scan::KIND,
    &never_analysed::KIND,
    &new_spill::KIND,
    &no_new_migration::KIND,
    &nothing_captured::KIND,
    &partitions_not_pruned::KIND,
    &plan_improved::KIND,
    &plan_wavers::KIND,
    &query_chain::KIND,
    &query_failed::KIND,
    &rate_not_reached::KIND,
    &relation_added::KIND,
    &result_rows_differ::KIND,
    &row_security_bypassed::KIND,
    &setting_changed::KIND,
    &sides_differ::KIND,
    &slow_query::KIND,
    &slow_statement::KIND,
    &slower::KIND,
    &sort_added::KIND,
    &threshold_undecided::KIND,
    &trigger_work::KIND,
    &unused_ignore::KIND,
    &workers_changed::KIND,
    &write_loop::KIND,
];

/// The kind with this code.
#[must_use]
pub fn kind(code: &str) -> Option<&'static FindingKind> {
    ALL.iter().copied().find(|kind| kind.code == code)
}

/// The first finding with this code, for the tests of findings.
#[cfg(test)]
fn with_code<'a>(found: &'a [Finding], code: &str) -> Option<&'a Finding> {
    found.iter().find(|finding| finding.code == code)
}

/// A shape that deadlocked in all of its runs, for the tests of the findings about shapes.
#[cfg(test)]
fn deadlock_shape() -> dbproof_model::DeadlockShape {
    dbproof_model::DeadlockShape {
        name: "row_inversion".to_owned(),
        runs: 20,
        deadlocks: 20,
        server_deadlocks: Some(20),
        deadlock_timeout_ms: 1000.0,
        victim: Some("refund".to_owned()),
        throughput_per_second: 2.0,
        ..dbproof_model::DeadlockShape::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_kebab_case() {
        for pair in ALL.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} before {}",
                pair[0].code,
                pair[1].code
            );
        }
        for kind in ALL {
            assert!(
                kind.code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{} is not kebab-case",
                kind.code
            );
        }
    }

    #[test]
    fn every_page_says_what_why_and_how_to_mend() {
        for kind in ALL {
            let page = kind.page;
            assert!(
                page.starts_with(&format!("# {}\n", kind.code)),
                "{}: heading",
                kind.code
            );
            for heading in ["## What it means", "## Why it matters", "## How to mend it"] {
                assert!(page.contains(heading), "{}: lacks {heading}", kind.code);
            }
        }
    }
}
