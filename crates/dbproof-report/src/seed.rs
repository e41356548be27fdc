//! What `dbproof seed` did: [`terminal()`] and [`json()`].

use dbproof_model::{CheckOutcome, SEED_SCHEMA, SeedCheck, SeedRecord, SeedTable};
use serde_json::{Value, json};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;
use crate::formats::Format;
use crate::json::RecordError;
use crate::terminal::{Page, Style};

/// Text for a terminal.
pub(crate) const TERMINAL: Format<SeedRecord> =
    Format::new("terminal", "report.txt", |record, setting| {
        terminal(record, &setting.style)
    });

/// The record itself.
pub(crate) const JSON: Format<SeedRecord> =
    Format::new("json", "report.json", |record, _| json(record));

/// The record as text for a terminal.
#[must_use]
pub fn terminal(record: &SeedRecord, style: &Style) -> String {
    let mut page = Page::new(style);
    page.section(&Section {
        title: "rows",
        verdict: None,
        blocks: vec![Block::Table(tables(&record.tables))],
    });
    page.section(&Section {
        title: "planner's statistics against data/*.toml",
        verdict: Some(record.verdict),
        blocks: checks(&record.checks),
    });
    page.rule();
    page.sentence("", "  ", &summary(record));
    page.sentence("", "  ", &database(record));
    page.finish()
}

/// The record as indented JSON, with a newline at its end.
///
/// # Panics
///
/// Never: a record has string keys alone.
#[must_use]
pub fn json(record: &SeedRecord) -> String {
    let mut text = serde_json::to_string_pretty(record).expect("a record has string keys alone");
    text.push('\n');
    text
}

/// Reads a seed's record back; nothing where the text is no such record at all.
///
/// # Errors
///
/// Fails where the text says that it is one and lacks fields.
#[must_use]
pub fn parse(text: &str) -> Option<Result<SeedRecord, RecordError>> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("schema").and_then(Value::as_str) != Some(SEED_SCHEMA) {
        return None;
    }
    let read = serde_json::from_str(text);
    Some(read.map_err(|error| RecordError::shape(SEED_SCHEMA, &error)))
}

/// The JSON Schema (draft 2020-12) of a seed record, generated from the types.
#[must_use]
pub fn schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<SeedRecord>().to_value();
    schema["title"] = json!("dbproof seed record");
    schema["properties"]["schema"]["const"] = json!(SEED_SCHEMA);
    schema
}

fn tables(tables: &[SeedTable]) -> Table {
    let mut drawn = Table::new(&[
        ("table", Align::Left),
        ("rows", Align::Right),
        ("seconds", Align::Right),
        ("rows/s", Align::Right),
    ]);
    for table in tables {
        let seconds = table.duration_ms / 1000.0;
        let speed = if seconds > 0.0 {
            figures::number((table.rows as f64 / seconds).round())
        } else {
            figures::ABSENT.to_owned()
        };
        drawn.rows.push(vec![
            Cell::plain(&table.table),
            Cell::plain(figures::count(table.rows)),
            Cell::plain(figures::number(seconds)),
            Cell::plain(speed),
        ]);
    }
    drawn
}

/// A table of figures for each table of the database, and then what the figures do not tell.
fn checks(checks: &[SeedCheck]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut names: Vec<&str> = checks.iter().map(|check| check.table.as_str()).collect();
    names.dedup();
    for name in names {
        let of_table = checks.iter().filter(|check| check.table == name);
        blocks.push(Block::Heading(vec![Cell::plain(name)]));
        blocks.push(Block::Table(figures_of(of_table)));
    }
    let without_nulls = checks.iter().filter(|check| has_no_nulls(check)).count() as u64;
    if without_nulls > 0 {
        let line = format!(
            "{} without NULLs, as asked",
            figures::counted(without_nulls, "column")
        );
        blocks.push(Block::Heading(vec![Cell::plain(line)]));
    }
    for check in checks {
        if let (CheckOutcome::Differs, Some(reason)) = (check.outcome, &check.reason) {
            let line = format!("{} {}: {reason}", subject(check), check.statistic);
            blocks.push(Block::Item(vec![Cell::toned(line, Tone::Bad)]));
        }
    }
    blocks.extend(unchecked(checks));
    blocks
}

/// One line for all of them says as much.
fn has_no_nulls(check: &SeedCheck) -> bool {
    let none = check.asked == Some(0.0) && check.outcome == CheckOutcome::Ok;
    none && check.statistic == "nulls"
}

fn figures_of<'c>(checks: impl Iterator<Item = &'c SeedCheck>) -> Table {
    let mut drawn = Table::new(&[
        ("column", Align::Left),
        ("statistic", Align::Left),
        ("asked", Align::Right),
        ("allowed", Align::Right),
        ("found", Align::Right),
        ("", Align::Left),
    ]);
    for check in checks {
        if check.outcome == CheckOutcome::NotChecked || has_no_nulls(check) {
            continue;
        }
        let allowed = match (check.low, check.high) {
            (Some(low), Some(high)) if low >= high => figures::number(low),
            (Some(low), Some(high)) => {
                format!("{} to {}", figures::number(low), figures::number(high))
            }
            _ => figures::ABSENT.to_owned(),
        };
        let figure = |value: Option<f64>| {
            Cell::plain(value.map_or_else(|| figures::ABSENT.to_owned(), figures::number))
        };
        drawn.rows.push(vec![
            Cell::plain(&check.column),
            Cell::plain(&check.statistic),
            figure(check.asked),
            Cell::plain(allowed),
            figure(check.found),
            Cell::toned(check.outcome.as_str(), tone(check.outcome)),
        ]);
    }
    drawn
}

/// What was not checked, gathered by its reason.
fn unchecked(checks: &[SeedCheck]) -> Vec<Block> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for check in checks {
        if check.outcome != CheckOutcome::NotChecked {
            continue;
        }
        let reason = check.reason.as_deref().unwrap_or_default();
        let what = format!("{} {}", subject(check), check.statistic);
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, subjects)) => subjects.push(what),
            None => reasons.push((reason, vec![what])),
        }
    }
    let line = |(reason, subjects): (&str, Vec<String>)| {
        let head = Cell::toned(format!("not checked, because {reason}: "), Tone::Doubt);
        Block::Item(vec![head, Cell::toned(subjects.join(", "), Tone::Muted)])
    };
    reasons.into_iter().map(line).collect()
}

fn subject(check: &SeedCheck) -> String {
    if check.column.is_empty() {
        check.table.clone()
    } else {
        format!("{}.{}", check.table, check.column)
    }
}

fn tone(outcome: CheckOutcome) -> Tone {
    match outcome {
        CheckOutcome::Ok => Tone::Good,
        CheckOutcome::Differs => Tone::Bad,
        CheckOutcome::NotChecked => Tone::Doubt,
    }
}

fn summary(record: &SeedRecord) -> Vec<Cell> {
    let rows = record.tables.iter().map(|table| table.rows).sum();
    let count = |outcome| {
        let found = record
            .checks
            .iter()
            .filter(|check| check.outcome == outcome);
        figures::count(found.count() as u64)
    };
    vec![
        Cell::plain("Seed: "),
        Cell::toned(record.verdict.as_str(), record.verdict),
        Cell::plain(format!(
            " — {} in {}; statistics: {} ok, {} differ, {} not checked; seed {}, scale {}",
            figures::counted(rows, "row"),
            figures::span(record.duration_ms),
            count(CheckOutcome::Ok),
            count(CheckOutcome::Differs),
            count(CheckOutcome::NotChecked),
            record.seed,
            record.scale,
        )),
    ]
}

fn database(record: &SeedRecord) -> Vec<Cell> {
    let how = if record.in_place {
        "filled in place"
    } else {
        "new, and kept until you drop it"
    };
    vec![
        Cell::plain(format!("Database: {} ({how}): ", record.database)),
        Cell::code(&record.url),
    ]
}
