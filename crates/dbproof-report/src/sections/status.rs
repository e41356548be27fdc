//! One line a query, page, group or shape, as a test runner reports its tests.

use dbproof_model::{
    BaselineQuery, BaselinesRecord, DeadlockExpectation, DeadlockShape, DeadlockStorm,
    NPlusOneGroup, PageMeasurement, RegressQuery, RunRecord, Scenario, SlowQuery, Statistic,
    TimingOutcome, WatchRecord,
};

use super::nplusone;
use crate::document::{Cell, Tone};
use crate::figures;

/// `PASS [p95 0.42 ms] slow order_history threshold 50 ms`
pub(crate) struct Status {
    pub(crate) word: Cell,
    pub(crate) figure: String,
    pub(crate) scenario: Scenario,
    pub(crate) subject: Cell,
    pub(crate) remark: Cell,
}

pub(crate) fn lines(record: &RunRecord) -> Vec<Status> {
    let mut lines = Vec::new();
    let scenarios = &record.scenarios;
    lines.extend(scenarios.watch.iter().flat_map(watch));
    if let Some(record) = &scenarios.slow {
        lines.extend(record.queries.iter().map(slow));
    }
    if let Some(record) = &scenarios.regress {
        lines.extend(record.queries.iter().map(regress));
        lines.extend(record.baselines.iter().flat_map(baselines));
    }
    if let Some(record) = &scenarios.nplusone {
        lines.extend(record.pages.iter().map(page));
        lines.extend(record.groups.iter().map(group));
    }
    if let Some(record) = &scenarios.deadlock {
        lines.extend(record.shapes.iter().map(shape));
        lines.extend(record.storms.iter().map(storm));
        lines.extend(record.predictions.iter().map(|prediction| {
            let tone = if prediction.verdict == "confirmed" {
                Tone::Bad
            } else {
                Tone::Doubt
            };
            Status {
                word: Cell::toned(&prediction.verdict, tone),
                figure: "predicted".to_owned(),
                scenario: Scenario::Deadlock,
                subject: Cell::code(prediction.transactions.join(" and ")),
                remark: Cell::plain(prediction.objects.join(", ")),
            }
        }));
    }
    lines
}

/// The figure that the threshold of a query is held against.
pub(crate) fn decisive(query: &SlowQuery) -> Option<f64> {
    match query.statistic {
        Statistic::Avg => query.avg_ms,
        Statistic::P50 => query.p50_ms,
        Statistic::P95 => query.p95_ms,
        Statistic::P99 => query.p99_ms,
        Statistic::Max => query.max_ms,
    }
}

fn slow(query: &SlowQuery) -> Status {
    Status {
        word: Cell::toned(query.verdict.as_str().to_uppercase(), query.verdict),
        figure: format!(
            "{} {}",
            query.statistic.as_str(),
            figures::ms_with_unit(decisive(query))
        ),
        scenario: Scenario::Slow,
        subject: Cell::code(&query.name),
        remark: Cell::plain(format!(
            "threshold {} ms",
            figures::chosen(query.threshold_ms)
        )),
    }
}

fn regress(query: &RegressQuery) -> Status {
    let ratio = &query.ratio;
    let outcome = query.timing.as_ref().map(|timing| timing.outcome);
    let figure = match (&ratio.time, ratio.buffers) {
        (Some(_), _) if outcome == Some(TimingOutcome::Inconclusive) => "time unclear".to_owned(),
        (Some(time), _) => format!("time {}", figures::ratio(time.estimate)),
        (None, Some(buffers)) => format!("blocks {}", figures::ratio(buffers)),
        (None, None) => figures::ABSENT.to_owned(),
    };
    Status {
        word: Cell::toned(query.verdict.as_str(), query.verdict),
        figure,
        scenario: Scenario::Regress,
        subject: Cell::code(&query.name),
        remark: Cell::plain(query.reasons.join("; ")),
    }
}

/// What is not as it was accepted, one line a query.
fn baselines(record: &BaselinesRecord) -> impl Iterator<Item = Status> {
    let notable = |query: &&BaselineQuery| record.present && query.verdict.differs();
    record.queries.iter().filter(notable).map(|query| {
        let decisive = query.sets.iter().find(|set| set.verdict == query.verdict);
        let reasons = decisive.map_or(String::new(), |set| set.reasons.join("; "));
        Status {
            word: Cell::toned(query.verdict.as_str(), query.verdict),
            figure: "accepted".to_owned(),
            scenario: Scenario::Regress,
            subject: Cell::code(&query.name),
            remark: Cell::plain(reasons),
        }
    })
}

/// A page has no verdict of its own: what is wrong with it is in its groups.
fn page(page: &PageMeasurement) -> Status {
    Status {
        word: Cell::toned("measured", Tone::Muted),
        figure: figures::ms_with_unit(Some(page.wall_ms)),
        scenario: Scenario::NPlusOne,
        subject: Cell::code(format!("{} {}", page.page, page.version)),
        remark: Cell::plain(format!(
            "{} in {}",
            figures::counted(page.statements, "statement"),
            figures::counted(page.round_trips, "trip")
        )),
    }
}

fn group(group: &NPlusOneGroup) -> Status {
    Status {
        word: Cell::toned(group.verdict.as_str(), nplusone::tone(group.verdict)),
        figure: figures::counted(group.executions, "time"),
        scenario: Scenario::NPlusOne,
        subject: Cell::code(&group.template),
        remark: Cell::plain(group.units.join(", ")),
    }
}

/// A shape is made to deadlock, so that it does is no failure.
fn shape(shape: &DeadlockShape) -> Status {
    let stalls = matches!(
        shape.expected,
        DeadlockExpectation::Soft | DeadlockExpectation::Invisible
    );
    let figure = if stalls {
        format!("kept {}", figures::ms_with_unit(shape.stalled_ms.p50))
    } else if shape.expected == DeadlockExpectation::Any {
        figures::counted(shape.deadlocks, "deadlock")
    } else {
        format!("outage {}", figures::ms_with_unit(shape.outage_ms.p50))
    };
    Status {
        word: Cell::toned("measured", Tone::Muted),
        figure,
        scenario: Scenario::Deadlock,
        subject: Cell::code(&shape.name),
        remark: Cell::plain(format!(
            "{} of {} at {}",
            figures::count(shape.as_expected.unwrap_or(shape.deadlocks)),
            figures::counted(shape.runs, "run"),
            figures::span(shape.deadlock_timeout_ms)
        )),
    }
}

/// What was captured, and what stands out of it.
fn watch(record: &WatchRecord) -> Vec<Status> {
    let line = |word, tone, figure, subject, remark: String| Status {
        word: Cell::toned(word, tone),
        figure,
        scenario: Scenario::Watch,
        subject: Cell::code(subject),
        remark: Cell::plain(remark),
    };
    let what = if record.command.is_empty() {
        record.listened.clone()
    } else {
        record.command.join(" ")
    };
    let mut lines = vec![line(
        "captured",
        if record.complete {
            Tone::Muted
        } else {
            Tone::Doubt
        },
        figures::counted(record.executions, "statement"),
        what,
        figures::counted(record.sessions, "session"),
    )];
    lines.extend(record.slow.iter().map(|statement| {
        line(
            "slow",
            Tone::Doubt,
            figures::ms_with_unit(Some(statement.max_ms)),
            statement.template.clone(),
            format!("{} of {}", statement.slow, statement.executions),
        )
    }));
    lines.extend(record.idle.iter().map(|idle| {
        line(
            "idle",
            Tone::Doubt,
            figures::span(idle.longest_ms),
            idle.after.clone(),
            figures::counted(idle.count, "wait"),
        )
    }));
    lines
}

fn storm(storm: &DeadlockStorm) -> Status {
    Status {
        word: Cell::toned("measured", Tone::Muted),
        figure: format!("{} a second", figures::number(storm.throughput_per_second)),
        scenario: Scenario::Deadlock,
        subject: Cell::code("storm"),
        remark: Cell::plain(format!(
            "{} at {}: {}",
            storm.order,
            figures::span(storm.deadlock_timeout_ms),
            figures::counted(storm.deadlocks, "deadlock")
        )),
    }
}
