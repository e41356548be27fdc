//! Planner settings that the change has moved: [`finding`].

use dbproof_model::{Finding, Plan};

use super::signals::Direction;
use crate::findings::query_work::QueryWork;
use crate::findings::setting_changed;

/// What dbproof sets itself, to have the plan that it asks about.
const OURS: [&str; 2] = ["plan_cache_mode", "max_parallel_workers_per_gather"];

/// The finding for settings that differ between the two plans, where the query does more work.
pub(super) fn finding(
    before: &Plan,
    after: &Plan,
    work: &QueryWork<'_>,
    direction: Direction,
) -> Option<Finding> {
    if !matches!(direction, Direction::MoreBlocks | Direction::MoreRows) {
        return None;
    }
    let mut names: Vec<&String> = before
        .settings
        .keys()
        .chain(after.settings.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    let differing: Vec<setting_changed::Setting<'_>> = names
        .into_iter()
        .filter(|name| !OURS.contains(&name.as_str()))
        .map(|name| (name.as_str(), setting(before, name), setting(after, name)))
        .filter(|(_, was, is)| was != is)
        .collect();
    (!differing.is_empty()).then(|| setting_changed::finding(work, &differing))
}

fn setting<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.settings.get(name).map(String::as_str)
}
