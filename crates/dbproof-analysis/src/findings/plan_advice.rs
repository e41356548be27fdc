//! What a single plan says about why its query is slow: [`Advice`].

use dbproof_model::{Plan, PlanNode};

use crate::figures::{count, counted, float};
use crate::plan::{
    Outline, Role, cumulative, describe, index_for_entry, over_loops, relation, self_work, spill_of,
};

/// Fewer rows than this are thrown away without anyone noticing.
const MANY_ROWS: f64 = 100.0;

/// What to do about a plan's largest piece of work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Advice {
    pub(super) text: String,
    pub(super) sql: Option<String>,
    pub(super) relation: Option<String>,
}

/// Advice on the worst that the plan shows: a scan that throws away what it reads, a spill to
/// disk, or else the node that works most.
pub(super) fn advise(plan: &Plan) -> Advice {
    let outline = Outline::new(plan);
    wasteful_scan(&outline)
        .or_else(|| spill(&outline))
        .unwrap_or_else(|| busiest(plan))
}

/// The scan that throws away most, if it throws away more than it keeps.
fn wasteful_scan(outline: &Outline<'_>) -> Option<Advice> {
    let removed = |node: &PlanNode| over_loops(node, node.rows_removed_by_filter);
    let kept = |node: &PlanNode| over_loops(node, node.actual_rows);
    let (position, entry) = outline
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.role == Role::Scan)
        .filter(|(_, entry)| {
            removed(entry.node) >= MANY_ROWS && removed(entry.node) > kept(entry.node)
        })
        .max_by(|a, b| removed(a.1.node).total_cmp(&removed(b.1.node)))?;
    let node = entry.node;
    let sql = index_for_entry(outline, position);
    let index = match sql.as_deref().and_then(columns_of) {
        Some(columns) => format!("an index on {columns} would find them"),
        None => "an index that fits its filter would find them".to_owned(),
    };
    let name = relation(node).to_owned();
    let text = format!(
        "{} on {name} reads {} to keep {}; {index}.",
        describe(node),
        counted(removed(node) + kept(node), "row"),
        count(kept(node)),
    );
    Some(Advice {
        text,
        sql,
        relation: Some(name),
    })
}

/// The parenthesis of `CREATE INDEX … (a, b);`.
fn columns_of(definition: &str) -> Option<&str> {
    Some(definition[definition.find('(')?..].trim_end_matches(';'))
}

fn spill(outline: &Outline<'_>) -> Option<Advice> {
    let (position, how) = outline
        .entries
        .iter()
        .enumerate()
        .find_map(|(position, entry)| Some((position, spill_of(entry.node)?)))?;
    let node = describe(outline.entries[position].node);
    Some(Advice {
        text: format!(
            "{node} works {how}. Let fewer or narrower rows reach it, or raise work_mem for this \
             statement."
        ),
        sql: None,
        relation: outline.subject(position),
    })
}

fn busiest(plan: &Plan) -> Advice {
    let work = self_work(plan);
    let busiest = work.iter().max_by_key(|work| work.buffers.shared_total());
    match busiest.filter(|work| work.buffers.shared_total() > 0) {
        Some(work) => {
            let name = work.node.relation.clone();
            let on = name
                .as_ref()
                .map_or_else(String::new, |name| format!(" on {name}"));
            Advice {
                text: format!(
                    "Most of the work is {}{on}, with {} of {}. The plan throws little away, so \
                     look for less to read: fewer rows, fewer columns, or a result kept ready.",
                    describe(work.node),
                    count(float(work.buffers.shared_total())),
                    counted(float(cumulative(&plan.root).shared_total()), "block"),
                ),
                sql: None,
                relation: name,
            }
        }
        None => Advice {
            text: "The plan touches no blocks, so the time goes into computing or waiting: look \
                   for functions, locks and the network."
                .to_owned(),
            sql: None,
            relation: None,
        },
    }
}
