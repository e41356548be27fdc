//! What happens after the closing request of a cycle, on a line of time.

use dbproof_model::{DeadlockRecord, DeadlockShape, Durations};

use super::percent;
use crate::document::{Block, Tone, one_line};
use crate::{figures, sections};

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) timelines: Vec<Timeline>,
    pub(super) blocks: Vec<Block>,
}

pub(super) struct Timeline {
    pub(super) name: String,
    pub(super) remark: String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    pub(super) start: String,
    pub(super) percent: String,
    pub(super) value: String,
}

pub(super) fn view(record: &DeadlockRecord) -> View {
    let shapes = record.shapes.iter();
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        timelines: shapes
            .filter(|shape| shape.detect_ms.p50.is_some())
            .map(timeline)
            .collect(),
        blocks: sections::deadlock::section(record).blocks,
    }
}

/// Medians. `abort`, `release` and `recover` begin where `detect` ends; bystanders wait beside it.
fn timeline(shape: &DeadlockShape) -> Timeline {
    let detected = shape.detect_ms.p50.unwrap_or(0.0);
    let spans: [(&str, &str, f64, &Durations); 5] = [
        ("detect", "over", 0.0, &shape.detect_ms),
        ("abort", "first", detected, &shape.abort_ms),
        ("release", "first", detected, &shape.release_ms),
        ("recover", "second", detected, &shape.recover_ms),
        ("outage", "over", 0.0, &shape.outage_ms),
    ];
    let ends = spans
        .iter()
        .filter_map(|(_, _, start, span)| Some(start + span.p50?));
    let longest = ends.fold(0.0, f64::max);
    let bars = spans.iter().filter_map(|(label, class, start, span)| {
        let median = span.p50?;
        Some(Bar {
            label,
            class,
            // A short bar at the very end would begin outside of its track.
            start: percent((*start).min(longest * 0.99), longest),
            percent: percent(median, longest),
            value: format!("{} ms", figures::ms(median)),
        })
    });
    Timeline {
        name: one_line(&shape.name),
        remark: format!(
            "deadlock_timeout {}, {} of {}",
            figures::span(shape.deadlock_timeout_ms),
            figures::count(shape.deadlocks),
            figures::counted(shape.runs, "run")
        ),
        bars: bars.collect(),
    }
}
