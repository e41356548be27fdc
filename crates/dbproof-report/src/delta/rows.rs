//! A delta as rows of two tables, the most important first.

use dbproof_model::Severity;

use super::{Change, Delta, FigureChange, FindingChange, QueryChange};
use crate::document::{Align, Cell, Table, Tone};
use crate::figures;
use crate::sections::findings::place;

/// The order of importance of what became of a finding; the smallest number matters most. Findings and
/// queries share one scale, so that what is cut off is the least important of both.
pub(super) fn rank_of_finding(change: &FindingChange) -> u8 {
    let severity = change.is.or(change.was).unwrap_or(Severity::Info);
    match (change.change, severity) {
        (Change::New | Change::Worse, Severity::Error) => 0,
        (Change::New | Change::Worse, Severity::Warning) => 2,
        (Change::Undecided | Change::Unchecked, Severity::Error) => 4,
        (Change::Undecided | Change::Unchecked, _) => 5,
        (Change::New | Change::Worse, Severity::Info) => 7,
        (Change::Changed, _) => 8,
        (Change::Better | Change::Gone, Severity::Error) => 9,
        (Change::Better | Change::Gone, _) => 10,
        (Change::Same, Severity::Error) => 11,
        (Change::Same, Severity::Warning) => 12,
        (Change::Same, Severity::Info) => 14,
    }
}

/// The same of a query.
pub(super) fn rank_of_query(change: &QueryChange) -> u8 {
    match change.change {
        Change::Worse => 1,
        Change::Undecided | Change::Unchecked => 3,
        Change::New => 6,
        Change::Changed => 8,
        Change::Better => 9,
        Change::Gone => 10,
        Change::Same => 13,
    }
}

pub(super) fn findings_table() -> Table {
    Table::new(&[
        ("", Align::Left),
        ("severity", Align::Left),
        ("finding", Align::Left),
        ("about", Align::Left),
        ("what", Align::Left),
    ])
}

/// A text longer than this is cut in a table; the report has all of it.
const LONGEST: usize = 160;

pub(super) fn finding(change: &FindingChange) -> Vec<Cell> {
    let finding = &change.finding;
    let severity = match (change.was, change.is) {
        (Some(was), Some(is)) if was != is => format!("{} → {}", was.as_str(), is.as_str()),
        (was, is) => is.or(was).map_or("", Severity::as_str).to_owned(),
    };
    let what = match change.change {
        Change::Gone => String::new(),
        _ => shortened(&finding.message),
    };
    let what = match (place(finding), what.is_empty()) {
        (Some(place), false) => format!("{what} ({place})"),
        (Some(place), true) => place,
        (None, _) => what,
    };
    vec![
        word(change.change),
        Cell::toned(severity, change.is.map_or(Tone::Muted, Tone::from)),
        Cell::code(&finding.code),
        Cell::code(shortened(&finding.subject)),
        Cell::plain(what),
    ]
}

pub(super) fn queries_table() -> Table {
    Table::new(&[
        ("", Align::Left),
        ("scenario", Align::Left),
        ("query", Align::Left),
        ("verdict", Align::Left),
        ("figure", Align::Left),
        ("base", Align::Right),
        ("head", Align::Right),
        ("", Align::Right),
        ("because", Align::Left),
    ])
}

pub(super) fn query(change: &QueryChange, comparable: bool) -> Vec<Cell> {
    let verdict = match (change.was.as_deref(), change.is.as_deref()) {
        (Some(was), Some(is)) if was != is => format!("{was} → {is}"),
        (was, is) => is.or(was).unwrap_or_default().to_owned(),
    };
    let first = change.figures.first();
    let name = first.map_or(String::new(), |figure| {
        format!("{} {}", figure.name, figure.unit)
    });
    vec![
        word(change.change),
        Cell::plain(change.scenario.as_str()),
        Cell::code(shortened(&change.name)),
        Cell::plain(verdict),
        Cell::plain(name.trim()),
        Cell::plain(side(first, |f| f.base)),
        Cell::plain(side(first, |f| f.head)),
        ratio(first, comparable),
        Cell::toned(&change.reason, Tone::Muted),
    ]
}

/// `worse slow order_history: pass, p95 0.420 → 3.40 ms ×8.10 (the 99 % bounds are apart)`
pub(super) fn query_line(change: &QueryChange, comparable: bool) -> Vec<Cell> {
    let cells = query(change, comparable);
    let text = |index: usize| cells[index].text.clone();
    let mut line = vec![
        word(change.change),
        Cell::plain(format!(" {} ", text(1))),
        Cell::code(&change.name),
        Cell::plain(format!(": {}", text(3))),
    ];
    if let Some(figure) = change.figures.first() {
        let sides = format!(
            ", {} {} → {} {} {}",
            figure.name,
            text(5),
            text(6),
            figure.unit,
            text(7)
        );
        line.push(Cell::plain(sides.trim_end()));
    }
    if !change.reason.is_empty() {
        line.push(Cell::toned(format!(" ({})", change.reason), Tone::Muted));
    }
    line
}

fn side(figure: Option<&FigureChange>, get: fn(&FigureChange) -> Option<f64>) -> String {
    let Some(figure) = figure else {
        return String::new();
    };
    match (get(figure), figure.unit.as_str()) {
        (Some(value), "") => figures::number(value),
        (value, _) => figures::ms_or_absent(value),
    }
}

/// No ratio where the two runs are not comparable: it would be read as one.
fn ratio(figure: Option<&FigureChange>, comparable: bool) -> Cell {
    match figure.and_then(FigureChange::ratio) {
        Some(ratio) if comparable => Cell::toned(figures::ratio(ratio), Tone::Muted),
        _ => Cell::plain(""),
    }
}

pub(super) fn word(change: Change) -> Cell {
    Cell::toned(change.as_str(), tone(change))
}

fn tone(change: Change) -> Tone {
    match change {
        Change::New | Change::Worse => Tone::Bad,
        Change::Undecided | Change::Unchecked | Change::Changed => Tone::Doubt,
        Change::Better | Change::Gone => Tone::Good,
        Change::Same => Tone::Muted,
    }
}

pub(super) fn shortened(text: &str) -> String {
    let text = crate::document::one_line(text);
    if text.chars().count() <= LONGEST {
        return text;
    }
    let mut short: String = text.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

/// The order in which changes are counted.
const ORDER: [Change; 8] = [
    Change::New,
    Change::Worse,
    Change::Undecided,
    Change::Unchecked,
    Change::Changed,
    Change::Better,
    Change::Gone,
    Change::Same,
];

/// `Delta: new errors — findings: 1 new, 2 gone; queries: 1 worse, 3 better, 12 same`
pub(super) fn summary(delta: &Delta) -> Vec<Cell> {
    let (verdict, tone) = match (delta.has_new_errors(), delta.has_undecided()) {
        (true, _) => ("new errors", Tone::Bad),
        (false, true) => ("no new errors, but less was decided", Tone::Doubt),
        (false, false) => ("no new errors", Tone::Good),
    };
    let told = |of: fn((usize, usize)) -> usize| {
        let counts = ORDER
            .iter()
            .map(|change| (change, of(delta.count(*change))));
        let counts: Vec<String> = counts
            .filter(|(_, count)| *count > 0)
            .map(|(change, count)| format!("{} {}", figures::count(count as u64), change.as_str()))
            .collect();
        if counts.is_empty() {
            "none".to_owned()
        } else {
            counts.join(", ")
        }
    };
    vec![
        Cell::plain("Delta: "),
        Cell::toned(verdict, tone),
        Cell::plain(format!(
            " — findings: {}; queries: {}",
            told(|(findings, _)| findings),
            told(|(_, queries)| queries)
        )),
    ]
}

/// `base 3f9a1c0d5e7b main, pass, 2026-02-14T09:15:03Z → head …`
pub(super) fn sides(delta: &Delta) -> String {
    let side = |side: &super::Side| {
        let git = side.git.as_ref();
        let commit: String = git.map_or(side.run_id.clone(), |git| {
            let branch = git.branch.as_deref().unwrap_or_default();
            let short: String = git.commit.chars().take(12).collect();
            format!("{short} {branch}")
        });
        format!(
            "{}, {}, {}",
            commit.trim(),
            side.verdict.as_str(),
            side.started_at
        )
    };
    crate::document::one_line(&format!(
        "base {} → head {}",
        side(&delta.base),
        side(&delta.head)
    ))
}
