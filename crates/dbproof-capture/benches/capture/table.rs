//! The tables, in Markdown.

use crate::rivals::Run;
use crate::{Outcomes, Side};

/// Prints throughput and processor time of every cell, with the ratios to `PgBouncer`.
pub(crate) fn print(sides: &[Side], outcomes: &Outcomes) {
    let all: Vec<usize> = (0..sides.len()).collect();
    let proxies = all
        .iter()
        .copied()
        .filter(|side| sides[*side] != Side::Direct);
    let proxies: Vec<usize> = proxies.collect();
    println!("Transactions a second, and as a ratio to PgBouncer's:\n");
    one(sides, &all, outcomes, |run| run.per_second, 0);
    println!(
        "\nProcessor time of the proxy for each round trip, in µs, and as a ratio to PgBouncer's:\n"
    );
    one(sides, &proxies, outcomes, |run| run.cpu_us, 1);
}

fn one(
    sides: &[Side],
    shown: &[usize],
    outcomes: &Outcomes,
    value: impl Fn(&Run) -> f64,
    digits: usize,
) {
    let base = sides.iter().position(|side| *side == Side::PgBouncer);
    let compared: Vec<(usize, usize)> = match base {
        Some(base) => {
            let others = shown.iter().filter(|side| **side != base);
            others.map(|side| (*side, base)).collect()
        }
        None => Vec::new(),
    };
    let mut head = ["machine", "protocol", "clients"]
        .map(str::to_owned)
        .to_vec();
    head.extend(shown.iter().map(|side| sides[*side].name().to_owned()));
    let ratio = |(side, _): &(usize, usize)| format!("{} / pgbouncer", sides[*side].name());
    head.extend(compared.iter().map(ratio));
    println!("| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for (cell, rounds) in outcomes {
        let (machine, protocol) = (cell.machine.name(), cell.protocol);
        let mut row = vec![
            machine.to_owned(),
            protocol.to_owned(),
            cell.clients.to_string(),
        ];
        for side in shown {
            let figure = median(rounds.iter().map(|runs| value(&runs[*side])).collect());
            row.push(format!("{figure:.digits$}"));
        }
        for (side, base) in &compared {
            let ratios = rounds
                .iter()
                .map(|runs| value(&runs[*side]) / value(&runs[*base]));
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
