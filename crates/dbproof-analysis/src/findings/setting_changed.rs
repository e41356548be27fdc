//! `setting-changed`: a planner setting differs, and the query does more work.

use dbproof_model::{Finding, Scenario, Severity};

use super::FindingKind;
use super::query_work::QueryWork;

/// What is the same for all findings of this code.
pub const KIND: FindingKind = FindingKind {
    code: "setting-changed",
    scenario: Scenario::Regress,
    severity: Severity::Warning,
    title: "planned with other settings",
    page: include_str!("setting_changed.md"),
};

/// A setting with its values before and after; `None` is the server's default.
pub(crate) type Setting<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The finding for settings that differ between the plans of a query that does more work.
pub(crate) fn finding(work: &QueryWork<'_>, settings: &[Setting<'_>]) -> Finding {
    let value = |value: Option<&str>| value.unwrap_or("its default").to_owned();
    let told: Vec<String> = settings
        .iter()
        .map(|(name, before, after)| {
            format!("{name} = {} where it was {}", value(*after), value(*before))
        })
        .collect();
    let names: Vec<&str> = settings.iter().map(|(name, ..)| *name).collect();
    work.about(
        &KIND,
        format!("it is planned with {}; {}", told.join(", "), work.total()),
    )
    .with_evidence("settings", names)
    .with_remedy(
        "Take the setting back (ALTER DATABASE … RESET …), or set it with SET LOCAL where a single \
         statement needs it: it moves the plans of all statements of this database.",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::super::query_work::sample;
    use super::*;

    #[test]
    fn settings_are_named_with_both_values() {
        let settings = [("random_page_cost", None, Some("200"))];
        insta::assert_snapshot!(finding(&sample(22, 286), &settings).message, @"it is planned with random_page_cost = 200 where it was its default; the query touches 286 blocks where it touched 22");
    }
}
