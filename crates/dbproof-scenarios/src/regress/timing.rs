//! The timing verdict of a run: [`measure`].
//!
//! Every query is looked at once; where that does not decide, a second and last time with more
//! sessions; and what then seems slower or faster is confirmed by a fresh measurement, which has to
//! agree. Beside the queries two identical databases are compared: where these seem to differ,
//! this machine cannot tell, and time decides nothing in this run.

use std::time::Instant;

use dbproof_analysis::comparison::{Outcome, Rules, Timing, judge};
use dbproof_model::{Interval, QueryTiming, RunTiming, TimingOutcome};
use dbproof_postgres::Address;

use super::pairs::{Effort, Pair, Sampler};
use crate::error::RunError;
use crate::parameters::ParameterValues;
use crate::project::config::RegressConfig;

/// The databases that are compared.
pub(super) struct Sides<'a> {
    pub(super) before: &'a Address,
    pub(super) after: &'a Address,
    /// Identical to `before`.
    pub(super) control: &'a Address,
}

/// A query that both sides can execute.
pub(super) struct TimedQuery<'a> {
    pub(super) sql: &'a str,
    pub(super) values: ParameterValues,
    /// Whether the server would run it with parallel workers on either side.
    pub(super) parallel: bool,
}

/// The times of one query, judged.
pub(super) struct TimedOutcome {
    pub(super) timing: QueryTiming,
    pub(super) ratio: Option<Interval>,
}

type Sessions = Vec<Vec<Pair>>;

/// What is known of a query while it is being measured.
struct Measured {
    sessions: Sessions,
    effort: Option<Effort>,
    spent_s: f64,
}

/// Measures and judges all queries together, and the control beside them.
pub(super) async fn measure(
    config: &RegressConfig,
    sides: &Sides<'_>,
    queries: &mut [TimedQuery<'_>],
    local: bool,
    seed: u64,
) -> Result<(RunTiming, Vec<TimedOutcome>), RunError> {
    let mut sampler = Sampler::new(local, seed);
    // Two planned looks share the error.
    let rules = Rules {
        alpha: Rules::default().alpha / 2.0,
        ..Rules::default()
    };
    let both = (sides.before, sides.after);
    let mut measured = Vec::with_capacity(queries.len());
    for query in &mut *queries {
        measured.push(first_look(config, &mut sampler, both, query).await?);
    }
    let control = control(&mut sampler, sides, queries, &measured).await?;
    let judged = judge_all(&measured, &rules);
    for ((query, measured), timing) in queries.iter_mut().zip(&mut measured).zip(&judged) {
        if timing.outcome == Outcome::Inconclusive {
            second_look(config, &mut sampler, both, query, measured).await?;
        }
    }
    let mut judged = judge_all(&measured, &rules);
    for ((query, measured), timing) in queries.iter_mut().zip(&measured).zip(&mut judged) {
        if !matches!(timing.outcome, Outcome::Slower | Outcome::Faster) {
            continue;
        }
        if !confirmed(&mut sampler, both, query, measured, timing.outcome).await? {
            timing.outcome = Outcome::Inconclusive;
        }
    }
    let gates = !matches!(control.outcome, Outcome::Slower | Outcome::Faster);
    let run = RunTiming {
        pinned: sampler.pinned,
        control: outcome(control.outcome),
        control_ratio: control.ratio,
        gates,
    };
    let all_pinned = run.pinned;
    Ok((
        run,
        measured
            .iter()
            .zip(&judged)
            .map(|(m, timing)| {
                let alone = m.effort.is_some_and(|effort| effort.pinned);
                timed(m, timing, alone && all_pinned)
            })
            .collect(),
    ))
}

/// How much can be measured of a query within its budget, confirmation included: less of it where
/// a single execution takes long, whose relative noise is the smaller for that.
fn effort(config: &RegressConfig, execution_ms: f64, pinned: bool) -> Option<Effort> {
    let full = Effort {
        sessions: config.sessions,
        pairs: config.pairs.next_multiple_of(2),
        warmup: 10,
        custom_plan: false,
        pinned,
    };
    let ladder = [
        full,
        Effort {
            pairs: full.pairs.min(10),
            warmup: 6,
            ..full
        },
        Effort {
            pairs: full.pairs.min(6),
            warmup: 1,
            custom_plan: true,
            ..full
        },
        Effort {
            sessions: full.sessions.min(7),
            pairs: 2,
            warmup: 1,
            custom_plan: true,
            pinned,
        },
    ];
    let fits =
        |effort: &Effort| 2.0 * effort.executions() * execution_ms / 1000.0 <= config.budget_s;
    ladder.into_iter().find(fits)
}

async fn first_look(
    config: &RegressConfig,
    sampler: &mut Sampler,
    sides: (&Address, &Address),
    query: &mut TimedQuery<'_>,
) -> Result<Measured, RunError> {
    let began = Instant::now();
    // One session with one pair tells what an execution costs.
    let probe = Effort {
        sessions: 1,
        pairs: 1,
        warmup: 1,
        custom_plan: true,
        pinned: !query.parallel,
    };
    let probed = sampler
        .sample(sides, query.sql, &mut query.values, probe)
        .await?;
    let slowest = probed
        .iter()
        .flatten()
        .map(|(left, right)| left.max(*right))
        .reduce(f64::max);
    let effort = slowest.and_then(|execution_ms| effort(config, execution_ms, !query.parallel));
    let sessions = match effort {
        Some(effort) => {
            sampler
                .sample(sides, query.sql, &mut query.values, effort)
                .await?
        }
        None => Vec::new(),
    };
    Ok(Measured {
        sessions,
        effort,
        spent_s: began.elapsed().as_secs_f64(),
    })
}

/// Twice as many sessions again, where the budget leaves room for them and for a confirmation.
async fn second_look(
    config: &RegressConfig,
    sampler: &mut Sampler,
    sides: (&Address, &Address),
    query: &mut TimedQuery<'_>,
    measured: &mut Measured,
) -> Result<(), RunError> {
    let Some(effort) = measured.effort else {
        return Ok(());
    };
    if 4.0 * measured.spent_s > config.budget_s || measured.sessions.is_empty() {
        return Ok(());
    }
    let more = Effort {
        sessions: 2 * effort.sessions,
        ..effort
    };
    measured.sessions.extend(
        sampler
            .sample(sides, query.sql, &mut query.values, more)
            .await?,
    );
    Ok(())
}

/// Whether a fresh measurement, judged by itself, says the same.
async fn confirmed(
    sampler: &mut Sampler,
    sides: (&Address, &Address),
    query: &mut TimedQuery<'_>,
    measured: &Measured,
    expected: Outcome,
) -> Result<bool, RunError> {
    let Some(effort) = measured.effort else {
        return Ok(false);
    };
    let fresh = sampler
        .sample(sides, query.sql, &mut query.values, effort)
        .await?;
    Ok(judge(&[fresh], &Rules::default())[0].outcome == expected)
}

/// Compares two identical databases the way the queries are compared.
async fn control(
    sampler: &mut Sampler,
    sides: &Sides<'_>,
    queries: &mut [TimedQuery<'_>],
    measured: &[Measured],
) -> Result<Timing, RunError> {
    // By a query that is pinned, as most are, where there is one.
    let chosen = queries
        .iter_mut()
        .zip(measured)
        .filter_map(|(q, m)| Some((q, m.effort?)))
        .min_by_key(|(_, effort)| !effort.pinned);
    let sessions = match chosen {
        Some((query, effort)) => {
            let identical = (sides.before, sides.control);
            sampler
                .sample(identical, query.sql, &mut query.values, effort)
                .await?
        }
        None => Vec::new(),
    };
    Ok(judge(&[sessions], &Rules::default()).remove(0))
}

fn judge_all(measured: &[Measured], rules: &Rules) -> Vec<Timing> {
    let sessions: Vec<Sessions> = measured.iter().map(|m| m.sessions.clone()).collect();
    judge(&sessions, rules)
}

fn timed(measured: &Measured, timing: &Timing, pinned: bool) -> TimedOutcome {
    let pairs = measured.sessions.iter().map(Vec::len).sum::<usize>();
    let known = (pairs > 0).then_some(());
    TimedOutcome {
        ratio: timing.ratio,
        timing: QueryTiming {
            outcome: known.map_or(TimingOutcome::NotMeasured, |()| outcome(timing.outcome)),
            sessions: measured.sessions.len() as u64,
            pairs: pairs as u64,
            difference_ms: timing.difference_ms,
            p_slower: known.map(|()| timing.p_slower),
            p_faster: known.map(|()| timing.p_faster),
            pinned: known.map(|()| pinned),
        },
    }
}

fn outcome(outcome: Outcome) -> TimingOutcome {
    match outcome {
        Outcome::Slower => TimingOutcome::Slower,
        Outcome::Faster => TimingOutcome::Faster,
        Outcome::Same => TimingOutcome::Same,
        Outcome::Inconclusive => TimingOutcome::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_queries_are_measured_less_and_endless_ones_not_at_all() {
        let config = RegressConfig::default();
        let check = |execution_ms, expected: Option<(u32, u32)>| {
            let effort = effort(&config, execution_ms, true);
            assert_eq!(
                effort.map(|e| (e.sessions, e.pairs)),
                expected,
                "{execution_ms} ms"
            );
            if let Some(effort) = effort {
                assert!(2.0 * effort.executions() * execution_ms / 1000.0 <= config.budget_s);
            }
        };
        check(0.1, Some((10, 20)));
        check(20.0, Some((10, 10)));
        check(60.0, Some((10, 6)));
        check(200.0, Some((7, 2)));
        check(5000.0, None);
    }
}
