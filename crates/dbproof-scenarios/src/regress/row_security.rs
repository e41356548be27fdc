//! Row security that does not apply to dbproof's own role: [`doubt`].

use std::collections::BTreeSet;

use dbproof_analysis::regression::Judgement;
use dbproof_analysis::{findings, plan};
use dbproof_model::{Plan, PlanNames, RegressVerdict};

use crate::project::MonitoredQuery;

/// Takes a judgement back that row security could change: where its policies differ for a relation
/// of the plans, and were not executed because the role is exempt from them. More work without them
/// is more work all the same.
pub(super) fn doubt(
    judgement: &mut Judgement,
    monitored: &MonitoredQuery,
    names: &(PlanNames, PlanNames),
    trees: &(Plan, Plan),
) {
    let of = |names: &PlanNames, plan: &Plan| -> BTreeSet<(String, String)> {
        plan::relations(plan)
            .into_iter()
            .filter_map(|name| {
                let policies = names.row_security.get(&name)?;
                Some((
                    names.renamed.get(&name).unwrap_or(&name).1.clone(),
                    policies.clone(),
                ))
            })
            .collect()
    };
    let (before, after) = (of(&names.0, &trees.0), of(&names.1, &trees.1));
    let differing: BTreeSet<&str> = before
        .symmetric_difference(&after)
        .map(|(relation, _)| relation.as_str())
        .collect();
    if differing.is_empty() {
        return;
    }
    let relations: Vec<&str> = differing.into_iter().collect();
    if judgement.verdict != RegressVerdict::Regressed {
        judgement.verdict = RegressVerdict::Inconclusive;
    }
    judgement.reasons.insert(
        0,
        format!("row security of {} was not executed", relations.join(", ")),
    );
    let query = &monitored.query;
    let location = Some(query.location.clone());
    let finding = findings::row_security_bypassed::finding(&query.name, location, &relations);
    judgement.findings.push(finding);
}
