//! How far the planner's row estimate was off: [`q_error`].

use dbproof_model::PlanNode;

/// The q-error of a node's row estimate: the larger of estimate/actual and actual/estimate, at
/// least 1. `None` where the node never ran, and where EXPLAIN does not count its rows.
///
/// Both sides are rows per loop and are held at one row or more, as PostgreSQL itself never
/// estimates fewer than one and, before version 18, rounds the actual count to whole rows. After
/// Moerkotte, Neumann and Steidl, "Preventing Bad Plans by Bounding the Impact of Cardinality
/// Estimation Errors" (VLDB 2009).
#[must_use]
pub fn q_error(node: &PlanNode) -> Option<f64> {
    // They pass on a bitmap, and are printed with 0 rows.
    if matches!(node.node_type.as_str(), "BitmapAnd" | "BitmapOr") {
        return None;
    }
    let actual = node.actual_rows.filter(|_| node.was_executed())?.max(1.0);
    let estimate = node.plan_rows.max(1.0);
    Some((estimate / actual).max(actual / estimate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(plan_rows: f64, actual_rows: f64, loops: f64, expected: Option<f64>) {
        let node = PlanNode {
            plan_rows,
            actual_rows: Some(actual_rows),
            actual_loops: Some(loops),
            ..PlanNode::default()
        };
        assert_eq!(q_error(&node), expected);
    }

    #[test]
    fn the_error_is_a_factor_in_either_direction() {
        check(10.0, 10.0, 1.0, Some(1.0));
        check(1000.0, 10.0, 1.0, Some(100.0));
        check(10.0, 1000.0, 7.0, Some(100.0));
    }

    #[test]
    fn less_than_a_row_counts_as_one_row() {
        check(1.0, 0.0, 1.0, Some(1.0));
        check(1.0, 0.25, 4.0, Some(1.0));
        check(40.0, 0.0, 1.0, Some(40.0));
    }

    #[test]
    fn what_never_ran_was_never_wrong() {
        check(1000.0, 0.0, 0.0, None);
        assert_eq!(
            q_error(&PlanNode {
                plan_rows: 5.0,
                ..PlanNode::default()
            }),
            None
        );
    }
}
