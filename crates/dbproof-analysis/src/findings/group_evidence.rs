//! What the findings about a repeated template have in common: [`with_group`].

use dbproof_model::{Finding, GroupOrigin, NPlusOneGroup};
use serde_json::{Value, json};

use crate::figures::{count, float, milliseconds};

/// Adds a group's figures and remedy to a finding. Values of parameters are no part of a group.
pub(super) fn with_group(
    finding: Finding,
    group: &NPlusOneGroup,
    coverage: Option<f64>,
) -> Finding {
    let mut finding = finding;
    finding.message.push_str(&beside(group));
    finding = finding
        .with_evidence("executions", group.executions)
        .with_evidence("distinct_values", group.distinct_values)
        .with_evidence("sessions", group.sessions)
        .with_evidence("units", group.units.clone())
        .with_evidence("unit_count", group.unit_count)
        .with_remedy(&group.remedy, group.remedy_sql.clone());
    if let Some(ms) = group.cost.and_then(|cost| cost.looped_ms) {
        finding = finding.with_evidence("looped_ms", ms);
    }
    if !group.savings.is_empty() {
        let savings = group.savings.iter().map(
            |saving| json!({ "round_trip_ms": saving.round_trip_ms, "saved_ms": saving.saved_ms }),
        );
        finding = finding.with_evidence("savings", savings.collect::<Vec<Value>>());
    }
    if !group.origins.is_empty() {
        let from: Vec<String> = group.origins.iter().map(origin).collect();
        finding = finding.with_evidence("from", from);
    }
    if let Some(coverage) = coverage {
        finding = finding.with_evidence("coverage", coverage);
    }
    if let Some(parent) = &group.parent {
        finding = finding
            .with_evidence("parent", parent.template.clone())
            .with_evidence("parent_rows", parent.rows)
            .with_evidence("column", parent.column.clone());
    }
    finding
}

/// What the message says after the count: what the loop takes and what could be saved, and where it
/// comes from.
fn beside(group: &NPlusOneGroup) -> String {
    let mut parts = Vec::new();
    if let Some(ms) = group.cost.and_then(|cost| cost.looped_ms) {
        parts.push(format!("; {} in all", milliseconds(ms)));
    }
    if let [measured, near, far] = group.savings.as_slice() {
        parts.push(format!(
            ", of which one statement instead, if it takes as long as one of these, saves {} (and \
             {} or {} with a round trip of {} or {} ms)",
            milliseconds(measured.saved_ms),
            milliseconds(near.saved_ms),
            milliseconds(far.saved_ms),
            near.round_trip_ms,
            far.round_trip_ms
        ));
    }
    if let Some(first) = group.origins.first() {
        parts.push(format!("; from {}", origin(first)));
        if group.origins.len() > 1 {
            let times = count(float(first.executions));
            parts.push(format!(" ({times} times) and elsewhere"));
        }
    }
    parts.concat()
}

/// `app/views.py:42 in orders (route /orders, controller orders, action list)`.
fn origin(origin: &GroupOrigin) -> String {
    let place = origin.file.as_ref().map(|file| match origin.line {
        Some(line) => format!("{file}:{line}"),
        None => file.clone(),
    });
    let mut parts: Vec<String> = place.into_iter().collect();
    parts.extend(
        origin
            .function
            .as_ref()
            .map(|function| format!("in {function}")),
    );
    let named = [
        ("route", &origin.route),
        ("controller", &origin.controller),
        ("action", &origin.action),
    ];
    let named: Vec<String> = named
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
        .collect();
    match (parts.is_empty(), named.is_empty()) {
        (_, true) => {}
        (true, false) => parts.push(named.join(", ")),
        (false, false) => parts.push(format!("({})", named.join(", "))),
    }
    parts.join(" ")
}

/// `1 unit of work`, `3 units of work`.
pub(super) fn units(group: &NPlusOneGroup) -> String {
    match group.unit_count {
        1 => "1 unit of work".to_owned(),
        several => format!("{several} units of work"),
    }
}

/// A group to test with.
#[cfg(test)]
pub(super) fn sample(verdict: dbproof_model::GroupVerdict) -> NPlusOneGroup {
    use dbproof_model::GroupParent;

    NPlusOneGroup {
        verdict,
        template: "select * from users where id = ?".to_owned(),
        executions: 20,
        distinct_values: 10,
        sessions: 1,
        units: vec!["request 1".to_owned()],
        unit_count: 1,
        origins: Vec::new(),
        parent: Some(GroupParent {
            template: "select * from orders".to_owned(),
            rows: 20,
            column: "orders.user_id".to_owned(),
        }),
        cost: None,
        savings: Vec::new(),
        remedy: "ask once".to_owned(),
        remedy_sql: None,
        ignored: None,
        proof: None,
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::{GroupCost, GroupVerdict, ProjectedSaving};

    use super::*;

    #[test]
    fn cost_saving_and_origin_follow_the_count() {
        let mut group = sample(GroupVerdict::Proven);
        group.cost = Some(GroupCost {
            looped_ms: Some(20.0),
            batched_ms: None,
        });
        group.savings = [(0.0, 19.0), (0.5, 28.5), (1.0, 38.0)]
            .map(|(round_trip_ms, saved_ms)| ProjectedSaving {
                round_trip_ms,
                saved_ms,
            })
            .to_vec();
        group.origins.push(GroupOrigin {
            file: Some("app/views.py".to_owned()),
            line: Some(42),
            function: Some("orders".to_owned()),
            route: Some("/orders".to_owned()),
            executions: 20,
            ..GroupOrigin::default()
        });
        assert_eq!(
            beside(&group),
            "; 20.0 ms in all, of which one statement instead, if it takes as long as one of these, \
             saves 19.0 ms (and 28.5 ms or 38.0 ms with a round trip of 0.5 or 1 ms); from \
             app/views.py:42 in orders (route /orders)"
        );
        let route = GroupOrigin {
            route: Some("/orders".to_owned()),
            action: Some("list".to_owned()),
            ..GroupOrigin::default()
        };
        assert_eq!(origin(&route), "route /orders, action list");
    }
}
