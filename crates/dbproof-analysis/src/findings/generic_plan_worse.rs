//! `generic-plan-worse`: a prepared statement ends up with a plan that reads more than it must.

use dbproof_model::{Finding, Location, Scenario, Severity};

use super::FindingKind;
use crate::figures::{counted, float};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "generic-plan-worse",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "prepared, it gets a worse plan",
    page: include_str!("generic_plan_worse.md"),
};

/// A query whose generic plan, which the server settles on, reads more than the custom one.
#[derive(Debug, Clone)]
pub struct GenericPlan<'a> {
    /// The query's name.
    pub query: &'a str,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The parameter set for which the two differ most.
    pub set: &'a str,
    /// Blocks of the plan made for these values.
    pub custom_blocks: u64,
    /// Blocks of the generic plan.
    pub generic_blocks: u64,
    /// Whether the server settled on the generic plan before the change already.
    pub was_so_before: bool,
}

/// The finding: a warning where the change brought it about, and else worth knowing.
#[must_use]
pub fn finding(plan: &GenericPlan<'_>) -> Finding {
    let since = if plan.was_so_before {
        "as before the change"
    } else {
        "since the change"
    };
    let message = format!(
        "prepared and executed more than five times, it gets the generic plan ({since}), which \
         reads {} with the parameter set `{}`, where a plan for these values reads {}",
        counted(float(plan.generic_blocks), "block"),
        plan.set,
        counted(float(plan.custom_blocks), "block"),
    );
    let severity = if plan.was_so_before {
        Severity::Info
    } else {
        Severity::Warning
    };
    KIND.about(plan.query, message)
        .with_severity(severity)
        .at(plan.location.clone())
        .with_evidence("parameter_set", plan.set)
        .with_evidence("custom_blocks", plan.custom_blocks)
        .with_evidence("generic_blocks", plan.generic_blocks)
        .with_remedy(
            "Have this statement planned for its values: set plan_cache_mode for the role or the \
             session that runs it, or tell the driver not to prepare it.",
            Some("SET plan_cache_mode = force_custom_plan;".to_owned()),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_change_brought_about_is_a_warning() {
        let plan = GenericPlan {
            query: "by_kind",
            location: None,
            set: "none",
            custom_blocks: 3,
            generic_blocks: 225,
            was_so_before: false,
        };
        let now = finding(&plan);
        assert_eq!(now.severity, Severity::Warning);
        insta::assert_snapshot!(now.message, @"prepared and executed more than five times, it gets the generic plan (since the change), which reads 225 blocks with the parameter set `none`, where a plan for these values reads 3 blocks");
        let before = finding(&GenericPlan {
            was_so_before: true,
            ..plan
        });
        assert_eq!(before.severity, Severity::Info);
    }
}
