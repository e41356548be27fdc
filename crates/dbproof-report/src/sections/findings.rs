//! The findings, the most severe first.

use dbproof_model::{Finding, RunRecord};
use serde_json::Value;

use crate::document::{Block, Cell, Section, Tone, one_line};
use crate::figures;

pub(crate) fn section(record: &RunRecord) -> Section {
    let blocks = record.findings.iter().flat_map(blocks).collect();
    Section {
        title: "findings",
        verdict: None,
        blocks,
    }
}

pub(crate) fn blocks(finding: &Finding) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(headline(finding))];
    blocks.push(Block::Line(vec![Cell::plain(&finding.title)]));
    blocks.push(Block::Line(vec![Cell::plain(&finding.message)]));
    if let Some(place) = place(finding) {
        blocks.push(Block::Item(vec![Cell::plain("at "), Cell::code(place)]));
    }
    if !finding.evidence.is_empty() {
        blocks.push(Block::Item(vec![Cell::toned(
            evidence(finding),
            Tone::Muted,
        )]));
    }
    if let Some(remedy) = &finding.remedy {
        blocks.push(Block::Item(vec![
            Cell::toned("remedy ", Tone::Good),
            Cell::plain(&remedy.text),
        ]));
        blocks.extend(remedy.sql.clone().map(Block::Sql));
    }
    blocks
}

/// `error n-plus-one nplusone: SELECT …`
pub(crate) fn headline(finding: &Finding) -> Vec<Cell> {
    vec![
        Cell::toned(finding.severity.as_str(), finding.severity),
        Cell::plain(" "),
        Cell::code(&finding.code),
        Cell::plain(format!(" {}: ", finding.scenario.as_str())),
        Cell::code(&finding.subject),
    ]
}

/// `queries/a.sql:3`
pub(crate) fn place(finding: &Finding) -> Option<String> {
    let location = finding.location.as_ref()?;
    Some(one_line(&format!("{}:{}", location.file, location.line)))
}

/// `samples 40, needed 59`. What is a table of its own is in the record, and told by the message.
pub(crate) fn evidence(finding: &Finding) -> String {
    let pairs: Vec<String> = finding
        .evidence
        .iter()
        .filter(|(_, value)| !is_table(value))
        .map(|(name, value)| format!("{name} {}", figure(value)))
        .collect();
    pairs.join(", ")
}

fn is_table(value: &Value) -> bool {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    value.is_object() || items.iter().any(Value::is_object)
}

fn figure(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(figure).collect();
            items.join("; ")
        }
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or(number.to_string(), figures::number),
        other => other.to_string(),
    }
}
