//! Two plans told apart by a word: [`hashes`].
//!
//! For scripts that keep the plans of many runs: two plans of one shape read and join the same
//! relations in the same way and order; two plans with the same strict hash are the same in all that
//! EXPLAIN tells of a plan before it is run, costs and estimates left out. Names are resolved first
//! ([`resolve`](super::resolve())), so that a renamed index changes neither, and no constant does.

use dbproof_model::{Plan, PlanHashes, PlanNode};

use super::lines::lines;
use super::mask::mask_expression;
use super::node::{alias, describe_kind, index_definitions, relation};
use super::outline::{Outline, Role};
use crate::baseline::digest;

/// The shape and the strict hash of a plan.
#[must_use]
pub fn hashes(plan: &Plan) -> PlanHashes {
    PlanHashes {
        shape: digest(&shape(plan)),
        strict: digest(&strict(plan)),
    }
}

/// Scans and joins with what they read, and what sorts, groups and limits, in the tree's order.
fn shape(plan: &Plan) -> String {
    let outline = Outline::new(plan);
    let nodes = outline.entries.iter().filter(|e| e.role != Role::Part);
    let lines = nodes.map(|entry| {
        let node = entry.node;
        let kind = describe_kind(node);
        let join = node.join_type.as_deref().unwrap_or_default();
        let target = match entry.role {
            Role::Scan => relation(node),
            _ => "",
        };
        let schema = node.schema.as_deref().unwrap_or_default();
        let scope = &entry.scope;
        format!("{scope}|{kind}|{join}|{schema}|{target}|{}", index(node))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn index(node: &PlanNode) -> String {
    let definitions = index_definitions(node).map(|all| all.join(", "));
    definitions
        .or_else(|| node.index.clone())
        .unwrap_or_default()
}

/// The lines of the plan, each with the conditions and keys of its node, constants masked.
fn strict(plan: &Plan) -> String {
    let nodes = plan.root.walk().zip(lines(plan));
    let lines = nodes.map(|(node, line)| {
        let conditions = [
            &node.index_cond,
            &node.recheck_cond,
            &node.hash_cond,
            &node.merge_cond,
            &node.join_filter,
            &node.filter,
            &node.run_condition,
        ];
        let conditions = conditions.into_iter().flatten();
        let keys = [&node.sort_key, &node.presorted_key, &node.group_key];
        let expressions = conditions.chain(keys.into_iter().flatten());
        let masked: Vec<_> = expressions
            .map(|text| without_numbers(&mask_expression(text)))
            .collect();
        format!("{line}|{}|{}", alias(node), masked.join("|"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `$0` of an `InitPlan` and `SubPlan 2` are numbered by planning.
fn without_numbers(expression: &str) -> String {
    let mut text = String::with_capacity(expression.len());
    let mut numbered = false;
    for c in expression.chars() {
        if !(numbered && c.is_ascii_digit()) {
            text.push(c);
            numbered = c == '$' || text.ends_with("SubPlan ") || text.ends_with("InitPlan ");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use dbproof_model::ChangeKind;

    use super::*;
    use crate::plan::shapes::captured;
    use crate::plan::{diff, parse};

    fn plan(text: &str) -> Plan {
        parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    const SCAN: &str = r#"{"Plan": {"Node Type": "Index Scan", "Relation Name": "orders",
        "Alias": "o", "Index Name": "orders_user_id", "Index Cond": "(user_id = 42)",
        "Filter": "(status = 'open'::text)", "Startup Cost": 0.0, "Total Cost": 8.0,
        "Plan Rows": 3, "Plan Width": 8}}"#;

    fn check(other: &str, same_shape: bool, same_strict: bool) {
        let (a, b) = (hashes(&plan(SCAN)), hashes(&plan(other)));
        let seen = (a.shape == b.shape, a.strict == b.strict);
        assert_eq!(seen, (same_shape, same_strict), "{other}");
    }

    #[test]
    fn constants_and_estimates_change_nothing() {
        check(
            &SCAN.replace("42", "7").replace("'open'", "'paid'"),
            true,
            true,
        );
        check(&SCAN.replace("8.0", "9000.5"), true, true);
    }

    #[test]
    fn conditions_and_aliases_are_strict() {
        check(
            &SCAN.replace("(user_id = 42)", "(user_id > 42)"),
            true,
            false,
        );
        check(&SCAN.replace("\"o\"", "\"p\""), true, false);
    }

    #[test]
    fn another_way_to_read_is_another_shape() {
        check(&SCAN.replace("Index Scan", "Seq Scan"), false, false);
        check(
            &SCAN.replace("orders_user_id", "orders_status"),
            false,
            false,
        );
    }

    #[test]
    fn a_renamed_index_is_the_same_by_its_definition() {
        let mut renamed = plan(&SCAN.replace("orders_user_id", "another_name"));
        let mut original = plan(SCAN);
        for plan in [&mut original, &mut renamed] {
            plan.root.index_definition = Some("btree (user_id)".to_owned());
        }
        assert_eq!(hashes(&original), hashes(&renamed));
    }

    #[test]
    fn subplans_are_numbered_by_the_planner() {
        assert_eq!(
            without_numbers("(a = $0) AND (SubPlan 12) AND b = c1"),
            "(a = $) AND (SubPlan ) AND b = c1"
        );
    }

    /// Real plans of one statement on several versions: where the diff sees another way to read or
    /// join, the shapes differ.
    #[test]
    fn one_shape_is_read_and_joined_in_one_way() {
        let versions = captured();
        let mut alike = 0;
        for (older, newer) in versions.iter().zip(&versions[1..]) {
            for name in older
                .plans
                .keys()
                .filter(|name| newer.plans.contains_key(*name))
            {
                let (a, b) = (older.plan(name), newer.plan(name));
                if hashes(&a).shape != hashes(&b).shape {
                    continue;
                }
                alike += 1;
                let changes = diff(&a, &b);
                let other = changes.iter().find(|change| {
                    matches!(
                        change.kind,
                        ChangeKind::Access | ChangeKind::Join | ChangeKind::JoinOrder
                    )
                });
                assert_eq!(other, None, "{name} on {} and {}", older.major, newer.major);
            }
        }
        assert!(alike > 100, "{alike}");
    }
}
