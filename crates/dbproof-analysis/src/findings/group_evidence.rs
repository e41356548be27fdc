//! What the findings about a repeated template have in common: [`with_group`].

use dbproof_model::{Finding, NPlusOneGroup};

/// Adds a group's figures and remedy to a finding. Values of parameters are no part of a group.
pub(super) fn with_group(
    finding: Finding,
    group: &NPlusOneGroup,
    coverage: Option<f64>,
) -> Finding {
    let mut finding = finding
        .with_evidence("executions", group.executions)
        .with_evidence("distinct_values", group.distinct_values)
        .with_evidence("sessions", group.sessions)
        .with_evidence("units", group.units.clone())
        .with_remedy(&group.remedy, group.remedy_sql.clone());
    if let Some(ms) = group.cost.and_then(|cost| cost.looped_ms) {
        finding = finding.with_evidence("looped_ms", ms);
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
