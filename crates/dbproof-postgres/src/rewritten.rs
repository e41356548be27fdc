//! The plans of a statement that rules rewrote to several, as one: [`one_plan`].
//!
//! A rule (CREATE RULE) turns a statement into several, one or none, and EXPLAIN prints a plan for
//! each (PostgreSQL documentation, "The Rule System").

use serde_json::{Map, Value, json};

/// Figures of a whole statement, which add up.
const SUMS: [&str; 2] = ["Planning Time", "Execution Time"];

/// EXPLAIN's JSON with one plan in it: several become the children of one node that stands for the
/// rules. What rules have replaced by a command without a plan (NOTIFY) is a name and no plan.
pub(crate) fn one_plan(explained: Value) -> Value {
    match explained {
        Value::Array(mut plans) => {
            plans.retain(Value::is_object);
            if plans.len() == 1 {
                Value::Array(plans)
            } else {
                json!([joined(&plans)])
            }
        }
        other => other,
    }
}

fn joined(plans: &[Value]) -> Value {
    let children: Vec<Value> = plans
        .iter()
        .filter_map(|top| {
            let mut child = top.get("Plan")?.clone();
            child["Parent Relationship"] = "Member".into();
            Some(child)
        })
        .collect();
    let sum = |values: Vec<Option<f64>>| -> f64 { values.into_iter().flatten().sum() };
    let of = |key: &str| {
        children
            .iter()
            .map(|child| child.get(key).and_then(Value::as_f64))
            .collect()
    };
    let mut root = json!({
        "Node Type": "Rules",
        "Startup Cost": 0.0,
        "Total Cost": sum(of("Total Cost")),
        "Plan Rows": sum(of("Plan Rows")),
        "Plan Width": 0,
    });
    if children.iter().all(|c| c.get("Actual Loops").is_some()) {
        root["Actual Loops"] = 1.into();
        root["Actual Rows"] = sum(of("Actual Rows")).into();
    }
    root["Plans"] = Value::Array(children);
    let mut top = Map::new();
    top.insert("Plan".to_owned(), root);
    if let Some(settings) = plans.iter().find_map(|plan| plan.get("Settings")) {
        top.insert("Settings".to_owned(), settings.clone());
    }
    let triggers: Vec<Value> = plans
        .iter()
        .filter_map(|plan| plan.get("Triggers")?.as_array())
        .flatten()
        .cloned()
        .collect();
    top.insert("Triggers".to_owned(), Value::Array(triggers));
    for key in SUMS {
        let figures: Vec<Option<f64>> = plans
            .iter()
            .map(|plan| plan.get(key).and_then(Value::as_f64))
            .collect();
        if figures.iter().any(Option::is_some) {
            top.insert(key.to_owned(), sum(figures).into());
        }
    }
    Value::Object(top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plan_stays_as_it_is() {
        let explained = json!([{"Plan": {"Node Type": "Result"}, "Execution Time": 1.5}]);
        assert_eq!(one_plan(explained.clone()), explained);
    }

    #[test]
    fn several_become_the_children_of_one_node() {
        let plan = |name: &str, cost: f64| {
            json!({"Plan": {"Node Type": name, "Total Cost": cost, "Actual Loops": 1, "Actual Rows": 2},
                   "Triggers": [{"Trigger Name": name, "Calls": 1}], "Execution Time": 1.5})
        };
        let one = one_plan(json!([plan("A", 1.0), "Notify", plan("B", 2.0)]));
        let top = &one[0];
        assert_eq!(one.as_array().unwrap().len(), 1);
        assert_eq!(top["Plan"]["Total Cost"], 3.0);
        assert_eq!(top["Plan"]["Actual Rows"], 4.0);
        assert_eq!(top["Plan"]["Plans"][1]["Node Type"], "B");
        assert_eq!(top["Triggers"].as_array().unwrap().len(), 2);
        assert_eq!(top["Execution Time"], 3.0);
    }

    #[test]
    fn a_statement_that_became_nothing_does_nothing() {
        let one = one_plan(json!([]));
        assert_eq!(one[0]["Plan"]["Actual Rows"], 0.0);
        assert_eq!(one[0]["Plan"]["Plans"].as_array().unwrap().len(), 0);
    }
}
