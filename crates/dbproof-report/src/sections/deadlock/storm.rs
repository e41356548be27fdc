//! Many clients on few rows, in one order and in any.

use dbproof_model::DeadlockStorm;

use crate::document::{Align, Block, Cell, Table, Tone};
use crate::figures;

type Figure = fn(&DeadlockStorm) -> String;

const FIGURES: [(&str, Figure); 7] = [
    ("commits/s", |s| figures::number(s.throughput_per_second)),
    ("deadlocks", deadlocks),
    ("a second", |s| figures::number(s.deadlocks_per_second)),
    ("p50", |s| figures::ms_or_absent(s.transaction_ms.p50)),
    ("p99", |s| figures::ms_or_absent(s.transaction_ms.p99)),
    ("aside p95", |s| figures::ms_or_absent(s.bystander_ms.p95)),
    ("aside p99", |s| figures::ms_or_absent(s.bystander_ms.p99)),
];

/// What the clients saw, and beside it what the server counted where that differs.
fn deadlocks(storm: &DeadlockStorm) -> String {
    let seen = figures::count(storm.deadlocks);
    match storm.server_deadlocks {
        Some(counted) if counted != storm.deadlocks => {
            format!("{seen}, counted {}", figures::count(counted))
        }
        _ => seen,
    }
}

/// A row for each order at each timeout.
pub(super) fn push(blocks: &mut Vec<Block>, storms: &[DeadlockStorm]) {
    let Some(first) = storms.first() else { return };
    blocks.push(Block::Heading(vec![Cell::code("storm")]));
    let baseline = &first.bystander_baseline_ms;
    let text = format!(
        "{} on {}, {} a transaction, {} for each row of this table. p50 and p99 of a transaction with \
         its retries; aside is a session in the same table on other rows, from the intended start \
         (before the storm p95 {}, p99 {}); milliseconds.",
        figures::counted(first.clients, "client"),
        figures::counted(first.hot_rows, "hot row"),
        figures::counted(first.rows_per_transaction, "row"),
        figures::span(first.duration_ms),
        figures::ms_or_absent(baseline.p95),
        figures::ms_or_absent(baseline.p99),
    );
    blocks.push(Block::Line(vec![Cell::toned(text, Tone::Muted)]));
    let mut table = Table::new(&[("order", Align::Right)]);
    let titles = FIGURES
        .iter()
        .map(|(title, _)| ((*title).to_owned(), Align::Right));
    table.columns.extend(titles);
    for storm in storms {
        let name = format!(
            "{}, {}",
            storm.order,
            figures::span(storm.deadlock_timeout_ms)
        );
        let mut row = vec![Cell::plain(name)];
        row.extend(FIGURES.iter().map(|(_, figure)| Cell::plain(figure(storm))));
        table.rows.push(row);
    }
    blocks.push(Block::Table(table));
}
