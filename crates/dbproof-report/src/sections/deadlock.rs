//! What each deadlock shape cost, one column a `deadlock_timeout`.

use dbproof_model::{DeadlockPrediction, DeadlockRecord, DeadlockShape, Durations};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;

pub(crate) fn section(record: &DeadlockRecord) -> Section {
    let mut blocks = Vec::new();
    if record.shapes.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain("No shape was run.")]));
    } else {
        let text = "Times in milliseconds, p50 [p95]. The count of deadlocks alone misleads: a \
                    shorter deadlock_timeout brings more of them and more throughput.";
        blocks.push(Block::Line(vec![Cell::toned(text, Tone::Muted)]));
    }
    for shapes in by_name(&record.shapes) {
        blocks.push(Block::Heading(vec![Cell::code(&shapes[0].name)]));
        blocks.push(Block::Table(table(&shapes)));
    }
    for prediction in &record.predictions {
        push_prediction(&mut blocks, prediction);
    }
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
    blocks.push(Block::Item(vec![
        Cell::toned("remedy ", Tone::Good),
        Cell::plain(&prediction.remedy),
    ]));
}
