//! A report before it is drawn: [`Section`]s of blocks that terminal and Markdown draw each in
//! their own way, so that both say the same.

use dbproof_model::{RegressVerdict, Severity, Verdict};

/// What a piece of text means, for those who can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Doubt,
    Muted,
}

impl Tone {
    /// The class that style sheets know the tone by.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Doubt => "doubt",
            Tone::Muted => "muted",
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Tone::Good,
            Verdict::Fail => Tone::Bad,
            Verdict::Inconclusive => Tone::Doubt,
        }
    }
}

impl From<RegressVerdict> for Tone {
    fn from(verdict: RegressVerdict) -> Self {
        match verdict {
            RegressVerdict::Improved => Tone::Good,
            RegressVerdict::Regressed => Tone::Bad,
            RegressVerdict::Changed | RegressVerdict::Inconclusive => Tone::Doubt,
            RegressVerdict::Unchanged => Tone::Muted,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Doubt,
            Severity::Info => Tone::Muted,
        }
    }
}

/// A piece of text on one line. What a record brings goes through here, and comes out without
/// line breaks and without characters that would drive a terminal or turn the writing direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// A name or a statement rather than prose.
    pub(crate) code: bool,
}

impl Cell {
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(crate) fn toned(text: impl AsRef<str>, tone: impl Into<Tone>) -> Self {
        Cell {
            text: one_line(text.as_ref()),
            tone: tone.into(),
            code: false,
        }
    }

    pub(crate) fn code(text: impl AsRef<str>) -> Self {
        Cell {
            text: one_line(text.as_ref()),
            tone: Tone::Plain,
            code: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table. Left-aligned columns hold names and may be cut short where space is scarce;
/// right-aligned ones hold figures and are never cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<(String, Align)>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        let columns = columns
            .iter()
            .map(|(title, align)| (one_line(title), *align))
            .collect();
        Table {
            columns,
            rows: Vec::new(),
        }
    }

    /// The cells of a row, each with whether its column holds figures.
    pub(crate) fn cells<'a>(
        &'a self,
        row: &'a [Cell],
    ) -> impl Iterator<Item = (&'a Cell, bool)> + use<'a> {
        let figures = self.columns.iter().map(|(_, align)| *align == Align::Right);
        row.iter().zip(figures)
    }
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// Opens a part of the section.
    Heading(Vec<Cell>),
    /// A sentence.
    Line(Vec<Cell>),
    /// An entry of a list.
    Item(Vec<Cell>),
    /// A table.
    Table(Table),
    /// A statement to read or to run.
    Sql(String),
    /// Something long, shown where it can be folded away.
    Folded { title: String, text: String },
}

/// A part of the report with its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) blocks: Vec<Block>,
}

/// The text on one line, each run of white space as one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match (c.is_whitespace(), line.ends_with(' ')) {
            (true, true) => {}
            (true, false) => line.push(' '),
            (false, _) => line.push(tame(c)),
        }
    }
    line
}

/// The text with its lines kept, tabs as four spaces.
pub(crate) fn many_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    text.trim_end()
        .chars()
        .map(|c| if c == '\n' { c } else { tame(c) })
        .collect()
}

fn tame(c: char) -> char {
    let turns_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns_direction {
        char::REPLACEMENT_CHARACTER
    } else {
        c
    }
}
