//! What each deadlock shape cost, one column a `deadlock_timeout`, with its line of time.

mod prediction;
mod storm;
pub(crate) mod timeline;

use dbproof_model::{DeadlockRecord, DeadlockShape, Durations};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;

pub(crate) fn section(record: &DeadlockRecord) -> Section {
    let mut blocks = Vec::new();
    let is_predicted = record.prediction.is_some() || !record.predictions.is_empty();
    if record.shapes.is_empty() && record.storms.is_empty() {
        if !is_predicted {
            blocks.push(Block::Line(vec![Cell::plain("No shape was run.")]));
        }
    } else if !record.shapes.is_empty() {
        let text = "Times in milliseconds, p50 [p95]. The count of deadlocks alone misleads: a \
                    shorter deadlock_timeout brings more of them and more throughput.";
        blocks.push(Block::Line(vec![Cell::toned(text, Tone::Muted)]));
    }
    for shapes in by_name(&record.shapes) {
        blocks.push(Block::Heading(vec![Cell::code(&shapes[0].name)]));
        if !shapes[0].summary.is_empty() {
            blocks.push(Block::Line(vec![Cell::toned(
                &shapes[0].summary,
                Tone::Muted,
            )]));
        }
        blocks.push(Block::Table(table(&shapes)));
        timeline::push(&mut blocks, &shapes);
        push_policies(&mut blocks, &shapes);
    }
    storm::push(&mut blocks, &record.storms);
    prediction::push(&mut blocks, record.prediction.as_ref(), &record.predictions);
    Section {
        title: "deadlock",
        verdict: Some(record.verdict),
        blocks,
    }
}

/// The runs of a shape side by side, in the order of the record.
pub(crate) fn by_name(shapes: &[DeadlockShape]) -> Vec<Vec<&DeadlockShape>> {
    let mut groups: Vec<Vec<&DeadlockShape>> = Vec::new();
    for shape in shapes {
        match groups.iter_mut().find(|group| group[0].name == shape.name) {
            Some(group) => group.push(shape),
            None => groups.push(vec![shape]),
        }
    }
    groups
}

type Figure = fn(&DeadlockShape) -> String;

const FIGURES: [(&str, Figure); 16] = [
    ("deadlocks / runs", |s| {
        format!(
            "{} / {}",
            figures::count(s.deadlocks),
            figures::count(s.runs)
        )
    }),
    ("server's own count", |s| maybe(s.server_deadlocks)),
    ("victim", |s| victims(s)),
    ("detect", |s| duration(&s.detect_ms)),
    ("abort", |s| duration(&s.abort_ms)),
    ("release", |s| duration(&s.release_ms)),
    ("recover", |s| duration(&s.recover_ms)),
    ("outage", |s| duration(&s.outage_ms)),
    ("wasted work", |s| duration(&s.wasted_work_ms)),
    ("attempts", |s| attempts(&s.attempts)),
    ("WAL", |s| {
        s.wal_bytes
            .map_or(figures::ABSENT.to_owned(), figures::bytes)
    }),
    ("bystander baseline p95", |s| {
        figures::ms_or_absent(s.bystanders.baseline_ms.p95)
    }),
    ("bystander same table p95", |s| {
        figures::ms_or_absent(s.bystanders.same_table_ms.p95)
    }),
    ("commits a second", |s| {
        figures::number(s.throughput_per_second)
    }),
    ("control: deadlocks", |s| {
        s.control
            .as_ref()
            .map_or(figures::ABSENT.to_owned(), |control| {
                format!(
                    "{} / {}",
                    figures::count(control.deadlocks),
                    figures::count(control.runs)
                )
            })
    }),
    ("control: commits a second", |s| {
        let control = s.control.as_ref();
        control.map_or(figures::ABSENT.to_owned(), |c| {
            figures::number(c.throughput_per_second)
        })
    }),
];

/// Figures of which a row is drawn only where there is one.
const FURTHER: [(&str, Figure); 15] = [
    ("ended as expected", |s| {
        s.as_expected.map_or(figures::ABSENT.to_owned(), |runs| {
            format!(
                "{}: {} / {}",
                s.expected.as_str(),
                figures::count(runs),
                figures::count(s.runs)
            )
        })
    }),
    ("victim as the rule names it", |s| {
        let victims: u64 = s.victims.iter().map(|victim| victim.runs).sum();
        match s.victims_as_predicted {
            Some(runs) if victims > 0 => {
                format!("{} / {}", figures::count(runs), figures::count(victims))
            }
            _ => figures::ABSENT.to_owned(),
        }
    }),
    ("victim waited", |s| duration(&s.victim_wait_ms)),
    ("everyone kept for", |s| duration(&s.stalled_ms)),
    ("WAL for nothing, an attempt", |s| {
        s.wasted_wal_bytes
            .map_or(figures::ABSENT.to_owned(), figures::bytes)
    }),
    ("dead tuples, an attempt", |s| maybe(s.wasted_dead_tuples)),
    ("survivor on before ROLLBACK", |s| {
        let word = |released| if released { "yes" } else { "no" };
        let released = s.released_before_rollback.map(word);
        released.unwrap_or(figures::ABSENT).to_owned()
    }),
    ("retries from savepoint: through", |s| {
        s.savepoint.map_or(figures::ABSENT.to_owned(), |savepoint| {
            format!(
                "{} / {}",
                figures::count(savepoint.rescued),
                figures::count(savepoint.tried)
            )
        })
    }),
    ("uninvolved: added to p95", |s| {
        added(s.bystanders.excess.uninvolved_p95_ms)
    }),
    ("same table: added to p95", |s| {
        added(s.bystanders.excess.same_table_p95_ms)
    }),
    ("queued on the cycle: added to p50", |s| {
        added(s.bystanders.excess.queued_p50_ms)
    }),
    ("queued on the cycle: added to p95", |s| {
        added(s.bystanders.excess.queued_p95_ms)
    }),
    ("control: all committed", |s| {
        s.control
            .as_ref()
            .filter(|_| s.as_expected.is_some())
            .map_or(figures::ABSENT.to_owned(), |c| {
                duration(&c.both_committed_ms)
            })
    }),
    ("mended: deadlocks", |s| {
        s.mended
            .as_ref()
            .map_or(figures::ABSENT.to_owned(), |mended| {
                format!(
                    "{} / {}",
                    figures::count(mended.deadlocks),
                    figures::count(mended.runs)
                )
            })
    }),
    ("mended: all committed", |s| {
        let mended = s.mended.as_ref();
        mended.map_or(figures::ABSENT.to_owned(), |c| {
            duration(&c.both_committed_ms)
        })
    }),
];

/// A difference, with its sign.
fn added(milliseconds: Option<f64>) -> String {
    match milliseconds {
        Some(value) if value >= 0.0 => format!("+{}", figures::ms(value)),
        Some(value) => format!("−{}", figures::ms(-value)),
        None => figures::ABSENT.to_owned(),
    }
}

/// What each way to try again cost, where they were compared.
fn push_policies(blocks: &mut Vec<Block>, shapes: &[&DeadlockShape]) {
    for shape in shapes {
        if shape.policies.is_empty() {
            continue;
        }
        let mut table = Table::new(&[
            ("trying again", Align::Left),
            ("deadlocks / runs", Align::Right),
            ("work lost", Align::Right),
            ("attempts", Align::Right),
            ("all over after", Align::Right),
        ]);
        for policy in &shape.policies {
            table.rows.push(vec![
                Cell::plain(&policy.policy),
                Cell::plain(format!(
                    "{} / {}",
                    figures::count(policy.deadlocks),
                    figures::count(policy.runs)
                )),
                Cell::plain(figures::count(policy.lost)),
                Cell::plain(attempts(&policy.attempts)),
                Cell::plain(duration(&policy.outage_ms)),
            ]);
        }
        blocks.push(Block::Line(vec![Cell::toned(
            format!(
                "Ways to try again at {}:",
                figures::span(shape.deadlock_timeout_ms)
            ),
            Tone::Muted,
        )]));
        blocks.push(Block::Table(table));
    }
}

fn table(shapes: &[&DeadlockShape]) -> Table {
    let mut table = Table::new(&[("deadlock_timeout", Align::Left)]);
    let timeouts = shapes
        .iter()
        .map(|s| (figures::span(s.deadlock_timeout_ms), Align::Right));
    table.columns.extend(timeouts);
    for (title, figure) in FIGURES {
        let mut row = vec![Cell::plain(title)];
        row.extend(shapes.iter().map(|shape| Cell::plain(figure(shape))));
        table.rows.push(row);
    }
    for (title, figure) in FURTHER {
        let figures_of: Vec<String> = shapes.iter().map(|shape| figure(shape)).collect();
        if figures_of.iter().any(|figure| figure != figures::ABSENT) {
            let mut row = vec![Cell::plain(title)];
            row.extend(figures_of.iter().map(Cell::plain));
            table.rows.push(row);
        }
    }
    table
}

fn duration(d: &Durations) -> String {
    match (d.p50, d.p95) {
        (Some(p50), Some(p95)) => format!("{} [{}]", figures::ms(p50), figures::ms(p95)),
        (p50, _) => figures::ms_or_absent(p50),
    }
}

/// A count, unlike the other figures.
fn attempts(d: &Durations) -> String {
    match (d.p50, d.p95) {
        (Some(p50), Some(p95)) => format!("{} [{}]", figures::number(p50), figures::number(p95)),
        (p50, _) => p50.map_or(figures::ABSENT.to_owned(), figures::number),
    }
}

fn victims(shape: &DeadlockShape) -> String {
    let Some(victim) = &shape.victim else {
        return figures::ABSENT.to_owned();
    };
    match shape.victims.iter().find(|v| &v.session == victim) {
        Some(v) => format!("{victim} {}×", figures::count(v.runs)),
        None => victim.clone(),
    }
}

fn maybe(value: Option<u64>) -> String {
    value.map_or(figures::ABSENT.to_owned(), figures::count)
}
