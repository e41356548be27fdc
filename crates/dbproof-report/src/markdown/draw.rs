//! Blocks as Markdown.

use super::escape::{code, fenced, in_html, prose};
use crate::document::{Align, Block, Cell, Table, Tone};
use crate::figures;

/// A document that stays under its size: pieces are taken whole or left out, and counted.
pub(crate) struct Page {
    text: String,
    largest: usize,
    left_out: u64,
}

/// Kept free for the sentence about what was left out.
const RESERVE: usize = 200;

impl Page {
    pub(crate) fn new(largest: usize) -> Self {
        Page {
            text: String::new(),
            largest,
            left_out: 0,
        }
    }

    /// Adds a piece if there is room for it. Once something was left out, nothing follows: a
    /// figure under the wrong heading would be worse than none.
    pub(crate) fn push(&mut self, piece: &str) {
        if self.left_out > 0 || self.text.len() + piece.len() + RESERVE > self.largest {
            self.left_out += 1;
        } else {
            self.text.push_str(piece);
        }
    }

    pub(crate) fn blocks(&mut self, blocks: &[Block]) {
        for (index, drawn) in blocks.iter().enumerate() {
            let mut piece = block(drawn);
            // A list ends with an empty line, or what follows would belong to its last item.
            let last = matches!(drawn, Block::Item(_))
                && !matches!(blocks.get(index + 1), Some(Block::Item(_)));
            if last {
                piece.push('\n');
            }
            self.push(&piece);
        }
    }

    pub(crate) fn finish(mut self) -> String {
        if self.left_out > 0 {
            let parts = figures::counted(self.left_out, "part");
            let largest = self.largest / 1000;
            self.text.extend([
                format!("\n_{parts} of this report left out, because it would be "),
                format!("larger than {largest} kB._\n"),
            ]);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text
    }
}

/// Pieces of text on one line.
pub(crate) fn cells(cells: &[Cell]) -> String {
    cells.iter().map(cell).collect()
}

/// A table of GitHub's kind.
pub(crate) fn table(table: &Table) -> String {
    let titles: Vec<String> = table
        .columns
        .iter()
        .map(|(title, _)| prose(title))
        .collect();
    let aligns: Vec<&str> = table
        .columns
        .iter()
        .map(|(_, align)| match align {
            Align::Left => "---",
            Align::Right => "--:",
        })
        .collect();
    let mut text = format!("| {} |\n| {} |\n", titles.join(" | "), aligns.join(" | "));
    text.extend(table.rows.iter().map(|row| table_row(row)));
    text.push('\n');
    text
}

/// A row of such a table, with its line's end.
pub(crate) fn table_row(row: &[Cell]) -> String {
    let row: Vec<String> = row.iter().map(cell).collect();
    format!("| {} |\n", row.join(" | "))
}

pub(crate) fn block(block: &Block) -> String {
    match block {
        Block::Heading(heading) => format!("#### {}\n\n", cells(heading)),
        Block::Line(line) => format!("{}\n\n", cells(line)),
        Block::Item(item) => format!("- {}\n", cells(item)),
        Block::Table(drawn) => table(drawn),
        Block::Sql(sql) => format!("{}\n", fenced(sql, "sql")),
        Block::Folded { title, text } => format!(
            "<details><summary>{}</summary>\n\n{}\n</details>\n\n",
            in_html(&crate::document::one_line(title)),
            fenced(text, "text")
        ),
    }
}

fn cell(cell: &Cell) -> String {
    let (start, end) = edges(&cell.text);
    let text = match (cell.code, cell.tone) {
        (true, _) => code(&cell.text),
        (false, Tone::Bad) if !cell.text.trim().is_empty() => {
            format!("**{}**", prose(cell.text.trim()))
        }
        (false, _) => return prose(&cell.text),
    };
    format!("{start}{text}{end}")
}

/// Blanks at the ends, which emphasis must not enclose.
fn edges(text: &str) -> (&'static str, &'static str) {
    let blank = |yes| if yes { " " } else { "" };
    (
        blank(text.starts_with(' ')),
        blank(text.ends_with(' ') && text.len() > 1),
    )
}
