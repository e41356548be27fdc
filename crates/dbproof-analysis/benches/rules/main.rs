//! Every rule for "did it become slower" on the same recorded samples: false alarms and power, side
//! by side. Not part of the tests: `make bench-rules`.

#[path = "../../tests/it/noise.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod noise;
#[path = "../../tests/it/procedure.rs"]
mod procedure;
mod rules;

use dbproof_analysis::comparison::Outcome;
use noise::{Comparison, Session};

/// Sessions that a rule of 200 pairs takes.
const BLOCK: usize = 10;

fn main() {
    let long = noise::in_one_session();
    let sessions = noise::in_sessions();
    let blocks: Vec<Comparison> = sessions.iter().flat_map(in_blocks).collect();
    let sessions: Vec<Comparison> = sessions.iter().flat_map(procedure::rotations).collect();
    false_alarms(&long, &blocks, &sessions);
    power(&blocks, &sessions);
}

fn false_alarms(long: &[Comparison], blocks: &[Comparison], sessions: &[Comparison]) {
    println!("False alarms on identical sides, in either direction; pinned / not pinned:\n");
    header(&[
        "one side after the other",
        "200 pairs, one connection a side",
        "10 × 20 pairs, fresh connections",
    ]);
    let alarms = |corpus: &[Comparison], outcome: &dyn Fn(&Comparison) -> Outcome| {
        [true, false]
            .map(|pinned| share(corpus, pinned, false, |c| is_decided(outcome(c))))
            .join(" / ")
    };
    for rule in rules::ALL {
        let interleaved = |c: &Comparison| (rule.judge)(&c.sessions);
        let serial = |c: &Comparison| (rule.judge)(&one_after_the_other(&c.sessions));
        println!(
            "| {} | {} | {} | {} |",
            rule.name,
            alarms(long, &serial),
            alarms(long, &interleaved),
            alarms(blocks, &interleaved)
        );
    }
    let procedure = |c: &Comparison| procedure::outcome(&c.sessions);
    println!("| **dbproof** | | | {} |", alarms(sessions, &procedure));
}

fn header(columns: &[&str]) {
    println!("| rule | {} |", columns.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
}

fn is_decided(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Slower | Outcome::Faster)
}

/// As if the sides had not been interleaved: before is the first half of the session, after the
/// second.
fn one_after_the_other(sessions: &[Session]) -> Vec<Session> {
    sessions
        .iter()
        .map(|pairs| {
            let half = pairs.len() / 2;
            let (first, second) = pairs.split_at(half);
            first.iter().zip(second).map(|(a, b)| (a.0, b.1)).collect()
        })
        .collect()
}

fn in_blocks(comparison: &Comparison) -> Vec<Comparison> {
    comparison
        .sessions
        .chunks_exact(BLOCK)
        .map(|sessions| Comparison {
            sessions: sessions.to_vec(),
            ..comparison.clone()
        })
        .collect()
}

/// `n of m` of the comparisons; `long_enough` leaves out those whose effects dbproof ignores, since
/// less than 50 µs is no difference to it.
fn share(
    corpus: &[Comparison],
    pinned: bool,
    long_enough: bool,
    is: impl Fn(&Comparison) -> bool,
) -> String {
    let chosen: Vec<&Comparison> = corpus
        .iter()
        .filter(|comparison| comparison.pinned == pinned)
        .filter(|comparison| !long_enough || comparison.query != "lookup")
        .collect();
    let count = chosen.iter().filter(|comparison| is(comparison)).count();
    format!("{count} of {}", chosen.len())
}

fn power(blocks: &[Comparison], sessions: &[Comparison]) {
    for pinned in [true, false] {
        let how = if pinned { "pinned" } else { "not pinned" };
        println!(
            "\nFound of a true effect ({how}), wrong direction in brackets where there is any:\n"
        );
        header(&[
            "+10 %",
            "+15 %",
            "+20 %",
            "+10 % added",
            "+15 % added",
            "+20 % added",
        ]);
        let row = |corpus: &[Comparison], outcome: &dyn Fn(&Comparison) -> Outcome| -> String {
            let cell = |change: &dyn Fn(&Comparison) -> Comparison| {
                let count = |wanted: Outcome| {
                    share(corpus, pinned, true, |c| outcome(&change(c)) == wanted)
                };
                let wrong = count(Outcome::Faster);
                if wrong.starts_with("0 ") {
                    count(Outcome::Slower)
                } else {
                    format!("{} ({wrong})", count(Outcome::Slower))
                }
            };
            let effects = [0.10, 0.15, 0.20];
            let multiplied = effects.map(|effect| cell(&|c| c.multiplied(effect)));
            let added = effects.map(|effect| cell(&|c| c.added(effect)));
            [multiplied, added].concat().join(" | ")
        };
        for rule in rules::ALL {
            let cells = row(blocks, &|c| (rule.judge)(&c.sessions));
            println!("| {} | {cells} |", rule.name);
        }
        let cells = row(sessions, &|c| procedure::outcome(&c.sessions));
        println!("| **dbproof** | {cells} |");
    }
}
