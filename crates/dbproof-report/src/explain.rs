//! EXPLAIN's JSON as a tree to read: [`Node`].

use serde_json::{Map, Value};

use crate::document::one_line;
use crate::figures;

/// Deeper plans than this are cut off; drawing them recurses.
const DEEPEST: usize = 64;

/// A node of a plan as a person reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// `Seq Scan`, `Hash Left Join`, …
    pub(crate) title: String,
    /// The relation, with its name in the statement where that differs.
    pub(crate) relation: Option<String>,
    /// The index.
    pub(crate) index: Option<String>,
    /// Conditions and keys, such as `Filter: (user_id = $1)`.
    pub(crate) conditions: Vec<String>,
    /// Rows, blocks and cost.
    pub(crate) figures: Vec<String>,
    pub(crate) children: Vec<Node>,
}

/// The tree in EXPLAIN's JSON; nothing where the value is not what EXPLAIN prints.
pub(crate) fn read(plan: &Value) -> Option<Node> {
    let top = plan.get(0).unwrap_or(plan);
    node(top.get("Plan").unwrap_or(top), DEEPEST)
}

/// The tree as indented text.
pub(crate) fn outline(plan: &Value) -> String {
    let mut text = String::new();
    match read(plan) {
        Some(root) => push(&mut text, &root, 0),
        None => text.push_str("no plan"),
    }
    text
}

fn push(text: &mut String, node: &Node, depth: usize) {
    let indent = "  ".repeat(depth);
    let arrow = if depth == 0 { "" } else { "-> " };
    text.push_str(&indent);
    text.push_str(arrow);
    text.push_str(&node.title);
    for (word, name) in [("on", &node.relation), ("using", &node.index)] {
        if let Some(name) = name {
            text.extend([" ", word, " ", name]);
        }
    }
    if !node.figures.is_empty() {
        text.extend(["  (", &node.figures.join(", "), ")"]);
    }
    text.push('\n');
    for condition in &node.conditions {
        text.extend([&indent, "     ", condition, "\n"]);
    }
    for child in &node.children {
        push(text, child, depth + 1);
    }
}

fn node(value: &Value, levels: usize) -> Option<Node> {
    let fields = value.as_object()?;
    let node_type = text(fields, "Node Type")?;
    let children = match fields.get("Plans").and_then(Value::as_array) {
        Some(plans) if levels > 0 => plans.iter().filter_map(|p| node(p, levels - 1)).collect(),
        _ => Vec::new(),
    };
    Some(Node {
        title: title(fields, &node_type),
        relation: relation(fields),
        index: text(fields, "Index Name"),
        conditions: conditions(fields),
        figures: figures_of(fields),
        children,
    })
}

fn title(fields: &Map<String, Value>, node_type: &str) -> String {
    let mut title = match (
        node_type,
        text(fields, "Join Type"),
        text(fields, "Strategy"),
    ) {
        (_, Some(join), _) if join != "Inner" => match node_type.strip_suffix(" Join") {
            Some(method) => format!("{method} {join} Join"),
            None => format!("{node_type} {join}"),
        },
        ("Aggregate", _, Some(strategy)) => format!("{strategy} Aggregate"),
        _ => node_type.to_owned(),
    };
    if let Some(name) = text(fields, "Subplan Name") {
        title = format!("{name}: {title}");
    }
    if text(fields, "Scan Direction").is_some_and(|direction| direction == "Backward") {
        title.push_str(" Backward");
    }
    title
}

fn relation(fields: &Map<String, Value>) -> Option<String> {
    let names = ["Relation Name", "CTE Name", "Function Name"];
    let name = names.iter().find_map(|key| text(fields, key))?;
    match text(fields, "Alias") {
        Some(alias) if alias != name => Some(format!("{name} {alias}")),
        _ => Some(name),
    }
}

fn conditions(fields: &Map<String, Value>) -> Vec<String> {
    const KEYS: [&str; 10] = [
        "Index Cond",
        "Recheck Cond",
        "Hash Cond",
        "Merge Cond",
        "Join Filter",
        "Filter",
        "Sort Key",
        "Presorted Key",
        "Group Key",
        "Sort Method",
    ];
    KEYS.iter()
        .filter_map(|key| Some(format!("{key}: {}", text(fields, key)?)))
        .collect()
}

fn figures_of(fields: &Map<String, Value>) -> Vec<String> {
    let get = |key: &str| fields.get(key).and_then(Value::as_f64);
    let sum = |keys: [&str; 2]| keys.iter().filter_map(|key| get(key)).sum::<f64>();
    let mut all = Vec::new();
    match (get("Actual Rows"), get("Plan Rows")) {
        (Some(actual), Some(planned)) => all.push(format!(
            "rows {} of {} planned",
            figures::number(actual),
            figures::number(planned)
        )),
        (Some(rows), None) => all.push(format!("rows {}", figures::number(rows))),
        (None, Some(rows)) => all.push(format!("rows {} planned", figures::number(rows))),
        (None, None) => {}
    }
    if let Some(loops) = get("Actual Loops").filter(|loops| *loops > 1.0) {
        all.push(format!("loops {}", figures::number(loops)));
    }
    if let Some(removed) = get("Rows Removed by Filter").filter(|removed| *removed > 0.0) {
        all.push(format!("{} filtered out", figures::number(removed)));
    }
    let shared = sum(["Shared Hit Blocks", "Shared Read Blocks"]);
    if get("Shared Hit Blocks").is_some() {
        all.push(format!("blocks {}", figures::number(shared)));
    }
    let spilled = sum(["Temp Read Blocks", "Temp Written Blocks"]);
    if spilled > 0.0 {
        all.push(format!("spill {}", figures::number(spilled)));
    }
    if let Some(cost) = get("Total Cost") {
        all.push(format!("cost {}", figures::number(cost)));
    }
    all
}

/// A field as text; a list as its items with commas between.
fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    match fields.get(key)? {
        Value::String(text) => Some(one_line(text)),
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            (!items.is_empty()).then(|| one_line(&items.join(", ")))
        }
        _ => None,
    }
}
