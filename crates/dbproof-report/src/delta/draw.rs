//! A delta as text: [`terminal`] and [`markdown`].

use dbproof_model::{Finding, GroupVerdict};

use super::{Delta, FigureChange, Remaining};
use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;
use crate::markdown::draw;
use crate::sections::findings::{headline, place};
use crate::terminal::{Page, Style};

/// A pull-request comment may have 64 kB.
const LARGEST: usize = 64_000;

/// The delta as text for a terminal.
#[must_use]
pub fn terminal(delta: &Delta, style: &Style) -> String {
    let mut page = Page::new(style);
    for section in sections(delta) {
        page.section(&section);
    }
    page.rule();
    page.sentence("", "  ", &summary(delta));
    page.finish()
}

/// The delta as Markdown for a pull-request comment: under 64 kB whatever its size, with a count
/// of what was left out.
#[must_use]
pub fn markdown(delta: &Delta) -> String {
    let mut page = draw::Page::new(LARGEST);
    page.push("## dbproof: what changed\n\n");
    page.push(&format!("{}\n\n", draw::cells(&summary(delta))));
    for section in sections(delta) {
        page.push(&format!("### {}\n\n", section.title));
        page.blocks(&section.blocks);
    }
    page.finish()
}

fn summary(delta: &Delta) -> Vec<Cell> {
    let of = |count: usize, word: &str| format!("{} {word}", figures::count(count as u64));
    let tone = if delta.has_new_errors() {
        Tone::Bad
    } else {
        Tone::Good
    };
    let verdict = if delta.has_new_errors() {
        "new errors"
    } else {
        "no new errors"
    };
    let unchecked = match delta.unchecked.len() {
        0 => String::new(),
        n => format!(", {}", of(n, "not looked for")),
    };
    let text = format!(
        " — findings: {}, {}, {}{unchecked}",
        of(delta.new.len(), "new"),
        of(delta.gone.len(), "gone"),
        of(delta.remaining.len(), "still there"),
    );
    vec![
        Cell::plain("Delta: "),
        Cell::toned(verdict, tone),
        Cell::plain(text),
    ]
}

/// The sections that have something to say.
fn sections(delta: &Delta) -> Vec<Section> {
    let section = |title, blocks| Section {
        title,
        verdict: None,
        blocks,
    };
    let all = [
        section("figures are not comparable", notes(&delta.incomparable)),
        section("new findings", delta.new.iter().flat_map(told).collect()),
        section("gone findings", delta.gone.iter().map(named).collect()),
        section(
            "still there",
            delta.remaining.iter().map(remaining).collect(),
        ),
        section(
            "not looked for",
            delta.unchecked.iter().map(named).collect(),
        ),
        section("slow", slow(delta)),
        section("regress", regress(delta)),
        section("nplusone", groups(delta)),
        section("deadlock", deadlock(delta)),
    ];
    all.into_iter()
        .filter(|section| !section.blocks.is_empty())
        .collect()
}

fn notes(reasons: &[String]) -> Vec<Block> {
    reasons
        .iter()
        .map(|reason| Block::Item(vec![Cell::toned(reason, Tone::Doubt)]))
        .collect()
}

/// A new finding is told with its message and remedy.
fn told(finding: &Finding) -> Vec<Block> {
    crate::sections::findings::blocks(finding)
}

/// An old finding is only named.
fn named(finding: &Finding) -> Block {
    let mut cells = headline(finding);
    if let Some(place) = place(finding) {
        cells.extend([Cell::plain(" at "), Cell::code(place)]);
    }
    Block::Item(cells)
}

fn remaining(remaining: &Remaining) -> Block {
    let (was, is) = (remaining.was, remaining.finding.severity);
    let mut cells = headline(&remaining.finding);
    let word = match is.cmp(&was) {
        std::cmp::Ordering::Greater => Some(("worse", Tone::Bad)),
        std::cmp::Ordering::Less => Some(("better", Tone::Good)),
        std::cmp::Ordering::Equal => None,
    };
    if let Some((word, tone)) = word {
        cells.push(Cell::toned(format!(" {word}"), tone));
        cells.push(Cell::plain(format!(
            ": was {}, is {}",
            was.as_str(),
            is.as_str()
        )));
    }
    Block::Item(cells)
}

fn slow(delta: &Delta) -> Vec<Block> {
    let mut table = Table::new(&[
        ("query, times in ms", Align::Left),
        ("avg", Align::Right),
        ("", Align::Right),
        ("p50", Align::Right),
        ("", Align::Right),
        ("p95", Align::Right),
        ("", Align::Right),
    ]);
    for change in &delta.slow {
        let mut row = vec![Cell::code(&change.name)];
        for figure in [&change.avg_ms, &change.p50_ms, &change.p95_ms] {
            row.extend([both(figure), ratio(figure, delta)]);
        }
        table.rows.push(row);
    }
    shown(table)
}

fn regress(delta: &Delta) -> Vec<Block> {
    let mut table = Table::new(&[
        ("query", Align::Left),
        ("base", Align::Left),
        ("head", Align::Left),
    ]);
    for change in &delta.regress {
        let side = |verdict: Option<dbproof_model::RegressVerdict>| {
            verdict.map_or(Cell::plain(figures::ABSENT), |v| Cell::toned(v.as_str(), v))
        };
        table.rows.push(vec![
            Cell::code(&change.name),
            side(change.base),
            side(change.head),
        ]);
    }
    shown(table)
}

fn groups(delta: &Delta) -> Vec<Block> {
    let side = |side: Option<(GroupVerdict, u64)>| {
        side.map_or("not there".to_owned(), |(verdict, executions)| {
            format!(
                "{} ({})",
                verdict.as_str(),
                figures::counted(executions, "time")
            )
        })
    };
    let item = |change: &super::GroupChange| {
        let (word, tone) = match (change.base, change.head) {
            (None, _) => ("new", Tone::Bad),
            (_, None) => ("gone", Tone::Good),
            _ => ("changed", Tone::Doubt),
        };
        Block::Item(vec![
            Cell::toned(word, tone),
            Cell::plain(" "),
            Cell::code(&change.template),
            Cell::plain(format!(": {} → {}", side(change.base), side(change.head))),
        ])
    };
    delta.groups.iter().map(item).collect()
}

fn deadlock(delta: &Delta) -> Vec<Block> {
    let mut table = Table::new(&[
        ("shape", Align::Left),
        ("timeout", Align::Right),
        ("per run", Align::Right),
        ("outage ms", Align::Right),
        ("recover ms", Align::Right),
        ("queued p95", Align::Right),
    ]);
    for change in &delta.deadlock {
        table.rows.push(vec![
            Cell::code(&change.name),
            Cell::plain(figures::span(change.deadlock_timeout_ms)),
            both(&change.deadlock_share),
            both(&change.outage_ms),
            both(&change.recover_ms),
            both(&change.queued_ms),
        ]);
    }
    shown(table)
}

fn shown(table: Table) -> Vec<Block> {
    if table.rows.is_empty() {
        Vec::new()
    } else {
        vec![Block::Table(table)]
    }
}

fn both(figure: &FigureChange) -> Cell {
    let side = figures::ms_or_absent;
    Cell::plain(format!("{} → {}", side(figure.base), side(figure.head)))
}

/// No colour where the two runs are not comparable, and none below a tenth: two runs of one
/// program differ by as much.
fn ratio(figure: &FigureChange, delta: &Delta) -> Cell {
    let Some(ratio) = figure.ratio() else {
        return Cell::plain("");
    };
    let tone = match ratio {
        _ if !delta.incomparable.is_empty() => Tone::Plain,
        r if r > 1.1 => Tone::Doubt,
        r if r < 0.9 => Tone::Good,
        _ => Tone::Plain,
    };
    Cell::toned(figures::ratio(ratio), tone)
}
