//! Queries, pages, statements and deadlock shapes of two runs.
//!
//! A verdict that is another one decides first, then what is the same in every run (blocks, statements),
//! and times last and only where they leave no doubt: the two runs were not measured side by side, and
//! the bias of a connection alone is 10 to 35 % for as long as it lasts.

use dbproof_model::{
    DeadlockShape, Durations, GroupVerdict, NPlusOneGroup, PageMeasurement, RegressQuery,
    RegressVerdict, RunRecord, Scenario, SlowQuery, TemplateTotal, Verdict, WatchRecord,
};

use super::{Change, FigureChange, QueryChange};
use crate::document::one_line;
use crate::figures;
use crate::sections::status::decisive;

/// Times of two runs differ for certain from this factor on, and by no less than this many
/// milliseconds: more than what the connection, the clock and the neighbours make of one query.
const FACTOR: f64 = 1.5;
const LEAST_MS: f64 = 0.05;
/// Blocks and statements are the same in every run; what may differ without anyone's doing is less.
const SHARE: f64 = 0.1;
const LEAST_BLOCKS: f64 = 16.0;
const LEAST_EXECUTIONS: f64 = 2.0;

/// What became of whatever a scenario looked at. Figures decide where the runs are `comparable`.
pub(super) fn compare(
    base: &RunRecord,
    head: &RunRecord,
    scenario: Scenario,
    comparable: bool,
) -> Vec<QueryChange> {
    let (base, head) = (&base.scenarios, &head.scenarios);
    let mut changes = match scenario {
        Scenario::Slow => both(base.slow.as_ref(), head.slow.as_ref(), |base, head| {
            let same = |a: &SlowQuery, b: &SlowQuery| a.name == b.name;
            paired(&base.queries, &head.queries, same, slow)
        }),
        Scenario::Regress => both(
            base.regress.as_ref(),
            head.regress.as_ref(),
            |base, head| {
                let same = |a: &RegressQuery, b: &RegressQuery| a.name == b.name;
                paired(&base.queries, &head.queries, same, regress)
            },
        ),
        Scenario::NPlusOne => both(
            base.nplusone.as_ref(),
            head.nplusone.as_ref(),
            |base, head| {
                let same = |a: &PageMeasurement, b: &PageMeasurement| {
                    (&a.page, &a.version) == (&b.page, &b.version)
                };
                let mut changes = paired(&base.pages, &head.pages, same, page);
                changes.extend(paired(&base.groups, &head.groups, same_group, group));
                changes
            },
        ),
        Scenario::Deadlock => both(
            base.deadlock.as_ref(),
            head.deadlock.as_ref(),
            |base, head| paired(&base.shapes, &head.shapes, same_shape, shape),
        ),
        Scenario::Watch => both(base.watch.as_ref(), head.watch.as_ref(), watch),
    };
    for change in &mut changes {
        let by_figures =
            matches!(change.change, Change::Worse | Change::Better) && !change.reason.is_empty();
        if by_figures && !comparable {
            change.change = Change::Same;
            change.reason.clear();
        }
    }
    changes
}

fn both<T>(
    base: Option<&T>,
    head: Option<&T>,
    compare: impl FnOnce(&T, &T) -> Vec<QueryChange>,
) -> Vec<QueryChange> {
    match (base, head) {
        (Some(base), Some(head)) => compare(base, head),
        _ => Vec::new(),
    }
}

/// What both sides have, in the order of the head, then what the base alone has.
fn paired<T>(
    base: &[T],
    head: &[T],
    same: impl Fn(&T, &T) -> bool,
    compare: impl Fn(Option<&T>, Option<&T>) -> QueryChange,
) -> Vec<QueryChange> {
    let of_head = head
        .iter()
        .map(|new| (base.iter().find(|old| same(old, new)), Some(new)));
    let of_base = base
        .iter()
        .filter(|old| !head.iter().any(|new| same(old, new)));
    of_head
        .chain(of_base.map(|old| (Some(old), None)))
        .map(|(base, head)| compare(base, head))
        .collect()
}

/// A row that only one side has, or whose change is yet to be judged.
fn row<T>(
    scenario: Scenario,
    base: Option<&T>,
    head: Option<&T>,
    name: impl Fn(&T) -> String,
    word: impl Fn(&T) -> String,
) -> QueryChange {
    QueryChange {
        change: match (base, head) {
            (None, _) => Change::New,
            (_, None) => Change::Gone,
            _ => Change::Same,
        },
        scenario,
        name: head.or(base).map(name).unwrap_or_default(),
        was: base.map(&word),
        is: head.map(&word),
        reason: String::new(),
        figures: Vec::new(),
    }
}

fn figure<T>(
    name: &str,
    unit: &str,
    base: Option<&T>,
    head: Option<&T>,
    get: impl Fn(&T) -> Option<f64>,
) -> FigureChange {
    FigureChange {
        name: name.to_owned(),
        unit: unit.to_owned(),
        base: base.and_then(&get),
        head: head.and_then(&get),
    }
}

/// What another verdict means, from `pass` over `inconclusive` to `fail`.
fn of_verdicts(was: Verdict, is: Verdict) -> Change {
    match (was, is) {
        (was, is) if was == is => Change::Same,
        (_, Verdict::Fail) => Change::Worse,
        (_, Verdict::Inconclusive) => Change::Undecided,
        (_, Verdict::Pass) => Change::Better,
    }
}

fn slow(base: Option<&SlowQuery>, head: Option<&SlowQuery>) -> QueryChange {
    let name = |q: &SlowQuery| q.name.clone();
    let word = |q: &SlowQuery| q.verdict.as_str().to_owned();
    let mut row = row(Scenario::Slow, base, head, name, word);
    let statistic = head.or(base).map_or("", |q| q.statistic.as_str());
    row.figures = vec![
        figure(statistic, "ms", base, head, decisive),
        figure("p50", "ms", base, head, |q| q.p50_ms),
        figure("avg", "ms", base, head, |q| q.avg_ms),
    ];
    let (Some(base), Some(head)) = (base, head) else {
        return row;
    };
    row.change = of_verdicts(base.verdict, head.verdict);
    if row.change == Change::Same {
        let bounds = |q: &SlowQuery| q.bounds.and_then(|b| Some((b.low?, b.high?)));
        let certain = by_times(bounds(base), bounds(head), row.figures[0].ratio());
        if let Some(change) = certain {
            row.change = change;
            "the 99 % bounds are apart".clone_into(&mut row.reason);
        }
    }
    row
}

/// Times decide where their ranges do not meet and the factor is beyond what two runs make.
fn by_times(
    base: Option<(f64, f64)>,
    head: Option<(f64, f64)>,
    ratio: Option<f64>,
) -> Option<Change> {
    let ((base_low, base_high), (head_low, head_high)) = (base?, head?);
    match ratio? {
        r if r >= FACTOR && head_low > base_high + LEAST_MS => Some(Change::Worse),
        r if r <= 1.0 / FACTOR && base_low > head_high + LEAST_MS => Some(Change::Better),
        _ => None,
    }
}

/// Counts decide where they differ by more than a share and by more than a number.
fn by_counts(figure: &FigureChange, least: f64) -> Option<Change> {
    let (base, head) = (figure.base?, figure.head?);
    let apart = (head - base).abs();
    if apart < least || apart <= base * SHARE {
        return None;
    }
    Some(if head > base {
        Change::Worse
    } else {
        Change::Better
    })
}

fn regress(base: Option<&RegressQuery>, head: Option<&RegressQuery>) -> QueryChange {
    use RegressVerdict::{Inconclusive, Regressed};

    let name = |q: &RegressQuery| q.name.clone();
    let word = |q: &RegressQuery| q.verdict.as_str().to_owned();
    let mut row = row(Scenario::Regress, base, head, name, word);
    let after = |get: fn(&dbproof_model::PlanSummary) -> Option<f64>| {
        figure("", "", base, head, move |q: &RegressQuery| {
            q.after.as_ref().and_then(get)
        })
    };
    let named = |name: &str, unit: &str, figure: FigureChange| FigureChange {
        name: name.to_owned(),
        unit: unit.to_owned(),
        ..figure
    };
    row.figures = vec![
        named(
            "blocks",
            "",
            after(|p| Some((p.shared_hit_blocks + p.shared_read_blocks) as f64)),
        ),
        named("spill blocks", "", after(|p| Some(p.temp_blocks as f64))),
        named("execution", "ms", after(|p| p.execution_ms)),
    ];
    let (Some(base), Some(head)) = (base, head) else {
        return row;
    };
    row.change = match (base.verdict, head.verdict) {
        (was, is) if was == is => Change::Same,
        (_, Regressed) => Change::Worse,
        (_, Inconclusive) => Change::Undecided,
        (Regressed, _) => Change::Better,
        // An improvement that was merged is no improvement the next time.
        _ => Change::Changed,
    };
    if matches!(row.change, Change::Same | Change::Changed)
        && let Some(change) = by_counts(&row.figures[0], LEAST_BLOCKS)
    {
        row.change = change;
        "blocks after the change".clone_into(&mut row.reason);
    }
    row
}

fn page(base: Option<&PageMeasurement>, head: Option<&PageMeasurement>) -> QueryChange {
    let name = |p: &PageMeasurement| format!("{} {}", p.page, p.version);
    let word = |_: &PageMeasurement| "measured".to_owned();
    let mut row = row(Scenario::NPlusOne, base, head, name, word);
    row.figures = vec![
        figure("statements", "", base, head, |p| Some(p.statements as f64)),
        figure("time", "ms", base, head, |p| Some(p.wall_ms)),
    ];
    judge_count(&mut row, LEAST_EXECUTIONS, "statements of the page");
    row
}

fn judge_count(row: &mut QueryChange, least: f64, reason: &str) {
    if row.change == Change::Same
        && let Some(change) = by_counts(&row.figures[0], least)
    {
        row.change = change;
        reason.clone_into(&mut row.reason);
    }
}

fn same_group(a: &NPlusOneGroup, b: &NPlusOneGroup) -> bool {
    let parent = |group: &NPlusOneGroup| group.parent.as_ref().map(|p| p.template.clone());
    a.template == b.template && parent(a) == parent(b)
}

fn group(base: Option<&NPlusOneGroup>, head: Option<&NPlusOneGroup>) -> QueryChange {
    let name = |g: &NPlusOneGroup| one_line(&g.template);
    let word = |g: &NPlusOneGroup| g.verdict.as_str().to_owned();
    let mut row = row(Scenario::NPlusOne, base, head, name, word);
    row.figures = vec![
        figure("executions", "", base, head, |g| Some(g.executions as f64)),
        figure("time", "ms", base, head, |g| {
            g.cost.and_then(|c| c.looped_ms)
        }),
    ];
    if let (Some(base), Some(head)) = (base, head) {
        let rank = |group: &NPlusOneGroup| match group.verdict {
            GroupVerdict::Chain => 0,
            GroupVerdict::Duplicate => 1,
            GroupVerdict::WriteLoop => 2,
            GroupVerdict::Likely => 3,
            GroupVerdict::Proven => 4,
        };
        row.change = match rank(head).cmp(&rank(base)) {
            std::cmp::Ordering::Greater => Change::Worse,
            std::cmp::Ordering::Less => Change::Better,
            std::cmp::Ordering::Equal => Change::Same,
        };
    }
    judge_count(&mut row, LEAST_EXECUTIONS, "executions");
    row
}

fn same_shape(a: &DeadlockShape, b: &DeadlockShape) -> bool {
    a.name == b.name
        && a.deadlock_timeout_ms
            .total_cmp(&b.deadlock_timeout_ms)
            .is_eq()
}

fn shape(base: Option<&DeadlockShape>, head: Option<&DeadlockShape>) -> QueryChange {
    let name =
        |s: &DeadlockShape| format!("{} at {}", s.name, figures::span(s.deadlock_timeout_ms));
    let as_expected = |s: &DeadlockShape| s.as_expected.unwrap_or(s.deadlocks);
    let word = |s: &DeadlockShape| {
        format!(
            "{} of {}",
            figures::count(as_expected(s)),
            figures::counted(s.runs, "run")
        )
    };
    let mut row = row(Scenario::Deadlock, base, head, name, word);
    row.figures = vec![
        figure("outage", "ms", base, head, |s| s.outage_ms.p50),
        figure("recovery", "ms", base, head, |s| s.recover_ms.p50),
        figure("queued p95", "ms", base, head, |s| {
            s.bystanders.queued_ms.p95
        }),
    ];
    let (Some(base), Some(head)) = (base, head) else {
        return row;
    };
    let all = |s: &DeadlockShape| s.runs > 0 && as_expected(s) == s.runs;
    row.change = match (all(base), all(head)) {
        (true, false) => Change::Undecided,
        (false, true) => Change::Better,
        _ => Change::Same,
    };
    let range = |d: &Durations| Some((d.min?, d.max?));
    let times = by_times(
        range(&base.outage_ms),
        range(&head.outage_ms),
        row.figures[0].ratio(),
    );
    if let (Change::Same, Some(change)) = (row.change, times) {
        row.change = change;
        "outages of all runs are apart".clone_into(&mut row.reason);
    }
    row
}

/// The statements that took the most time. What one of the runs does not list may still have been
/// executed, so that it is neither new nor gone.
fn watch(base: &WatchRecord, head: &WatchRecord) -> Vec<QueryChange> {
    let same = |a: &TemplateTotal, b: &TemplateTotal| a.template == b.template;
    let mut changes = paired(&base.templates, &head.templates, same, statement);
    changes.retain(|change| match change.change {
        Change::New => base.others.templates == 0 && base.complete,
        Change::Gone => head.others.templates == 0 && head.complete,
        _ => true,
    });
    if base.verdict != head.verdict {
        let name = |_: &WatchRecord| "capture".to_owned();
        let word = |w: &WatchRecord| w.verdict.as_str().to_owned();
        let mut capture = row(Scenario::Watch, Some(base), Some(head), name, word);
        capture.change = of_verdicts(base.verdict, head.verdict);
        changes.push(capture);
    }
    changes
}

fn statement(base: Option<&TemplateTotal>, head: Option<&TemplateTotal>) -> QueryChange {
    let name = |t: &TemplateTotal| one_line(&t.template);
    let word = |t: &TemplateTotal| figures::counted(t.executions, "execution");
    let mut row = row(Scenario::Watch, base, head, name, word);
    row.figures = vec![
        figure("executions", "", base, head, |t| Some(t.executions as f64)),
        figure("p95", "ms", base, head, |t| t.p95_ms),
        figure("total", "ms", base, head, |t| Some(t.total_ms)),
    ];
    judge_count(&mut row, LEAST_EXECUTIONS, "executions");
    row
}
