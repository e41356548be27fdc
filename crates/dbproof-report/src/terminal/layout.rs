//! Fitting text into columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::paint::paint;
use crate::document::{Cell, Tone};

/// The columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to so many columns, with an ellipsis in its middle: the ends of names tell more
/// than their middles.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let tail_room = (columns - 1) * 2 / 5;
    let head = take(text.chars(), columns - 1 - tail_room);
    let tail: String = take(text.chars().rev(), tail_room).chars().rev().collect();
    format!("{head}…{tail}")
}

/// Prose cut to so many columns, with an ellipsis at its end.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    take(text.chars(), columns.saturating_sub(1))
        .trim_end()
        .to_owned()
        + "…"
}

/// Cells as lines of words, each line painted, none wider than `columns`.
pub(super) fn wrap(
    cells: &[Cell],
    columns: usize,
    first: &str,
    next: &str,
    color: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut used = width(first);
    let mut empty = true;
    let mut space = false;
    let pieces = pieces(cells, columns.saturating_sub(width(next)).max(8));
    for (index, (piece, tone)) in pieces.iter().enumerate() {
        if piece == " " {
            space = !empty;
            continue;
        }
        let needed = if space {
            1 + word_width(&pieces[index..])
        } else {
            width(piece)
        };
        if !empty && used + needed > columns {
            lines.push(std::mem::replace(&mut line, next.to_owned()));
            used = width(next);
            space = false;
        }
        if space {
            line.push(' ');
            used += 1;
        }
        line.push_str(&paint(piece, *tone, color));
        used += width(piece);
        (empty, space) = (false, false);
    }
    lines.push(line);
    lines
}

/// The columns up to the next space: a comma must not be parted from the name before it.
fn word_width(pieces: &[(String, Tone)]) -> usize {
    pieces
        .iter()
        .take_while(|(piece, _)| piece != " ")
        .map(|(piece, _)| width(piece))
        .sum()
}

/// Words and the spaces between them; a word too long for any line comes in parts. Words of
/// neighbouring cells with no space between them stay apart, since each has its own tone.
fn pieces(cells: &[Cell], longest: usize) -> Vec<(String, Tone)> {
    let mut pieces = Vec::new();
    for cell in cells {
        for (index, word) in cell.text.split(' ').enumerate() {
            if index > 0 {
                pieces.push((" ".to_owned(), Tone::Plain));
            }
            let mut rest = word;
            while !rest.is_empty() {
                let part = take(rest.chars(), longest);
                // A single character wider than a line still has to move on.
                let part = if part.is_empty() {
                    rest.to_owned()
                } else {
                    part
                };
                rest = &rest[part.len()..];
                pieces.push((part, cell.tone));
            }
        }
    }
    pieces
}

/// As many characters as fit.
fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_in_their_middle_and_never_wider_than_asked() {
        assert_eq!(cut("order_history", 13), "order_history");
        assert_eq!(cut("orders_user_id_created_at_idx", 15), "orders_us…t_idx");
        assert_eq!(cut("漢字漢字漢字", 7), "漢字…字");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn words_wrap_and_endless_ones_are_broken() {
        let wrapped = |text: &str| wrap(&[Cell::plain(text)], 16, "- ", "  ", false);
        assert_eq!(wrapped("one two three four"), ["- one two three", "  four"]);
        assert_eq!(
            wrapped(&"x".repeat(30)),
            [
                format!("- {}", "x".repeat(14)),
                format!("  {}", "x".repeat(14)),
                "  xx".to_owned()
            ]
        );
        assert_eq!(wrapped(""), ["- "]);
    }
}
