//! Pages looped and batched, and the statements that repeat.

use dbproof_model::{
    GroupOrigin, GroupVerdict, NPlusOneGroup, NPlusOneRecord, PageMeasurement, ProjectedSaving,
    ProofOutcome, RemedyProof,
};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;

pub(crate) fn section(record: &NPlusOneRecord) -> Section {
    let mut blocks = vec![Block::Line(vec![Cell::plain(capture(record))])];
    if !record.complete {
        let text = "The capture is incomplete: what repeats may have been missed.";
        blocks.push(Block::Line(vec![Cell::toned(text, Tone::Doubt)]));
    }
    let reasons = record.reasons.iter();
    blocks.extend(reasons.map(|reason| Block::Item(vec![Cell::plain(reason)])));
    if !record.pages.is_empty() {
        blocks.push(Block::Table(pages(&record.pages)));
    }
    for group in &record.groups {
        push_group(&mut blocks, group);
    }
    if record.groups.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain("No statement repeats.")]));
    }
    Section {
        title: "nplusone",
        verdict: Some(record.verdict),
        blocks,
    }
}

fn capture(record: &NPlusOneRecord) -> String {
    let dropped = match record.dropped {
        0 => String::new(),
        n => format!(", {} lost", figures::counted(n, "event")),
    };
    format!(
        "Captured {} of {}{dropped}.",
        figures::counted(record.executions, "statement"),
        figures::counted(record.sessions, "session"),
    )
}

/// How much a group matters, by what it is.
pub(crate) fn tone(verdict: GroupVerdict) -> Tone {
    match verdict {
        GroupVerdict::Proven => Tone::Bad,
        GroupVerdict::Likely | GroupVerdict::Duplicate | GroupVerdict::WriteLoop => Tone::Doubt,
        GroupVerdict::Chain => Tone::Muted,
    }
}

/// One row a page and version. The distances of all pages are columns, since each page may have
/// been projected to others.
fn pages(pages: &[PageMeasurement]) -> Table {
    let mut distances: Vec<f64> = Vec::new();
    for projected in pages.iter().flat_map(|page| &page.projected) {
        if !distances.contains(&projected.round_trip_ms) {
            distances.push(projected.round_trip_ms);
        }
    }
    let mut table = Table::new(&[
        ("page", Align::Left),
        ("version", Align::Left),
        ("statements", Align::Right),
        ("trips", Align::Right),
        ("wall ms", Align::Right),
    ]);
    let titles = distances
        .iter()
        .map(|d| (format!("at {d} ms"), Align::Right));
    table.columns.extend(titles);
    for page in pages {
        let mut row = vec![
            Cell::code(&page.page),
            Cell::plain(&page.version),
            Cell::plain(figures::count(page.statements)),
            Cell::plain(figures::count(page.round_trips)),
            Cell::plain(figures::ms(page.wall_ms)),
        ];
        row.extend(distances.iter().map(|distance| {
            let projected = page.projected.iter().find(|p| p.round_trip_ms.eq(distance));
            Cell::plain(figures::ms_or_absent(projected.map(|p| p.wall_ms)))
        }));
        table.rows.push(row);
    }
    table
}

fn push_group(blocks: &mut Vec<Block>, group: &NPlusOneGroup) {
    let tone = match group.ignored {
        Some(_) => Tone::Muted,
        None => tone(group.verdict),
    };
    blocks.push(Block::Heading(vec![
        Cell::toned(group.verdict.as_str(), tone),
        Cell::plain(format!(
            ": {} with {} in {}",
            figures::counted(group.executions, "execution"),
            figures::counted(group.distinct_values, "distinct value"),
            figures::counted(group.sessions, "session"),
        )),
    ]));
    if let Some(parent) = &group.parent {
        let source = format!("{} → ", figures::counted(parent.rows, "row"));
        blocks.push(Block::Item(vec![
            Cell::plain("parent "),
            Cell::code(&parent.template),
            Cell::plain(" → "),
            Cell::plain(source),
            Cell::code(&parent.column),
        ]));
    }
    blocks.push(Block::Item(vec![
        Cell::plain("repeats "),
        Cell::code(&group.template),
        Cell::plain(format!(" × {}", figures::count(group.executions))),
    ]));
    if !group.units.is_empty() {
        blocks.push(Block::Item(vec![
            Cell::plain("in "),
            Cell::plain(group.units.join(", ")),
        ]));
    }
    blocks.extend(group.origins.iter().map(origin));
    if let Some(reason) = &group.ignored {
        blocks.push(Block::Item(vec![
            Cell::toned("ignored ", Tone::Muted),
            Cell::plain(reason),
        ]));
    }
    if let Some(cost) = &group.cost {
        let looped = format!("looped {}", figures::ms_with_unit(cost.looped_ms));
        let text = match cost.batched_ms {
            None => looped,
            batched => format!("{looped}, batched {}", figures::ms_with_unit(batched)),
        };
        blocks.push(Block::Item(vec![Cell::plain(text)]));
    }
    blocks.extend(savings(&group.savings));
    blocks.extend(group.proof.as_ref().map(proof));
    blocks.push(Block::Item(vec![
        Cell::toned("remedy ", Tone::Good),
        Cell::plain(&group.remedy),
    ]));
    if let Some(sql) = &group.remedy_sql {
        blocks.push(Block::Sql(sql.clone()));
    }
}

/// `from app/views.py:12 index, route /orders (20 executions)`
fn origin(origin: &GroupOrigin) -> Block {
    let line = |file: &String| match origin.line {
        Some(line) => format!("{file}:{line}"),
        None => file.clone(),
    };
    let named = [
        ("function", &origin.function),
        ("route", &origin.route),
        ("controller", &origin.controller),
        ("action", &origin.action),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    let parts: Vec<String> = origin.file.iter().map(line).chain(named).collect();
    Block::Item(vec![
        Cell::plain("from "),
        Cell::plain(parts.join(", ")),
        Cell::toned(
            format!(" ({})", figures::counted(origin.executions, "execution")),
            Tone::Muted,
        ),
    ])
}

/// `one statement would save 4.1 ms, 54 ms at 0.5 ms a round trip`
fn savings(all: &[ProjectedSaving]) -> Option<Block> {
    let saving = |saving: &ProjectedSaving| {
        let ms = figures::ms(saving.saved_ms);
        if saving.round_trip_ms > 0.0 {
            format!(
                "{ms} ms at {} ms a round trip",
                figures::chosen(saving.round_trip_ms)
            )
        } else {
            format!("{ms} ms as measured")
        }
    };
    let savings: Vec<String> = all.iter().map(saving).collect();
    (!savings.is_empty()).then(|| {
        Block::Item(vec![Cell::plain(format!(
            "one statement would save {}",
            savings.join(", ")
        ))])
    })
}

/// What came of running both: `same rows: 20 statements, 57 rows`. The times are the group's cost.
fn proof(proof: &RemedyProof) -> Block {
    let (words, tone) = match proof.outcome {
        ProofOutcome::Agrees => ("same rows", Tone::Good),
        ProofOutcome::Differs => ("other rows", Tone::Bad),
        ProofOutcome::NotProven => ("not proven", Tone::Doubt),
    };
    let mut text = format!(
        ": {}, {}",
        figures::counted(proof.statements, "statement"),
        figures::counted(proof.rows, "row")
    );
    if let Some(reason) = &proof.reason {
        text = format!("{text}; {reason}");
    }
    Block::Item(vec![
        Cell::plain("loop and remedy: "),
        Cell::toned(words, tone),
        Cell::plain(text),
    ])
}
