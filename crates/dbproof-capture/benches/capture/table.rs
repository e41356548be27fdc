//! The tables, in Markdown.

use crate::rivals::Run;
use crate::{Cell, Side};

/// Prints throughput and processor time of every cell, with the ratios to `PgBouncer`.
pub(crate) fn print(sides: &[Side], cells: &[Cell], outcomes: &[Vec<Vec<Run>>]) {
    println!("Transactions a second, and as a ratio to PgBouncer's:\n");
    let throughput = |run: &Run| run.per_second;
    one(sides, cells, outcomes, throughput, 0);
    println!(
        "\nProcessor time of the proxy for each round trip, in µs, and as a ratio to PgBouncer's:\n"
    );
    let proxies = |side: &Side| *side != Side::Direct;
    let kept: Vec<Side> = sides.iter().copied().filter(proxies).collect();
    let outcomes: Vec<Vec<Vec<Run>>> = outcomes
        .iter()
        .map(|rounds| rounds.iter().map(|runs| only(sides, &kept, runs)).collect())
        .collect();
    one(&kept, cells, &outcomes, |run| run.cpu_us, 1);
}

fn only(sides: &[Side], kept: &[Side], runs: &[Run]) -> Vec<Run> {
    let with_sides = sides.iter().zip(runs);
    let wanted = with_sides.filter(|(side, _)| kept.contains(side));
    wanted.map(|(_, run)| *run).collect()
}

fn one(
    sides: &[Side],
    cells: &[Cell],
    outcomes: &[Vec<Vec<Run>>],
    value: impl Fn(&Run) -> f64,
    digits: usize,
) {
    let base = sides.iter().position(|side| *side == Side::PgBouncer);
    let compared: Vec<usize> = (0..sides.len())
        .filter(|side| base.is_some() && Some(*side) != base)
        .collect();
    let mut head = vec![
        "machine".to_owned(),
        "protocol".to_owned(),
        "clients".to_owned(),
    ];
    head.extend(sides.iter().map(|side| side.name().to_owned()));
    head.extend(
        compared
            .iter()
            .map(|side| format!("{} / pgbouncer", sides[*side].name())),
    );
    println!("| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for (cell, rounds) in cells.iter().zip(outcomes) {
        let mut row = vec![
            cell.machine.name().to_owned(),
            cell.protocol.to_owned(),
            cell.clients.to_string(),
        ];
        for side in 0..sides.len() {
            let figure = median(rounds.iter().map(|runs| value(&runs[side])).collect());
            row.push(format!("{figure:.digits$}"));
        }
        for side in &compared {
            let base = base.expect("compared with it");
            let ratios = rounds
                .iter()
                .map(|runs| value(&runs[*side]) / value(&runs[base]));
            row.push(format!("{:.3}", median(ratios.collect())));
        }
        println!("| {} |", row.join(" | "));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}
