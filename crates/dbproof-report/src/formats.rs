//! The formats that a document can be drawn in: [`Format`], and the one place where each is
//! registered.

use dbproof_model::{RunRecord, SeedRecord};

use crate::delta::Delta;
use crate::history::History;
use crate::terminal::Style;
use crate::{benchmark, delta, github, gitlab, html, json, junit, markdown, sarif, seed, terminal};

/// What a format may want to know beside the document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setting<'a> {
    /// How to draw for a terminal.
    pub style: Style,
    /// The same queries in earlier runs.
    pub history: Option<&'a History>,
}

/// A format that documents of one kind can be drawn in.
#[derive(Debug)]
pub struct Format<D> {
    /// Its name, as in `--format NAME`.
    pub name: &'static str,
    /// The name of its file where none is chosen.
    pub file: &'static str,
    /// Draws it.
    pub draw: fn(&D, &Setting<'_>) -> String,
    /// Whether its lines may follow a terminal report on standard output, because their reader picks
    /// them out.
    pub among_lines: bool,
    /// What is appended to the job's summary (`GITHUB_STEP_SUMMARY`) beside it, in so many bytes at
    /// most.
    pub job_summary: Option<fn(&D, usize) -> String>,
}

impl<D> Format<D> {
    /// A format that is a text of its own.
    pub(crate) const fn new(
        name: &'static str,
        file: &'static str,
        draw: fn(&D, &Setting<'_>) -> String,
    ) -> Self {
        Format {
            name,
            file,
            draw,
            among_lines: false,
            job_summary: None,
        }
    }
}

/// A kind of document and its formats.
pub trait Document: Sized + 'static {
    /// Every format, the terminal's first.
    const FORMATS: &'static [Format<Self>];

    /// The format of this name.
    #[must_use]
    fn format(name: &str) -> Option<&'static Format<Self>> {
        Self::FORMATS.iter().find(|format| format.name == name)
    }
}

impl Document for RunRecord {
    const FORMATS: &'static [Format<Self>] = &[
        terminal::FORMAT,
        json::FORMAT,
        markdown::FORMAT,
        html::FORMAT,
        junit::FORMAT,
        github::FORMAT,
        gitlab::FORMAT,
        sarif::FORMAT,
        benchmark::FORMAT,
    ];
}

impl Document for SeedRecord {
    const FORMATS: &'static [Format<Self>] =
        &[seed::TERMINAL, seed::JSON, junit::SEED, github::SEED];
}

impl Document for Delta {
    const FORMATS: &'static [Format<Self>] =
        &[delta::TERMINAL, delta::JSON, delta::MARKDOWN, delta::HTML];
}
