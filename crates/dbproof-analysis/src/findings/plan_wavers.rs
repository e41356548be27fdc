//! `plan-wavers`: two plans cost the planner the same, so that chance decides between them.

use dbproof_model::{Finding, Location, Scenario, Severity};

use super::FindingKind;
use crate::figures::{counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "plan-wavers",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "chance decides between two plans",
    page: include_str!("plan_wavers.md"),
};

/// A query whose plan changes from one ANALYZE of the same rows to the next.
#[derive(Debug, Clone)]
pub struct Wavering<'a> {
    /// The query's name.
    pub query: &'a str,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The parameter set.
    pub set: &'a str,
    /// Blocks of the plan before the change.
    pub blocks_before: u64,
    /// Blocks of the plan after it.
    pub blocks_after: u64,
    /// Whether the side before the change takes the other plan too; else only the side after does.
    pub before_wavers: bool,
}

/// The finding. It blames nobody: the plan may be the other one tomorrow, with or without the change.
#[must_use]
pub fn finding(wavering: &Wavering<'_>) -> Finding {
    let side = if wavering.before_wavers {
        "without the change as well"
    } else {
        "since the change"
    };
    let message = format!(
        "the plan is another one after a new ANALYZE of the same rows, {side}: {} with the one, {} \
         with the other (parameter set `{}`)",
        counted(float(wavering.blocks_before), "block"),
        counted(float(wavering.blocks_after), "block"),
        wavering.set,
    );
    KIND.about(wavering.query, message)
        .at(wavering.location.clone())
        .with_evidence("parameter_set", wavering.set)
        .with_evidence("blocks_before", wavering.blocks_before)
        .with_evidence("blocks_after", wavering.blocks_after)
        .with_evidence("before_wavers", wavering.before_wavers)
        .with_remedy(
            "Give the planner a reason to prefer the better plan: an index that fits the search and \
             the order, or better statistics for the columns that it compares.",
            None,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_on_which_side_the_plan_wavers() {
        let wavering = Wavering {
            query: "by_day",
            location: None,
            set: "typical",
            blocks_before: 50,
            blocks_after: 80,
            before_wavers: true,
        };
        let both = finding(&wavering);
        insta::assert_snapshot!(both.message, @"the plan is another one after a new ANALYZE of the same rows, without the change as well: 50 blocks with the one, 80 blocks with the other (parameter set `typical`)");
        let after = finding(&Wavering {
            before_wavers: false,
            ..wavering
        });
        assert!(after.message.contains("since the change"));
    }
}
