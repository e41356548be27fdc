//! The values that a query is compared with: [`parameter_sets`].
//!
//! A plan can be right for one value and wrong for another, so a query is compared with values as
//! its sources draw them, with the most common ones, and with such as no row has.

use dbproof_analysis::sql::{EqualityParameter, equality_parameters};
use dbproof_model::{Column, Relation};
use dbproof_postgres::column_values::{absent_value, common_values};
use dbproof_postgres::{PostgresError, Session};

use super::twins::Sessions;
use crate::parameters::{ParameterValues, ValueSet};
use crate::project::MonitoredQuery;

/// A set of values and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelledSet {
    pub(super) label: String,
    pub(super) values: ValueSet,
    /// Whether the values are not the project's own: where the base refuses them, they say nothing.
    pub(super) derived: bool,
}

impl LabelledSet {
    /// The same values for the plan that a prepared statement settles on.
    pub(super) fn prepared(&self) -> Self {
        LabelledSet {
            label: format!("{}, prepared", self.label),
            ..self.clone()
        }
    }
}

/// `count` typical sets, then `heavy` and `none` where the columns that the parameters are compared
/// with have such values.
pub(super) async fn parameter_sets(
    sessions: &Sessions,
    monitored: &MonitoredQuery,
    values: &mut ParameterValues,
    count: u32,
) -> Result<Vec<LabelledSet>, PostgresError> {
    if monitored.query.parameters.is_empty() {
        return Ok(vec![LabelledSet {
            label: "typical".to_owned(),
            values: Vec::new(),
            derived: false,
        }]);
    }
    let mut sets: Vec<LabelledSet> = Vec::new();
    for _ in 0..count {
        let drawn = values.draw();
        if sets.iter().any(|set| set.values == drawn) {
            continue;
        }
        let label = match sets.len() {
            0 => "typical".to_owned(),
            more => format!("typical {}", more + 1),
        };
        sets.push(LabelledSet {
            label,
            values: drawn,
            derived: false,
        });
    }
    let typical = sets[0].values.clone();
    let compared = equality_parameters(&monitored.query.sql);
    let (mut heavy, mut none) = (typical.clone(), typical);
    let (mut any_heavy, mut any_none) = (false, false);
    for parameter in &compared {
        let Some((relation, column)) = parameter.column.find_in(&sessions.schema) else {
            continue;
        };
        let place = (relation, column);
        if let Some(value) = heavy_value(&sessions.before, place, parameter, values).await? {
            heavy[parameter.parameter] = Some(value);
            any_heavy = true;
        }
        if let Some(value) = no_value(&sessions.before, place, parameter, values).await? {
            none[parameter.parameter] = Some(value);
            any_none = true;
        }
    }
    for (any, label, values) in [(any_heavy, "heavy", heavy), (any_none, "none", none)] {
        if any {
            sets.push(LabelledSet {
                label: label.to_owned(),
                values,
                derived: true,
            });
        }
    }
    Ok(sets)
}

/// The most common value that the parameter's source can give.
async fn heavy_value(
    session: &Session,
    (relation, column): (&Relation, &Column),
    parameter: &EqualityParameter,
    values: &ParameterValues,
) -> Result<Option<String>, PostgresError> {
    let common = common_values(session, relation, &column.name).await?;
    let mut possible = common
        .into_iter()
        .map(|(value, _)| parameter_text(parameter, &value))
        .filter(|value| values.can_be(parameter.parameter, value));
    Ok(possible.next())
}

/// A value that no row has, where the project does not say that there are no others than its own.
async fn no_value(
    session: &Session,
    (relation, column): (&Relation, &Column),
    parameter: &EqualityParameter,
    values: &ParameterValues,
) -> Result<Option<String>, PostgresError> {
    if values.is_listed(parameter.parameter) {
        return Ok(None);
    }
    let absent = absent_value(session, relation, &column.name).await?;
    Ok(absent.map(|value| parameter_text(parameter, &value)))
}

/// The value as the parameter takes it: by itself, or as an array of one.
fn parameter_text(parameter: &EqualityParameter, value: &str) -> String {
    if parameter.array {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{{\"{escaped}\"}}")
    } else {
        value.to_owned()
    }
}
