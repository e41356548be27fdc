//! A delta as text: [`terminal`].

use super::{Change, Delta, FindingChange, rows};
use crate::document::{Block, Cell, Section, Tone};
use crate::figures;
use crate::sections::findings::{blocks, headline, place};
use crate::terminal::{Page, Style};

/// The delta as text for a terminal.
#[must_use]
pub fn terminal(delta: &Delta, style: &Style) -> String {
    let mut page = Page::new(style);
    for section in sections(delta) {
        page.section(&section);
    }
    page.rule();
    page.sentence("", "  ", &[Cell::toned(rows::sides(delta), Tone::Muted)]);
    page.sentence("", "  ", &rows::summary(delta));
    page.finish()
}

/// The sections that have something to say. A terminal has no room for the tables.
fn sections(delta: &Delta) -> Vec<Section> {
    let all = [
        section("figures are not comparable", notes(&delta.incomparable)),
        section("findings", delta.findings.iter().map(finding).collect()),
        section("queries", queries(delta)),
        section("new findings", told(delta)),
    ];
    all.into_iter()
        .filter(|section| !section.blocks.is_empty())
        .collect()
}

pub(super) fn section(title: &'static str, blocks: Vec<Block>) -> Section {
    Section {
        title,
        verdict: None,
        blocks,
    }
}

pub(super) fn notes(reasons: &[String]) -> Vec<Block> {
    reasons
        .iter()
        .map(|reason| Block::Item(vec![Cell::toned(reason, Tone::Doubt)]))
        .collect()
}

/// `new error slow-query slow: order_history at queries/order_history.sql:1`
fn finding(change: &FindingChange) -> Block {
    let mut cells = vec![rows::word(change.change), Cell::plain(" ")];
    cells.extend(headline(&change.finding));
    if let (Some(was), Some(is)) = (change.was, change.is)
        && was != is
    {
        cells.push(Cell::plain(format!(", {} → {}", was.as_str(), is.as_str())));
    }
    if let Some(place) = place(&change.finding) {
        cells.extend([Cell::plain(" at "), Cell::code(place)]);
    }
    Block::Item(cells)
}

/// What is as it was is only counted.
fn queries(delta: &Delta) -> Vec<Block> {
    let comparable = delta.incomparable.is_empty();
    let changed = delta.queries.iter().filter(|q| q.change != Change::Same);
    let mut all: Vec<Block> = changed
        .map(|change| Block::Item(rows::query_line(change, comparable)))
        .collect();
    if let (_, same @ 1..) = delta.count(Change::Same) {
        let line = format!("{} as before", figures::count(same as u64));
        all.push(Block::Item(vec![Cell::toned(line, Tone::Muted)]));
    }
    all
}

/// New findings and such that are worse, with evidence and remedy.
pub(super) fn told(delta: &Delta) -> Vec<Block> {
    delta
        .findings
        .iter()
        .filter(|change| matches!(change.change, Change::New | Change::Worse))
        .flat_map(|change| blocks(&change.finding))
        .collect()
}
