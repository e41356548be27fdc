//! Every kind of finding on real plans of PostgreSQL 14 to 18, with a neighbour that has none.

use super::*;
use crate::plan::shapes::{Captured, captured};

use RegressVerdict::{Changed, Improved, Regressed, Unchanged};
use Severity::{Error, Info, Warning};

fn side(version: &Captured, shape: &str) -> Side {
    let plan = version.plan(shape);
    // Whether the rows are the same is tested elsewhere; some pairs read more on purpose.
    Side {
        plan,
        row_count: 1.0,
        rows_digest: None,
        statement: None,
    }
}

/// Before, after, the verdict, and all findings.
type Case = (
    &'static str,
    &'static str,
    RegressVerdict,
    &'static [(&'static str, Severity)],
);

const CASES: &[Case] = &[
    // An index lost is an error where blocks rise, whichever way the index was read.
    (
        "index_scan",
        "bitmap_few_lost",
        Regressed,
        &[("index-scan-lost", Error)],
    ),
    (
        "bitmap_few",
        "bitmap_few_lost",
        Regressed,
        &[("index-scan-lost", Error)],
    ),
    (
        "index_only_scan",
        "bitmap_few_lost",
        Regressed,
        &[("index-scan-lost", Error)],
    ),
    (
        "bitmap_few_lost",
        "bitmap_few",
        Improved,
        &[("plan-improved", Info)],
    ),
    ("index_scan", "bitmap_few", Changed, &[]),
    ("bitmap_few", "bitmap_few", Unchanged, &[]),
    // Where blocks do not rise the loss is information; the rows that it costs are told beside it.
    (
        "bitmap_scan",
        "bitmap_scan_lost",
        Regressed,
        &[("more-rows", Error), ("index-scan-lost", Info)],
    ),
    ("bitmap_scan", "bitmap_scan", Unchanged, &[]),
    (
        "index_only_scan",
        "index_only_scan_lost",
        Regressed,
        &[("more-blocks", Error), ("index-only-scan-lost", Warning)],
    ),
    ("index_only_scan", "index_only_scan", Unchanged, &[]),
    // Partitions.
    (
        "append_one",
        "append_all",
        Regressed,
        &[("index-scan-lost", Error), ("partitions-not-pruned", Error)],
    ),
    ("append_all", "append_all", Unchanged, &[]),
    // Spills.
    ("sort", "sort_on_disk", Regressed, &[("new-spill", Error)]),
    ("sort_on_disk", "sort", Improved, &[("plan-improved", Info)]),
    ("sort_on_disk", "sort_on_disk", Unchanged, &[]),
    (
        "hash_join",
        "hash_in_batches",
        Regressed,
        &[("new-spill", Error)],
    ),
    ("hash_join", "hash_join_swapped", Unchanged, &[]),
    // Loops.
    (
        "hash_join_seq",
        "nested_loop_seq",
        Regressed,
        &[("nested-loop-over-seq-scan", Error)],
    ),
    ("nested_loop_seq", "nested_loop_seq", Unchanged, &[]),
    (
        "nested_loop_seq",
        "nested_loop",
        Improved,
        &[("plan-improved", Info)],
    ),
    (
        "loops_few",
        "loops_many",
        Regressed,
        &[("loops-multiplied", Error)],
    ),
    ("loops_many", "loops_many", Unchanged, &[]),
    // Sorts.
    (
        "hash_join",
        "merge_join",
        Changed,
        &[("sort-added", Warning)],
    ),
    (
        "index_scan_backward",
        "sort_instead",
        Changed,
        &[("sort-added", Warning)],
    ),
    ("sort_instead", "index_scan_backward", Changed, &[]),
    // Filters, and an index that fits less well.
    (
        "filter_in_index",
        "filter_after_index",
        Regressed,
        &[
            ("index-search-lost", Error),
            ("filter-efficiency", Warning),
            ("estimate-off", Warning),
        ],
    ),
    ("filter_after_index", "filter_after_index", Unchanged, &[]),
    // Estimates, but not where a LIMIT ends them.
    (
        "estimate_right",
        "estimate_wrong",
        Unchanged,
        &[("estimate-off", Warning)],
    ),
    ("estimate_wrong", "estimate_wrong", Unchanged, &[]),
    (
        "estimate_right_limited",
        "estimate_wrong_limited",
        Unchanged,
        &[],
    ),
    ("never_executed", "never_executed", Unchanged, &[]),
    // What explains and decides nothing.
    (
        "gather_not",
        "gather",
        Changed,
        &[("workers-changed", Info)],
    ),
    ("gather", "gather", Unchanged, &[]),
    ("jit_not", "jit", Unchanged, &[("jit-changed", Info)]),
    ("jit_not", "jit_not", Unchanged, &[]),
    (
        "seq_scan",
        "seq_scan_dearer",
        Unchanged,
        &[("cost-changed", Info)],
    ),
    ("seq_scan", "seq_scan", Unchanged, &[]),
];

#[test]
fn each_pair_has_exactly_these_findings() {
    let mut wrong = Vec::new();
    let compiles = |version: &Captured| version.plan("jit").jit;
    assert!(
        captured().iter().any(compiles),
        "no version was captured with JIT"
    );
    for version in captured() {
        for (before, after, verdict, expected) in CASES {
            let (mut from, mut to) = (side(&version, before), side(&version, after));
            // Most were captured with settings such as enable_seqscan, to have the plan that is wanted.
            from.plan.settings.clear();
            to.plan.settings.clear();
            if *after == "jit" && !to.plan.jit {
                // This version's build was made without LLVM.
                continue;
            }
            let judgement = judge("query", None, &from, &to, &Tolerances::default());
            let found: Vec<(&str, Severity)> = judgement
                .findings
                .iter()
                .map(|finding| (finding.code.as_str(), finding.severity))
                .collect();
            if (judgement.verdict, found.as_slice()) != (*verdict, *expected) {
                wrong.push(format!(
                    "{before} > {after} on {}: {:?} {found:?} {:?}",
                    version.major, judgement.verdict, judgement.reasons
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
