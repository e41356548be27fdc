//! A delta as Markdown of a limited size: [`markdown`].

use super::{Change, Delta, rows};
use crate::document::{Block, Cell, Table, one_line};
use crate::figures;
use crate::markdown::{draw, escape};
use crate::sections::findings::headline;

/// GitHub takes no comment of more than 65,536 characters, and whoever posts this one adds a few lines
/// of their own.
const LARGEST: usize = 63_000;

/// So many reasons why the runs cannot be compared are told.
const REASONS: usize = 8;

/// A row, or the remedy of a finding, with its importance.
struct Piece {
    rank: u8,
    part: Part,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Finding,
    Query,
    Remedy,
}

/// The delta as Markdown for a pull-request comment: under 64 kB whatever its size. Rows are left out
/// whole, from the least important end of findings and queries together, and are counted.
#[must_use]
pub fn markdown(delta: &Delta) -> String {
    let top = top(delta);
    let pieces = pieces(delta);
    // What is said about what was left out, and the heads of three parts.
    let frame = 1_200;
    let mut room = LARGEST.saturating_sub(top.len() + frame);
    let mut order: Vec<&Piece> = pieces.iter().collect();
    order.sort_by_key(|piece| piece.rank);
    let mut kept = 0;
    for piece in &order {
        if piece.text.len() > room {
            break;
        }
        room -= piece.text.len();
        kept += 1;
    }
    let (shown, cut) = order.split_at(kept);
    let mut text = top;
    let part = |part: Part| -> String {
        let rows = shown.iter().filter(|piece| piece.part == part);
        rows.map(|piece| piece.text.as_str()).collect()
    };
    let left = |part: Part| cut.iter().filter(|piece| piece.part == part).count();
    table(
        &mut text,
        "findings",
        &rows::findings_table(),
        &part(Part::Finding),
        left(Part::Finding),
    );
    table(
        &mut text,
        "queries",
        &rows::queries_table(),
        &part(Part::Query),
        left(Part::Query),
    );
    let remedies = part(Part::Remedy);
    if !remedies.is_empty() {
        text.extend(["### What to do\n\n", &remedies]);
    }
    if left(Part::Remedy) > 0 {
        let count = figures::count(left(Part::Remedy) as u64);
        text.extend([
            "_Of ",
            &count,
            " more findings the report has the remedies._\n",
        ]);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn top(delta: &Delta) -> String {
    let mut text = String::from("## dbproof: what changed\n\n");
    text.extend([&draw::cells(&rows::summary(delta)), "\n\n"]);
    text.extend([&escape::prose(&rows::sides(delta)), "\n\n"]);
    if !delta.incomparable.is_empty() {
        text.push_str("Times and blocks decide nothing here, because:\n\n");
        for reason in delta.incomparable.iter().take(REASONS) {
            let reason: String = one_line(reason).chars().take(300).collect();
            text.extend(["- ", &escape::prose(&reason), "\n"]);
        }
        if let more @ 1.. = delta.incomparable.len().saturating_sub(REASONS) {
            text.extend(["- and ", &more.to_string(), " more\n"]);
        }
        text.push('\n');
    }
    text
}

fn pieces(delta: &Delta) -> Vec<Piece> {
    let comparable = delta.incomparable.is_empty();
    let mut pieces: Vec<Piece> = Vec::new();
    for change in &delta.findings {
        pieces.push(Piece {
            rank: rows::rank_of_finding(change),
            part: Part::Finding,
            text: draw::table_row(&rows::finding(change)),
        });
    }
    for change in &delta.queries {
        pieces.push(Piece {
            rank: rows::rank_of_query(change),
            part: Part::Query,
            text: draw::table_row(&rows::query(change, comparable)),
        });
    }
    let new = |change: &&super::FindingChange| {
        matches!(change.change, Change::New | Change::Worse) && change.finding.remedy.is_some()
    };
    for change in delta.findings.iter().filter(new) {
        pieces.push(Piece {
            // After every row that tells of a change, and before what is as it was.
            rank: 10,
            part: Part::Remedy,
            text: remedy(change),
        });
    }
    pieces
}

fn remedy(change: &super::FindingChange) -> String {
    let mut finding = change.finding.clone();
    finding.subject = rows::shortened(&finding.subject);
    let remedy = finding.remedy.as_ref();
    let mut text = format!("- {}", draw::cells(&headline(&finding)));
    if let Some(remedy) = remedy {
        text.extend(["<br>", &escape::prose(&one_line(&remedy.text))]);
    }
    text.push('\n');
    if let Some(sql) = remedy.and_then(|remedy| remedy.sql.clone()) {
        // Indented, so that it belongs to the entry of the list.
        let fenced = draw::block(&Block::Sql(sql));
        text.push('\n');
        for line in fenced.trim_end().lines() {
            text.extend(["  ", line, "\n"]);
        }
        text.push('\n');
    }
    text
}

fn table(text: &mut String, title: &str, head: &Table, rows: &str, left_out: usize) {
    if rows.is_empty() && left_out == 0 {
        return;
    }
    text.extend(["### ", title, "\n\n"]);
    if !rows.is_empty() {
        let head = draw::table(head);
        text.extend([head.trim_end(), "\n", rows, "\n"]);
    }
    if left_out > 0 {
        let cells = [Cell::plain(format!(
            "{} left out here, the least important ones; the report has them all",
            figures::counted(left_out as u64, "row")
        ))];
        text.extend(["_", &draw::cells(&cells), "_\n\n"]);
    }
}
