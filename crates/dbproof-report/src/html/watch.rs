//! The statements of an application, with their shares of the time as bars.

use dbproof_model::{TemplateTotal, WatchRecord};

use super::{percent, tame_sql};
use crate::document::{Block, Tone, one_line};
use crate::{figures, sections};

/// Statements that get a bar.
const BARS: usize = 10;

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) bars: Vec<Bar>,
    pub(super) blocks: Vec<Block>,
}

pub(super) struct Bar {
    pub(super) label: String,
    pub(super) percent: String,
    pub(super) value: String,
}

pub(super) fn view(record: &WatchRecord) -> View {
    let blocks = sections::watch::section(record).blocks;
    let longest = record
        .templates
        .iter()
        .map(|t| t.total_ms)
        .fold(0.0, f64::max);
    let bar = |total: &TemplateTotal| Bar {
        label: one_line(&total.template),
        percent: percent(total.total_ms, longest),
        value: format!(
            "{} ms in {}",
            figures::ms(total.total_ms),
            figures::counted(total.executions, "execution")
        ),
    };
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        bars: record.templates.iter().take(BARS).map(bar).collect(),
        blocks: blocks.into_iter().map(tame_sql).collect(),
    }
}
