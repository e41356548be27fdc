//! `baseline-regressed`: the plan is worse than the accepted one.

use dbproof_model::{BaselineCause, BaselineQuery, Finding, Scenario, Severity};

use super::FindingKind;
use super::baseline_difference::{about, command};

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "baseline-regressed",
    scenario: Scenario::Regress,
    severity: Severity::Error,
    title: "worse than the accepted plan",
    page: include_str!("baseline_regressed.md"),
};

/// The finding for a query that the change under test made worse than was accepted or, where none is
/// under test, an earlier migration.
#[must_use]
pub fn finding(query: &BaselineQuery) -> Finding {
    let whose = match query.cause {
        Some(BaselineCause::Change) | None => "The change under test does it",
        Some(BaselineCause::Unclear) => {
            "Before the change under test it is not the accepted plan either, and nothing of the \
             server, its settings or the data has moved, so that either the change or an earlier \
             migration does it"
        }
        Some(_) => {
            "Nothing of the server, its settings or the data has moved since the plan was \
             accepted, so that a migration since then does it"
        }
    };
    about(&KIND, query, whose).with_remedy(
        format!(
            "See what took the accepted plan away, such as an index that is gone. If the new plan \
             is meant, accept it with {} and let it be reviewed with the change.",
            command(query)
        ),
        None,
    )
}

#[cfg(test)]
mod tests {
    use dbproof_model::BaselineVerdict::Regressed;

    use super::super::baseline_difference::sample;
    use super::*;

    #[test]
    fn it_tells_what_moved_and_whose_doing_it_is() {
        let message = finding(&sample(Regressed, BaselineCause::Change)).message;
        insta::assert_snapshot!(message, @"heavy: 3 → 225 blocks; Bitmap Heap Scan on orders → Seq Scan on orders. The change under test does it");
        let message = finding(&sample(Regressed, BaselineCause::EarlierMigration)).message;
        assert!(message.ends_with("so that a migration since then does it"));
        let message = finding(&sample(Regressed, BaselineCause::Unclear)).message;
        assert!(message.ends_with("either the change or an earlier migration does it"));
    }
}
