//! A delta as one self-contained HTML file: [`html`].

use askama::Template;

use super::{Delta, draw, rows};
use crate::document::{Align, Block, Cell, Section, Table, Tone, many_lines};

/// The delta as an HTML document that needs nothing from anywhere else.
///
/// # Panics
///
/// Never: drawing to a string cannot fail.
#[must_use]
pub fn html(delta: &Delta) -> String {
    let page = Page {
        summary: rows::summary(delta),
        sides: rows::sides(delta),
        sections: sections(delta),
    };
    let mut html = page.render().expect("a string takes everything");
    html.truncate(html.trim_end().len());
    html.push('\n');
    html
}

#[derive(Template)]
#[template(path = "delta.html")]
struct Page {
    summary: Vec<Cell>,
    sides: String,
    sections: Vec<Section>,
}

/// Statements come as they are, and are read as they are shown: no control characters.
fn tame(section: Section) -> Section {
    let blocks = section.blocks.into_iter().map(|block| match block {
        Block::Sql(sql) => Block::Sql(many_lines(&sql)),
        other => other,
    });
    Section {
        blocks: blocks.collect(),
        ..section
    }
}

/// Everything, also what is as it was: here is room for it.
fn sections(delta: &Delta) -> Vec<Section> {
    let comparable = delta.incomparable.is_empty();
    let table = |mut table: Table, rows: Vec<Vec<Cell>>| {
        table.rows = rows;
        if table.rows.is_empty() {
            Vec::new()
        } else {
            vec![Block::Table(table)]
        }
    };
    let findings = delta.findings.iter().map(rows::finding).collect();
    let queries = delta
        .queries
        .iter()
        .map(|query| rows::query(query, comparable))
        .collect();
    let all = [
        (
            "figures are not comparable",
            draw::notes(&delta.incomparable),
        ),
        ("findings", table(rows::findings_table(), findings)),
        ("queries", table(rows::queries_table(), queries)),
        ("new findings", draw::told(delta)),
    ];
    all.into_iter()
        .filter(|(_, blocks)| !blocks.is_empty())
        .map(|(title, blocks)| tame(draw::section(title, blocks)))
        .collect()
}
