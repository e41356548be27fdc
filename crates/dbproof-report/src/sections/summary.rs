//! The run in one line, and where it ran in another.

use dbproof_model::{RunRecord, Severity};

use crate::document::{Cell, one_line};
use crate::figures;

/// `Summary: fail — 1 error, 2 warnings, 1 info; slow pass, nplusone fail in 23.4 s`
pub(crate) fn line(record: &RunRecord) -> Vec<Cell> {
    let mut cells = vec![
        Cell::plain("Summary: "),
        Cell::toned(record.verdict.as_str(), record.verdict),
    ];
    cells.push(Cell::plain(format!(" — {}; ", counts(record))));
    let verdicts = record.scenarios.verdicts();
    if verdicts.is_empty() {
        cells.push(Cell::plain("no scenario ran"));
    }
    for (index, (name, verdict)) in verdicts.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        cells.push(Cell::plain(format!("{comma}{name} ")));
        cells.push(Cell::toned(verdict.as_str(), verdict));
    }
    cells.push(Cell::plain(format!(
        " in {}",
        figures::span(record.duration_ms)
    )));
    cells
}

/// `1 error, 2 warnings, 0 info`
pub(crate) fn counts(record: &RunRecord) -> String {
    format!(
        "{}, {}, {} info",
        figures::counted(record.count(Severity::Error) as u64, "error"),
        figures::counted(record.count(Severity::Warning) as u64, "warning"),
        figures::count(record.count(Severity::Info) as u64),
    )
}

/// `shop · postgresql 17.2 (throw-away) on linux x86_64, 8 cores · seed 42 · 3f9a1c0d5e7b`
pub(crate) fn setting(record: &RunRecord) -> String {
    let server = &record.server;
    let kind = if server.ephemeral {
        " (throw-away)"
    } else {
        ""
    };
    let mut parts = Vec::new();
    parts.extend(record.project.clone());
    parts.push(format!(
        "{} {}{kind} on {}, {}",
        server.engine,
        server.version,
        record.host.os,
        figures::counted(record.host.cores as u64, "core"),
    ));
    parts.push(format!("seed {}", record.seed));
    if let Some(git) = &record.git {
        let short: String = git.commit.chars().take(12).collect();
        let branch = git
            .branch
            .as_ref()
            .map(|b| format!(" {b}"))
            .unwrap_or_default();
        let dirty = if git.dirty { ", changed since" } else { "" };
        parts.push(format!("{short}{branch}{dirty}"));
    }
    parts.push(record.started_at.clone());
    one_line(&parts.join(" · "))
}
