//! What happens after the closing request of a cycle, on a line of time.

use dbproof_model::{
    DeadlockPrediction, DeadlockRecord, DeadlockShape, DeadlockTimeline, Durations,
    TimelineSession, TimelineSpan,
};

use super::{percent, tame_sql};
use crate::document::{Block, Tone, one_line};
use crate::sections::deadlock::timeline;
use crate::{figures, sections};

pub(super) struct View {
    pub(super) tone: Tone,
    pub(super) verdict: &'static str,
    pub(super) timelines: Vec<Timeline>,
    pub(super) lines: Vec<Line>,
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

/// A run on a line of time: who held, who waited.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) remark: String,
    pub(super) sessions: Vec<LineSession>,
    /// Where the cycle was closed and where the wait ended, in percent of the line.
    pub(super) closed: Option<String>,
    pub(super) ended: Option<String>,
}

pub(super) struct LineSession {
    pub(super) name: String,
    pub(super) spans: Vec<LineSpan>,
}

pub(super) struct LineSpan {
    pub(super) class: &'static str,
    pub(super) start: String,
    pub(super) width: String,
    /// What a pointer is told.
    pub(super) title: String,
}

fn line_of_shape(shape: &DeadlockShape) -> Option<Line> {
    let timeline = shape.timeline.as_ref()?;
    let remark = format!(
        "run {} at {}: {}",
        figures::count(timeline.run),
        figures::span(shape.deadlock_timeout_ms),
        figures::span(timeline.duration_ms)
    );
    Some(line(&shape.name, remark, timeline))
}

fn line_of_prediction(prediction: &DeadlockPrediction) -> Option<Line> {
    let timeline = prediction.timeline.as_ref()?;
    let remark = format!(
        "{}: {}",
        one_line(&prediction.verdict),
        figures::span(timeline.duration_ms)
    );
    let name = prediction.transactions.join(" and ");
    Some(line(&name, remark, timeline))
}

fn line(name: &str, remark: String, timeline: &DeadlockTimeline) -> Line {
    let whole = timeline.duration_ms;
    let on_line = |at: Option<f64>| at.map(|at| percent(at, whole));
    let spans = |session: &TimelineSession| {
        let span = |span: &TimelineSpan| LineSpan {
            class: match (timeline::waits(span), span.outcome.as_str()) {
                (true, "done") => "waits",
                (true, _) => "fails",
                (false, _) => "runs",
            },
            start: percent(span.from_ms.min(whole * 0.995), whole),
            width: percent(span.to_ms - span.from_ms, whole),
            title: one_line(&told(span)),
        };
        session.spans.iter().map(span).collect()
    };
    Line {
        name: one_line(name),
        remark,
        sessions: timeline
            .sessions
            .iter()
            .map(|session| LineSession {
                name: one_line(&session.name),
                spans: spans(session),
            })
            .collect(),
        closed: on_line(timeline.closed_ms),
        ended: on_line(timeline.ended_ms),
    }
}

fn told(span: &TimelineSpan) -> String {
    let waited = if span.blocked_by.is_empty() {
        String::new()
    } else {
        let lock = span
            .lock
            .as_ref()
            .map_or_else(String::new, |lock| format!(" ({lock})"));
        format!(", waited for {}{lock}", span.blocked_by.join(", "))
    };
    format!(
        "{}: {} to {} ms, {}{waited}",
        span.statement,
        figures::ms(span.from_ms),
        figures::ms(span.to_ms),
        span.outcome
    )
}

pub(super) fn view(record: &DeadlockRecord) -> View {
    let shapes = record.shapes.iter();
    View {
        tone: record.verdict.into(),
        verdict: record.verdict.as_str(),
        timelines: shapes
            .filter(|shape| shape.detect_ms.p50.is_some())
            .map(medians)
            .collect(),
        lines: record
            .shapes
            .iter()
            .filter_map(line_of_shape)
            .chain(record.predictions.iter().filter_map(line_of_prediction))
            .collect(),
        blocks: sections::deadlock::section(record)
            .blocks
            .into_iter()
            .map(tame_sql)
            .collect(),
    }
}

/// Medians. `abort`, `release` and `recover` begin where `detect` ends; bystanders wait beside it.
fn medians(shape: &DeadlockShape) -> Timeline {
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
