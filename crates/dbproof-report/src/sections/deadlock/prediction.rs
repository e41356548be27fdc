//! Deadlocks predicted from captured transactions, and what was not checked.

use dbproof_model::{
    DeadlockPrediction, GroupOrigin, PredictedLock, PredictedTransaction, PredictionCoverage,
};

use super::timeline;
use crate::document::{Align, Block, Cell, Table, Tone};
use crate::figures;

/// Of what was not checked, so much is listed; the rest is counted.
const MOST_LISTED: usize = 20;

/// What the prediction saw, what it could not do, and each of its deadlocks.
pub(super) fn push(
    blocks: &mut Vec<Block>,
    coverage: Option<&PredictionCoverage>,
    predictions: &[DeadlockPrediction],
) {
    if let Some(coverage) = coverage {
        push_coverage(blocks, coverage);
    }
    for prediction in predictions {
        push_prediction(blocks, prediction);
    }
}

fn push_coverage(blocks: &mut Vec<Block>, coverage: &PredictionCoverage) {
    let text = format!(
        "Predicted from {} of {}, of which {} run alone to read what {} lock: {} in contradicting orders, \
         {} confirmed by running it, {} without a deadlock in any order, {} not known; {} kept apart by a \
         guard.",
        figures::counted(coverage.transactions, "captured transaction"),
        figures::counted(coverage.classes, "kind"),
        figures::count(coverage.replayed),
        if coverage.replayed == 1 { "it" } else { "they" },
        figures::count(coverage.candidates),
        figures::count(coverage.confirmed),
        figures::count(coverage.refuted),
        figures::count(coverage.possible),
        figures::count(coverage.guarded),
    );
    blocks.push(Block::Line(vec![Cell::plain(text)]));
    for migration in &coverage.migrations {
        let all = migration.transactions;
        let (how, tone) = if migration.replayed == all {
            ("run alone from the schema before it", Tone::Plain)
        } else {
            ("not run to its end", Tone::Doubt)
        };
        blocks.push(Block::Item(vec![
            Cell::plain("migration "),
            Cell::code(&migration.file),
            Cell::plain(format!(": {}, ", figures::counted(all, "transaction"))),
            Cell::toned(how, tone),
        ]));
    }
    for note in &coverage.notes {
        blocks.push(Block::Item(vec![Cell::plain(note)]));
    }
    for sandbox in &coverage.sandboxes {
        let how = match sandbox.made_from.as_str() {
            "history" => format!(
                "made again by the {} that were captured, {} of which failed there",
                figures::counted(sandbox.statements, "statement"),
                figures::count(sandbox.failed)
            ),
            "clone" => "a copy of the database as it was in the end".to_owned(),
            "project" => {
                "a copy of one with the project's schema and rows, because it is not there any more"
                    .to_owned()
            }
            "none" => "none: its transactions were not run".to_owned(),
            other => other.to_owned(),
        };
        blocks.push(Block::Item(vec![
            Cell::plain("sandbox of "),
            Cell::code(&sandbox.database),
            Cell::plain(": "),
            Cell::plain(how),
        ]));
    }
    for missing in coverage.not_checked.iter().take(MOST_LISTED) {
        blocks.push(Block::Item(vec![
            Cell::toned("not checked", Tone::Doubt),
            Cell::plain(": "),
            Cell::code(&missing.what),
            Cell::plain(", "),
            Cell::plain(&missing.why),
        ]));
    }
    let others = coverage.not_checked.len().saturating_sub(MOST_LISTED);
    if others > 0 {
        let text = format!("not checked: {others} more");
        blocks.push(Block::Item(vec![Cell::toned(text, Tone::Doubt)]));
    }
}

fn push_prediction(blocks: &mut Vec<Block>, prediction: &DeadlockPrediction) {
    let tone = if prediction.verdict == "confirmed" {
        Tone::Bad
    } else {
        Tone::Doubt
    };
    blocks.push(Block::Heading(vec![
        Cell::toned(&prediction.verdict, tone),
        Cell::plain(": "),
        Cell::plain(prediction.transactions.join(" and ")),
    ]));
    blocks.push(Block::Item(vec![
        Cell::plain("lock against each other "),
        Cell::plain(prediction.objects.join(", ")),
    ]));
    if let Some(reason) = &prediction.reason {
        blocks.push(Block::Item(vec![
            Cell::toned("not confirmed: ", Tone::Doubt),
            Cell::plain(reason),
        ]));
    }
    for member in &prediction.members {
        blocks.push(Block::Item(told(member)));
    }
    if !prediction.members.is_empty() {
        blocks.push(Block::Table(schedule(&prediction.members)));
    }
    if let Some(line) = &prediction.timeline {
        let text = format!(
            "{} of {} ended in 40P01; this one took {} in all; █ waits, ▬ runs:",
            figures::count(prediction.deadlocks),
            figures::counted(prediction.orders_tried, "order"),
            figures::span(line.duration_ms)
        );
        blocks.push(Block::Line(vec![Cell::toned(text, Tone::Muted)]));
        blocks.push(Block::Table(timeline::table(line)));
    }
    blocks.push(Block::Item(vec![
        Cell::toned("remedy ", Tone::Good),
        Cell::plain(&prediction.remedy),
    ]));
    if let Some(sql) = &prediction.remedy_sql {
        blocks.push(Block::Sql(sql.clone()));
    }
}

/// Who holds what and asks for what.
fn told(member: &PredictedTransaction) -> Vec<Cell> {
    let seen = match (&member.migration, member.occurrences) {
        (Some(_), _) => " (the migration) holds ".to_owned(),
        (None, 1) => " (seen once) holds ".to_owned(),
        (None, times) => format!(" (seen {} times) holds ", figures::count(times)),
    };
    let mut cells = vec![Cell::code(&member.session), Cell::plain(seen)];
    push_lock(&mut cells, member, &member.holds);
    cells.push(Cell::plain(" and asks for "));
    push_lock(&mut cells, member, &member.asks);
    cells
}

/// A lock, the statement that takes it, and where in the application that stands.
fn push_lock(cells: &mut Vec<Cell>, member: &PredictedTransaction, lock: &PredictedLock) {
    cells.push(Cell::plain(format!("{} ({})", lock.object, lock.mode)));
    let Some(statement) = member.statements.get(index(lock)) else {
        return;
    };
    cells.extend([Cell::plain(" by "), Cell::code(&statement.statement)]);
    let from = statement.origin.as_ref().map_or_else(String::new, origin);
    if !from.is_empty() {
        cells.extend([Cell::plain(", "), Cell::code(from)]);
    }
}

/// Step by step: each up to the lock that it holds, then each on to the one that it asks for.
fn schedule(members: &[PredictedTransaction]) -> Table {
    let mut table = Table::new(&[
        ("step", Align::Right),
        ("transaction", Align::Left),
        ("statement", Align::Left),
        ("then", Align::Left),
        ("from", Align::Left),
    ]);
    let mut row = |member: &PredictedTransaction, at: usize, then: Cell| {
        let Some(statement) = member.statements.get(at) else {
            return;
        };
        let from = statement.origin.as_ref().map_or_else(String::new, place);
        table.rows.push(vec![
            Cell::plain((table.rows.len() + 1).to_string()),
            Cell::code(&member.session),
            Cell::code(&statement.statement),
            then,
            Cell::code(from),
        ]);
    };
    for member in members {
        for at in 0..=index(&member.holds) {
            let then = if at == index(&member.holds) {
                Cell::plain("holds its lock")
            } else {
                Cell::plain("")
            };
            row(member, at, then);
        }
    }
    for (nth, member) in members.iter().enumerate() {
        let (holds, asks) = (index(&member.holds), index(&member.asks));
        // One statement that locks several rows holds one of them and asks for the next.
        for at in (holds + 1).min(asks)..=asks {
            let then = if at == asks {
                let next = &members[(nth + 1) % members.len()];
                Cell::toned(format!("waits for {}", next.session), Tone::Bad)
            } else {
                Cell::plain("")
            };
            row(member, at, then);
        }
    }
    table
}

/// A record from elsewhere may hold any number.
fn index(lock: &PredictedLock) -> usize {
    usize::try_from(lock.statement).unwrap_or(0).min(10_000)
}

/// `bank/views.py:42`, or else the route.
fn place(origin: &GroupOrigin) -> String {
    match (&origin.file, origin.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => origin.route.clone().unwrap_or_default(),
    }
}

/// `bank/views.py:42 in transfer`, with the route and what serves it.
fn origin(origin: &GroupOrigin) -> String {
    let place = origin.file.as_ref().map(|_| place(origin));
    let function = origin.function.as_ref().map(|name| format!("in {name}"));
    let action = match (&origin.controller, &origin.action) {
        (Some(controller), Some(action)) => Some(format!("{controller}#{action}")),
        (controller, action) => controller.clone().or_else(|| action.clone()),
    };
    let parts = [place, function, origin.route.clone(), action];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}
