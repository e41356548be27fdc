//! EXPLAIN (FORMAT JSON) to a [`Plan`]: [`parse`].
//!
//! Reads what PostgreSQL 14 to 18 print, analysed or not. Keys that it does not know are skipped,
//! since every version adds some; keys without which a tree means nothing are errors.

use std::collections::BTreeMap;

use dbproof_model::{Buffers, Plan, PlanNode, TriggerRuns};
use serde_json::{Map, Value};
use thiserror::Error;

/// Why a value is no plan. A `path` leads from the root by child positions, such as `Plan.0.1`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The value is neither an object nor an array of one.
    #[error("EXPLAIN's output is {found}, not an object or an array of one object")]
    NotAnExplain {
        /// What it is instead.
        found: String,
    },
    /// The output of several statements.
    #[error("EXPLAIN's output holds {count} plans where one was expected")]
    SeveralPlans {
        /// How many there are.
        count: usize,
    },
    /// A key that every plan has is missing.
    #[error("{path} lacks the key \"{key}\"")]
    MissingKey {
        /// The node.
        path: String,
        /// The key.
        key: &'static str,
    },
    /// A key holds a value of another type.
    #[error("{path}: \"{key}\" is not {expected}")]
    WrongType {
        /// The node.
        path: String,
        /// The key.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Reads the value of `EXPLAIN (FORMAT JSON)`: the array of one element, or that element.
pub fn parse(explain: &Value) -> Result<Plan, PlanError> {
    let top = Fields {
        object: top_object(explain)?,
        path: "EXPLAIN",
    };
    let root = top.object.get("Plan").ok_or_else(|| top.missing("Plan"))?;
    let planning = match top.object.get("Planning") {
        Some(Value::Object(object)) => Fields {
            object,
            path: "Planning",
        }
        .buffers()?,
        // Up to PostgreSQL 12 there was none; without BUFFERS there is none.
        _ => Buffers::default(),
    };
    let settings = settings(top.object);
    let mut root = node(root, "Plan")?;
    if settings.iter().any(forbids) {
        penalties_to_flags(&mut root);
    }
    Ok(Plan {
        root,
        planning_ms: top.number("Planning Time")?,
        execution_ms: top.number("Execution Time")?,
        planning_buffers: planning,
        settings,
        triggers: triggers(top.object),
        jit: top.object.contains_key("JIT"),
        jit_ms: jit_ms(top.object),
    })
}

/// What the planner adds to the cost of a node that a setting forbids, before PostgreSQL 18, where
/// the node is marked instead (`disable_cost` in its source).
const PENALTY: f64 = 1e10;

fn forbids((name, value): (&String, &String)) -> bool {
    name.starts_with("enable_") && value == "off"
}

/// Takes the penalties out of the costs, so that these mean the same on every version, and marks the
/// nodes that they were for. Returns how many there are in a node's total cost.
fn penalties_to_flags(node: &mut PlanNode) -> f64 {
    let below: f64 = node.children.iter_mut().map(penalties_to_flags).sum();
    let penalties = (node.total_cost / PENALTY).floor();
    node.disabled |= penalties > below;
    node.total_cost = without_penalties(node.total_cost);
    node.startup_cost = without_penalties(node.startup_cost);
    penalties
}

/// Costs are printed with two decimals; so large a number does not keep more.
fn without_penalties(cost: f64) -> f64 {
    (cost % PENALTY * 100.0).round() / 100.0
}

fn top_object(explain: &Value) -> Result<&Map<String, Value>, PlanError> {
    match explain {
        Value::Object(object) => Ok(object),
        Value::Array(plans) => match plans.as_slice() {
            [Value::Object(object)] => Ok(object),
            [other] => Err(PlanError::NotAnExplain {
                found: describe(other),
            }),
            several => Err(PlanError::SeveralPlans {
                count: several.len(),
            }),
        },
        other => Err(PlanError::NotAnExplain {
            found: describe(other),
        }),
    }
}

fn describe(value: &Value) -> String {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    name.to_owned()
}

fn node(value: &Value, path: &str) -> Result<PlanNode, PlanError> {
    let Value::Object(object) = value else {
        return Err(PlanError::WrongType {
            path: path.to_owned(),
            key: "Plan".to_owned(),
            expected: "an object",
        });
    };
    let fields = Fields { object, path };
    Ok(PlanNode {
        node_type: fields
            .text("Node Type")?
            .ok_or_else(|| fields.missing("Node Type"))?,
        parent_relationship: fields.text("Parent Relationship")?,
        subplan_name: fields.text("Subplan Name")?,
        strategy: fields.text("Strategy")?,
        partial_mode: partial_mode(&fields)?,
        join_type: fields.text("Join Type")?,
        inner_unique: fields.flag("Inner Unique")?,
        operation: fields.text("Operation")?.or(fields.text("Command")?),
        schema: fields.text("Schema")?,
        relation: fields.text("Relation Name")?,
        alias: fields.text("Alias")?,
        index: fields.text("Index Name")?,
        index_definition: None,
        maintained_indexes: Vec::new(),
        partitions: None,
        cte_name: fields.text("CTE Name")?,
        function_name: fields.text("Function Name")?,
        scan_direction: fields.text("Scan Direction")?,
        index_cond: fields.text("Index Cond")?,
        recheck_cond: fields.text("Recheck Cond")?,
        hash_cond: fields.text("Hash Cond")?,
        merge_cond: fields.text("Merge Cond")?,
        join_filter: fields.text("Join Filter")?,
        filter: fields.text("Filter")?,
        run_condition: fields.text("Run Condition")?,
        sort_key: fields.list("Sort Key")?,
        presorted_key: fields.list("Presorted Key")?,
        group_key: fields.list("Group Key")?,
        output: fields.list("Output")?,
        disabled: fields.flag("Disabled")?,
        startup_cost: fields.number("Startup Cost")?.unwrap_or_default(),
        total_cost: fields.number("Total Cost")?.unwrap_or_default(),
        plan_rows: fields.number("Plan Rows")?.unwrap_or_default(),
        plan_width: fields.count("Plan Width")?.unwrap_or_default(),
        actual_rows: fields.number("Actual Rows")?,
        actual_loops: fields.number("Actual Loops")?,
        actual_startup_ms: fields.number("Actual Startup Time")?,
        actual_total_ms: fields.number("Actual Total Time")?,
        rows_removed_by_filter: fields.number("Rows Removed by Filter")?,
        rows_removed_by_join_filter: fields.number("Rows Removed by Join Filter")?,
        rows_removed_by_index_recheck: fields.number("Rows Removed by Index Recheck")?,
        heap_fetches: fields.number("Heap Fetches")?,
        sort_method: fields.text("Sort Method")?,
        // From PostgreSQL 18 on, nodes that keep their rows tell where, as sorts always did.
        sort_space_type: fields.text("Sort Space Type")?.or(fields.text("Storage")?),
        sort_space_kib: match fields.count("Sort Space Used")? {
            Some(used) => Some(used),
            None => fields.count("Maximum Storage")?,
        },
        // A hashed aggregate counts its batches under a name of its own; the meaning is the same.
        hash_batches: match fields.count("Hash Batches")? {
            Some(batches) => Some(batches),
            None => fields.count("HashAgg Batches")?,
        },
        workers_planned: fields.count("Workers Planned")?,
        workers_launched: fields.count("Workers Launched")?,
        buffers: fields.buffers()?,
        children: children(&fields)?,
    })
}

/// `Simple` is how EXPLAIN says that an aggregate is neither partial nor finalising.
fn partial_mode(fields: &Fields<'_>) -> Result<Option<String>, PlanError> {
    Ok(fields.text("Partial Mode")?.filter(|mode| mode != "Simple"))
}

fn children(fields: &Fields<'_>) -> Result<Vec<PlanNode>, PlanError> {
    match fields.object.get("Plans") {
        None => Ok(Vec::new()),
        Some(Value::Array(plans)) => plans
            .iter()
            .enumerate()
            .map(|(position, plan)| node(plan, &format!("{}.{position}", fields.path)))
            .collect(),
        Some(_) => Err(fields.wrong("Plans", "an array")),
    }
}

fn settings(top: &Map<String, Value>) -> BTreeMap<String, String> {
    let Some(Value::Object(settings)) = top.get("Settings") else {
        return BTreeMap::new();
    };
    settings
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Sums by name: a trigger on several partitions appears once for each.
fn triggers(top: &Map<String, Value>) -> BTreeMap<String, TriggerRuns> {
    let mut by_name: BTreeMap<String, TriggerRuns> = BTreeMap::new();
    for trigger in top
        .get("Triggers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |key| trigger.get(key).and_then(Value::as_str);
        let number = |key| trigger.get(key).and_then(Value::as_f64);
        if let Some(name) = text("Constraint Name").or_else(|| text("Trigger Name")) {
            let runs = by_name.entry(name.to_owned()).or_default();
            if runs.relation.is_none() {
                runs.relation = text("Relation").map(str::to_owned);
            }
            runs.calls += number("Calls").unwrap_or_default();
            // Without TIMING a trigger has calls but no time.
            if let Some(time) = number("Time") {
                *runs.time_ms.get_or_insert(0.0) += time;
            }
        }
    }
    by_name
}

fn jit_ms(top: &Map<String, Value>) -> Option<f64> {
    top.get("JIT")?.get("Timing")?.get("Total")?.as_f64()
}

/// An object of EXPLAIN's JSON, and where it stands, for messages.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: &'a str,
}

impl Fields<'_> {
    fn missing(&self, key: &'static str) -> PlanError {
        PlanError::MissingKey {
            path: self.path.to_owned(),
            key,
        }
    }

    fn wrong(&self, key: &str, expected: &'static str) -> PlanError {
        PlanError::WrongType {
            path: self.path.to_owned(),
            key: key.to_owned(),
            expected,
        }
    }

    fn text(&self, key: &str) -> Result<Option<String>, PlanError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(key, "a string")),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, PlanError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(told)) => Ok(*told),
            Some(_) => Err(self.wrong(key, "a boolean")),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, PlanError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_f64()
                .map(Some)
                .ok_or_else(|| self.wrong(key, "a number")),
        }
    }

    fn count(&self, key: &str) -> Result<Option<u64>, PlanError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| self.wrong(key, "a whole number")),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<String>, PlanError> {
        match self.object.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| self.wrong(key, "an array of strings")),
            Some(_) => Err(self.wrong(key, "an array of strings")),
        }
    }

    fn buffers(&self) -> Result<Buffers, PlanError> {
        let blocks = |key| Ok(self.count(key)?.unwrap_or_default());
        Ok(Buffers {
            shared_hit: blocks("Shared Hit Blocks")?,
            shared_read: blocks("Shared Read Blocks")?,
            shared_dirtied: blocks("Shared Dirtied Blocks")?,
            shared_written: blocks("Shared Written Blocks")?,
            local_hit: blocks("Local Hit Blocks")?,
            local_read: blocks("Local Read Blocks")?,
            temp_read: blocks("Temp Read Blocks")?,
            temp_written: blocks("Temp Written Blocks")?,
        })
    }
}
