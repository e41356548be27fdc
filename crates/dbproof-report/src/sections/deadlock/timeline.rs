//! Who held, who waited, and when.

use dbproof_model::{DeadlockShape, DeadlockTimeline, TimelineSpan};

use crate::document::{Align, Block, Cell, Table, Tone};
use crate::figures;

/// Characters that the line of time is drawn with.
const WIDTH: usize = 16;

/// The line of time at the longest timeout, where a wait can be seen, and both sides of each wait.
pub(crate) fn push(blocks: &mut Vec<Block>, shapes: &[&DeadlockShape]) {
    let timelines = shapes
        .iter()
        .filter_map(|shape| Some((shape, shape.timeline.as_ref()?)));
    let longest =
        timelines.max_by(|(a, _), (b, _)| a.deadlock_timeout_ms.total_cmp(&b.deadlock_timeout_ms));
    if let Some((shape, timeline)) = longest {
        let text = format!(
            "Run {} at {}, {} in all; █ waits, ▬ runs:",
            figures::count(timeline.run),
            figures::span(shape.deadlock_timeout_ms),
            figures::span(timeline.duration_ms)
        );
        blocks.push(Block::Line(vec![Cell::toned(text, Tone::Muted)]));
        blocks.push(Block::Table(table(timeline)));
    }
    let participants = shapes.iter().find(|shape| !shape.participants.is_empty());
    for participant in participants.iter().flat_map(|shape| &shape.participants) {
        let mut cells = vec![
            Cell::code(&participant.session),
            Cell::plain(" waits for "),
            Cell::code(&participant.blocked_by),
        ];
        if let Some(lock) = &participant.lock {
            cells.extend([Cell::plain(" ("), Cell::plain(lock), Cell::plain(")")]);
        }
        cells.extend([Cell::plain(" with "), Cell::code(&participant.statement)]);
        match &participant.held_by_statement {
            Some(statement) => {
                cells.extend([Cell::plain("; locked by "), Cell::code(statement)]);
            }
            None => cells.push(Cell::toned(
                "; which statement locked it is not known",
                Tone::Muted,
            )),
        }
        blocks.push(Block::Item(cells));
    }
}

/// What each session did, in the order of time.
pub(super) fn table(timeline: &DeadlockTimeline) -> Table {
    let mut table = Table::new(&[
        ("session", Align::Left),
        ("when", Align::Right),
        ("from ms", Align::Right),
        ("to ms", Align::Right),
        ("outcome", Align::Left),
        ("statement", Align::Left),
    ]);
    let mut rows: Vec<(f64, Vec<Cell>)> = Vec::new();
    for session in &timeline.sessions {
        for span in &session.spans {
            rows.push((
                span.from_ms,
                vec![
                    Cell::code(&session.name),
                    Cell::plain(drawn(span, timeline.duration_ms)),
                    Cell::plain(figures::ms(span.from_ms)),
                    Cell::plain(figures::ms(span.to_ms)),
                    outcome(span),
                    Cell::code(&span.statement),
                ],
            ));
        }
    }
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    table.rows = rows.into_iter().map(|(_, row)| row).collect();
    table
}

/// How a statement ended, and whom it waited for.
fn outcome(span: &TimelineSpan) -> Cell {
    let text = if span.blocked_by.is_empty() {
        span.outcome.clone()
    } else {
        format!(
            "{}, waited for {}",
            span.outcome,
            span.blocked_by.join(", ")
        )
    };
    let tone = if span.outcome == "done" {
        Tone::Plain
    } else {
        Tone::Bad
    };
    Cell::toned(text, tone)
}

/// Whether the statement had to wait.
pub(crate) fn waits(span: &TimelineSpan) -> bool {
    span.kind == "wait" || span.kind == "savepoint"
}

/// The statement on the line of time; something that is there takes one character at least.
fn drawn(span: &TimelineSpan, duration_ms: f64) -> String {
    let mark = if waits(span) { '█' } else { '▬' };
    let (first, last) = (
        position(span.from_ms, duration_ms),
        position(span.to_ms, duration_ms),
    );
    (0..WIDTH)
        .map(|at| {
            if (first..=last).contains(&at) {
                mark
            } else {
                '·'
            }
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the width of the line"
)]
fn position(at_ms: f64, duration_ms: f64) -> usize {
    let share = if duration_ms > 0.0 {
        at_ms / duration_ms
    } else {
        0.0
    };
    let cells = (share * WIDTH as f64).clamp(0.0, WIDTH as f64 - 1.0);
    if cells.is_finite() { cells as usize } else { 0 }
}
