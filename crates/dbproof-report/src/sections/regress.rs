//! Plans and work before and after a change.

use dbproof_model::{
    Access, ChangeEffect, Interval, PlanChange, PlanSummary, RegressQuery, RegressRecord,
    RegressVerdict, RunTiming,
};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::{explain, figures};

pub(super) fn section(record: &RegressRecord) -> Section {
    let mut blocks = vec![Block::Line(vec![
        Cell::plain("Change: "),
        Cell::code(&record.change),
    ])];
    if record.queries.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain(
            "No query was compared before and after.",
        )]));
    }
    if let Some(timing) = &record.timing {
        blocks.push(Block::Line(vec![Cell::plain(worth_of_times(timing))]));
    }
    blocks.extend(record.queries.iter().flat_map(query_blocks));
    if let Some(baselines) = &record.baselines {
        blocks.extend(super::baselines::blocks(baselines));
    }
    if let Some(migration) = &record.migration {
        blocks.extend(super::migration::blocks(migration));
    }
    Section {
        title: "regress",
        verdict: Some(record.verdict),
        blocks,
    }
}

/// What the times of this run are worth.
fn worth_of_times(timing: &RunTiming) -> String {
    let pinned = if timing.pinned {
        "client and server on one processor"
    } else {
        "not pinned to one processor, so that only about half of all effects of 15 % are found, and \
         four fifths of those of 30 %"
    };
    let interval = timing
        .control_ratio
        .as_ref()
        .map_or(String::new(), |ratio| {
            format!(" {} {}", figures::ratio(ratio.estimate), interval(ratio))
        });
    let decides = if timing.gates {
        ""
    } else {
        "; times decide nothing in this run"
    };
    format!(
        "Times: {pinned}; two identical databases beside it came out as {}{interval}{decides}.",
        timing.control.as_str()
    )
}

/// What is said about one query.
pub(crate) fn query_blocks(query: &RegressQuery) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(vec![
        Cell::code(&query.name),
        Cell::plain(": "),
        Cell::toned(query.verdict.as_str(), query.verdict),
    ])];
    if !query.reasons.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain(query.reasons.join("; "))]));
    }
    blocks.push(Block::Table(figures_table(query)));
    if query.sets.len() > 1 && query.verdict != RegressVerdict::Unchanged {
        blocks.push(Block::Table(sets_table(query)));
    }
    blocks.extend(query.changes.iter().map(change));
    for (side, summary) in [("before", &query.before), ("after", &query.after)] {
        if let Some(summary) = summary {
            blocks.push(Block::Folded {
                title: format!("Plan of {} {side}", query.name),
                text: explain::outline(&summary.plan),
            });
        }
    }
    blocks
}

fn figures_table(query: &RegressQuery) -> Table {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("before", Align::Left),
        ("after", Align::Left),
        ("ratio", Align::Right),
    ]);
    let sides = [query.before.as_ref(), query.after.as_ref()];
    table.rows.extend(accesses(sides));
    let mut measure = |title: &str, ratio: Option<f64>, get: &dyn Fn(&PlanSummary) -> String| {
        let mut row = vec![Cell::plain(title)];
        row.extend(sides.map(|side| Cell::plain(side.map_or(figures::ABSENT.to_owned(), get))));
        row.push(Cell::plain(ratio.map_or(String::new(), figures::ratio)));
        table.rows.push(row);
    };
    measure("blocks hit+read", query.ratio.buffers, &|p| {
        figures::count(p.shared_hit_blocks.saturating_add(p.shared_read_blocks))
    });
    measure("spill blocks", None, &|p| figures::count(p.temp_blocks));
    measure("rows", None, &|p| figures::number(p.rows));
    measure("rows filtered out", None, &|p| {
        figures::number(p.rows_removed_by_filter)
    });
    measure("cost", query.ratio.cost, &|p| figures::number(p.total_cost));
    measure("execution ms", None, &|p| {
        figures::ms_or_absent(p.execution_ms)
    });
    measure("planning ms", None, &|p| {
        figures::ms_or_absent(p.planning_ms)
    });
    if let Some(time) = &query.ratio.time {
        table.rows.push(vec![
            Cell::plain(query.timing.as_ref().map_or("time".to_owned(), |timing| {
                let unpinned = match timing.pinned {
                    Some(false) => " (not pinned)",
                    Some(true) | None => "",
                };
                format!("time: {}{unpinned}", timing.outcome.as_str())
            })),
            Cell::plain(in_words(time)),
            Cell::plain(interval(time)),
            Cell::plain(figures::ratio(time.estimate)),
        ]);
    }
    table
}

/// One row a parameter set, the one that is shown in full marked as such.
fn sets_table(query: &RegressQuery) -> Table {
    let mut table = Table::new(&[
        ("parameter set", Align::Left),
        ("blocks before", Align::Right),
        ("after", Align::Right),
        ("ratio", Align::Right),
        ("rows", Align::Right),
        ("", Align::Left),
    ]);
    let blocks = |plan: &PlanSummary| {
        figures::count(
            plan.shared_hit_blocks
                .saturating_add(plan.shared_read_blocks),
        )
    };
    for set in &query.sets {
        let shown = query.parameter_set.as_ref() == Some(&set.label);
        let label = if shown {
            format!("{} (shown)", set.label)
        } else {
            set.label.clone()
        };
        table.rows.push(vec![
            Cell::plain(label),
            Cell::plain(blocks(&set.before)),
            Cell::plain(blocks(&set.after)),
            Cell::plain(set.ratio.buffers.map_or(String::new(), figures::ratio)),
            Cell::plain(figures::number(set.after.rows)),
            Cell::toned(set.verdict.as_str(), set.verdict),
        ]);
    }
    table
}

/// The ratio in words, where the interval leaves no doubt about its direction.
fn in_words(time: &Interval) -> String {
    let both_ways =
        time.low.is_none_or(|low| low <= 1.0) && time.high.is_none_or(|high| high >= 1.0);
    let words = figures::in_words(time.estimate);
    if both_ways && words != figures::in_words(1.0) {
        return "not to be told apart".to_owned();
    }
    words
}

fn interval(time: &Interval) -> String {
    let bound = |value: Option<f64>| value.map_or(figures::ABSENT.to_owned(), figures::ratio);
    format!("[{}, {}]", bound(time.low), bound(time.high))
}

/// One row a relation, in the order of the plan before, then what is new after.
fn accesses(sides: [Option<&PlanSummary>; 2]) -> Vec<Vec<Cell>> {
    let [before, after] = sides.map(|side| side.map_or(&[] as &[Access], |p| &p.access[..]));
    let mut relations: Vec<&str> = Vec::new();
    for access in before.iter().chain(after) {
        if !relations.contains(&access.relation.as_str()) {
            relations.push(&access.relation);
        }
    }
    let row = |relation: &str| {
        vec![
            Cell::plain(format!("reads {relation}")),
            Cell::plain(ways(before, relation)),
            Cell::plain(ways(after, relation)),
            Cell::plain(""),
        ]
    };
    relations.into_iter().map(row).collect()
}

fn ways(accesses: &[Access], relation: &str) -> String {
    let of_relation = accesses.iter().filter(|access| access.relation == relation);
    let ways: Vec<String> = of_relation
        .map(|access| match &access.index {
            Some(index) => format!("{} {index}", access.node),
            None => access.node.clone(),
        })
        .collect();
    if ways.is_empty() {
        figures::ABSENT.to_owned()
    } else {
        ways.join(", ")
    }
}

fn change(change: &PlanChange) -> Block {
    let tone = match change.effect {
        ChangeEffect::Better => Tone::Good,
        ChangeEffect::Worse => Tone::Bad,
        ChangeEffect::Neutral => Tone::Plain,
    };
    let mut cells = vec![Cell::toned(change.kind.as_str(), tone), Cell::plain(" ")];
    if let Some(relation) = &change.relation {
        cells.extend([Cell::code(relation), Cell::plain(" ")]);
    }
    let side = |side: &Option<String>| Cell::plain(side.as_deref().unwrap_or("nothing"));
    cells.extend([side(&change.from), Cell::plain(" → "), side(&change.to)]);
    Block::Item(cells)
}
