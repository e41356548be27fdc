//! Pages as bars, looped against batched, and which statement feeds which.

use dbproof_model::{NPlusOneGroup, NPlusOneRecord, PageMeasurement};

use super::{percent, tame_sql};
use crate::document::{Block, Tone, one_line};
use crate::{figures, sections};

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) pages: Vec<PageView>,
    pub(super) flows: Vec<Flow>,
    pub(super) blocks: Vec<Block>,
}

pub(super) struct PageView {
    pub(super) name: String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) label: String,
    pub(super) class: &'static str,
    pub(super) percent: String,
    pub(super) value: String,
}

pub(super) struct Flow {
    pub(super) parent: String,
    pub(super) rows: String,
    pub(super) column: String,
    pub(super) child: String,
    pub(super) times: String,
    pub(super) tone: Tone,
}

pub(super) fn view(record: &NPlusOneRecord) -> View {
    let blocks = sections::nplusone::section(record).blocks;
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        pages: pages(&record.pages),
        flows: record.groups.iter().filter_map(flow).collect(),
        blocks: blocks.into_iter().map(tame_sql).collect(),
    }
}

/// The versions of a page in one chart, in the order of the record.
fn pages(all: &[PageMeasurement]) -> Vec<PageView> {
    let mut names: Vec<&str> = Vec::new();
    for page in all {
        if !names.contains(&page.page.as_str()) {
            names.push(&page.page);
        }
    }
    let page = |name: &str| {
        let versions: Vec<_> = all.iter().filter(|page| page.page == name).collect();
        PageView {
            name: one_line(name),
            bars: bars(&versions),
        }
    };
    names.into_iter().map(page).collect()
}

/// At each distance one bar a version, on one scale.
fn bars(versions: &[&PageMeasurement]) -> Vec<Bar> {
    let mut measured: Vec<(Option<f64>, usize, f64)> = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        measured.push((None, index, version.wall_ms));
        let projected = version.projected.iter();
        measured.extend(projected.map(|p| (Some(p.round_trip_ms), index, p.wall_ms)));
    }
    measured.sort_by(|a, b| a.0.unwrap_or(-1.0).total_cmp(&b.0.unwrap_or(-1.0)));
    let longest = measured.iter().map(|bar| bar.2).fold(0.0, f64::max);
    let bar = |(distance, index, wall): &(Option<f64>, usize, f64)| {
        let at = distance.map(|d| format!(" +{d} ms")).unwrap_or_default();
        Bar {
            label: format!("{}{at}", one_line(&versions[*index].version)),
            class: if *index == 0 { "first" } else { "second" },
            percent: percent(*wall, longest),
            value: format!("{} ms", figures::ms(*wall)),
        }
    };
    measured.iter().map(bar).collect()
}

fn flow(group: &NPlusOneGroup) -> Option<Flow> {
    let parent = group.parent.as_ref()?;
    Some(Flow {
        parent: one_line(&parent.template),
        rows: figures::counted(parent.rows, "row"),
        column: one_line(&parent.column),
        child: one_line(&group.template),
        times: format!(
            "{}, {}",
            group.verdict.as_str(),
            figures::counted(group.executions, "execution")
        ),
        tone: sections::nplusone::tone(group.verdict),
    })
}
