//! Plans before and after, side by side.

use dbproof_model::{RegressQuery, RegressRecord, RegressVerdict};

use super::plan::{self, Tree};
use super::without_folded;
use crate::document::{Block, Tone, one_line};
use crate::sections;

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) change: String,
    pub(super) queries: Vec<QueryView>,
    pub(super) baselines: Vec<Block>,
    pub(super) migration: Vec<Block>,
}

pub(super) struct QueryView {
    pub(super) blocks: Vec<Block>,
    pub(super) plans: Vec<Tree>,
    /// Whether the plans are shown without being asked for.
    pub(super) open: bool,
}

pub(super) fn view(record: &RegressRecord) -> View {
    let applied = record.migration.as_ref();
    let migration = applied.map(sections::migration::blocks).unwrap_or_default();
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        change: one_line(&record.change),
        queries: record.queries.iter().map(query).collect(),
        baselines: record
            .baselines
            .as_ref()
            .map(sections::baselines::blocks)
            .unwrap_or_default(),
        migration,
    }
}

fn query(query: &RegressQuery) -> QueryView {
    let [before, after] = [&query.before, &query.after].map(|s| s.as_ref().map(|p| &p.plan));
    let sides = [("before", before, after), ("after", after, before)];
    let plans = sides
        .into_iter()
        .filter_map(|(title, plan, other)| Some(plan::tree(title, plan?, other)));
    QueryView {
        blocks: without_folded(sections::regress::query_blocks(query)),
        plans: plans.collect(),
        open: query.verdict != RegressVerdict::Unchanged,
    }
}
