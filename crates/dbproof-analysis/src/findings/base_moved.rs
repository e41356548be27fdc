//! `base-moved`: the plan is not the accepted one, and the change under test has no part in it.

use dbproof_model::{BaselineCause, BaselineQuery, BaselineVerdict, Finding, Scenario, Severity};

use super::FindingKind;
use super::baseline_difference::{about, command};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "base-moved",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "the base moved, not by the change under test",
    page: include_str!("base_moved.md"),
};

/// The finding for a plan that differs from the accepted one before the change already, or on
/// another base than it was accepted on.
#[must_use]
pub fn finding(query: &BaselineQuery, change_under_test: bool) -> Finding {
    let innocent = if change_under_test {
        "Before the change under test it is not the accepted plan either"
    } else {
        "No change is under test"
    };
    let moved = match query.cause {
        Some(BaselineCause::Base) => format!(
            "{innocent}; since the plan was accepted this has moved: {}",
            query.moved.join(", ")
        ),
        _ => format!(
            "{innocent}; nothing of the server, its settings or the data has moved since the plan \
             was accepted, so that an earlier migration did it"
        ),
    };
    let mut finding = about(&KIND, query, &moved)
        .with_evidence("moved", query.moved.clone())
        .with_remedy(
            format!(
                "Run it on the base that the plan was accepted on, or accept what the new one \
                 gives, with {}, apart from any change.",
                command(query)
            ),
            None,
        );
    if query.verdict != BaselineVerdict::Regressed {
        finding.severity = Severity::Info;
    }
    finding
}

#[cfg(test)]
mod tests {
    use dbproof_model::BaselineVerdict::{Improved, Regressed};

    use super::super::baseline_difference::sample;
    use super::*;

    #[test]
    fn what_moved_is_named() {
        let mut query = sample(Regressed, BaselineCause::Base);
        query.moved = vec!["postgresql 15 → postgresql 16".to_owned()];
        insta::assert_snapshot!(finding(&query, true).message, @"heavy: 3 → 225 blocks; Bitmap Heap Scan on orders → Seq Scan on orders. Before the change under test it is not the accepted plan either; since the plan was accepted this has moved: postgresql 15 → postgresql 16");
        let message = finding(&sample(Regressed, BaselineCause::EarlierMigration), true).message;
        assert!(message.ends_with("so that an earlier migration did it"));
    }

    #[test]
    fn a_base_that_made_it_better_warns_of_nothing() {
        let severity = |verdict| finding(&sample(verdict, BaselineCause::Base), false).severity;
        assert_eq!(severity(Regressed), Severity::Warning);
        assert_eq!(severity(Improved), Severity::Info);
    }
}
