//! Tables that fit: names are cut where space is scarce, figures never; a table that still does
//! not fit is told row by row.

use comfy_table::{CellAlignment, ContentArrangement, presets};

use super::layout::{cut, width, wrap};
use super::paint::paint;
use crate::document::{Align, Cell, Table, Tone};

/// Names are not cut shorter than this.
const SHORTEST: usize = 10;
/// Widths and spaces between columns to try, in this order: a narrower gap is better than a name
/// cut short, and both are better than no table.
const ATTEMPTS: [(usize, bool); 4] = [(2, false), (1, false), (2, true), (1, true)];

/// The table as painted lines, none wider than `columns`.
pub(super) fn draw(table: &Table, columns: usize, color: bool) -> Vec<String> {
    let layout = ATTEMPTS
        .iter()
        .find_map(|(gap, may_cut)| Some((fit(table, columns, *gap, *may_cut)?, *gap)));
    match layout {
        Some((widths, gap)) => grid(table, &widths, gap, color),
        None => stacked(table, columns, color),
    }
}

/// The widths of the columns, or nothing where they cannot fit.
fn fit(table: &Table, columns: usize, gap: usize, may_cut: bool) -> Option<Vec<usize>> {
    let mut widths: Vec<usize> = table
        .columns
        .iter()
        .map(|(title, _)| width(title))
        .collect();
    for row in &table.rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(&cell.text));
        }
    }
    let gaps = gap * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > columns {
        let flexible = widths.iter_mut().zip(&table.columns);
        let (widest, _) = flexible
            .filter(|(w, (_, align))| may_cut && *align == Align::Left && **w > SHORTEST)
            .max_by_key(|(w, _)| **w)?;
        *widest -= 1;
    }
    Some(widths)
}

fn grid(table: &Table, widths: &[usize], gap: usize, color: bool) -> Vec<String> {
    let mut drawn = comfy_table::Table::new();
    drawn
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    let titles = table
        .columns
        .iter()
        .zip(widths)
        .map(|((title, _), w)| cut(title, *w));
    drawn.add_row(titles);
    for row in &table.rows {
        drawn.add_row(row.iter().zip(widths).map(|(cell, w)| cut(&cell.text, *w)));
    }
    for (index, (_, align)) in table.columns.iter().enumerate() {
        let Some(column) = drawn.column_mut(index) else {
            continue;
        };
        let gap = if index == 0 {
            0
        } else {
            u16::try_from(gap).unwrap_or(u16::MAX)
        };
        column
            .set_padding((gap, 0))
            .set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
    }
    let total = widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1);
    let mut lines: Vec<String> = drawn.lines().collect();
    for (line, row) in lines.iter_mut().skip(1).zip(&table.rows) {
        *line = paint_row(line, row, widths, color);
    }
    if let Some(titles) = lines.first_mut() {
        *titles = paint(titles.trim_end(), Tone::Muted, color);
    }
    lines.insert(
        1.min(lines.len()),
        paint(&"-".repeat(total), Tone::Muted, color),
    );
    lines
}

/// Colours are put in after the table is laid out, because it would count their escape codes as
/// columns. Cells follow each other, so each is looked for behind the one before.
fn paint_row(line: &str, row: &[Cell], widths: &[usize], color: bool) -> String {
    let mut painted = String::new();
    let mut rest = line;
    for (cell, columns) in row.iter().zip(widths) {
        let text = cut(&cell.text, *columns);
        let Some(start) = rest.find(&text) else {
            continue;
        };
        painted.push_str(&rest[..start]);
        painted.push_str(&paint(&text, cell.tone, color));
        rest = &rest[start + text.len()..];
    }
    painted + rest
}

fn stacked(table: &Table, columns: usize, color: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &table.rows {
        for (index, ((title, _), cell)) in table.columns.iter().zip(row).enumerate() {
            if cell.text.is_empty() {
                continue;
            }
            let first = if index == 0 { "" } else { "  " };
            let mut cells = Vec::new();
            if !title.is_empty() {
                cells.push(Cell::toned(format!("{title} "), Tone::Muted));
            }
            cells.push(cell.clone());
            lines.extend(wrap(&cells, columns, first, "    ", color));
        }
    }
    lines
}
