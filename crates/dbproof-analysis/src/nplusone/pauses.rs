//! Requests that follow each other within one burst: [`apart`].
//!
//! A burst is what a session does without a long silence, and the requests of a test suite follow each
//! other faster than that. Between two requests, the application answers one and is sent the next; that
//! takes several times as long as going on within a request does.

use super::judge::Judged;

/// A pause is long if it is so many times as long as those within requests are,
const LONG: u64 = 4;
/// and at least so long, in microseconds.
const LEAST_US: u64 = 1_000;
/// This share of the executions has to come late: on a busy machine, any pause can be long.
const MOST_SHARE: f64 = 0.9;
/// Pauses are compared where there are so many.
const FEWEST_PAUSES: usize = 8;

/// Runs of so few executions of a template prove little, where other sessions were at work between them.
const DOUBTFUL: usize = 2;

/// Which runs are the same statement in another request.
#[derive(Debug)]
pub(super) struct Apart {
    /// Whether each run is one.
    pub(super) runs: Vec<bool>,
    /// Those of them that could be one request all the same, which a pool has given to several sessions:
    /// what is a pause of one of them is then the time in which another one goes on.
    pub(super) doubtful: Vec<u32>,
}

/// Whether each run is the same statement in another request, outside of transactions and without
/// tags: nearly all executions of its template come after a long pause.
pub(super) fn apart(judged: &Judged<'_>) -> Apart {
    let mut apart = vec![false; judged.runs.len()];
    let mut doubtful = Vec::new();
    for unit in judged.unit_numbers() {
        let runs = judged.unit_runs(unit);
        if !judged.units[unit as usize].is_burst() || runs.len() <= FEWEST_PAUSES {
            continue;
        }
        let repeated = judged.repeated(unit, |_| true);
        if repeated.is_empty() {
            continue;
        }
        let pauses = pauses(judged, runs);
        let long_us = LEAST_US.max(LONG * within(&pauses));
        let is_late = |run: &u32| {
            let place = runs.binary_search(run);
            place.is_ok_and(|place| pauses[place] > long_us)
        };
        for one in repeated {
            let late = one.runs.iter().filter(|run| is_late(run)).count();
            if late as f64 >= MOST_SHARE * one.runs.len() as f64 {
                one.runs.iter().for_each(|run| apart[*run as usize] = true);
                if one.runs.len() <= DOUBTFUL && others_between(judged, &one.runs) {
                    doubtful.extend(one.runs);
                }
            }
        }
    }
    Apart {
        runs: apart,
        doubtful,
    }
}

/// Whether another session executed something between the first and the last of these runs of one.
fn others_between(judged: &Judged<'_>, runs: &[u32]) -> bool {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return false;
    };
    let executed = &judged.run(*first).executed;
    let between = &judged.runs[*first as usize..*last as usize];
    between.iter().any(|run| {
        let other = &run.executed;
        other.database == executed.database && other.session != executed.session
    })
}

/// The time before each run in which nothing of the unit was under way.
fn pauses(judged: &Judged<'_>, runs: &[u32]) -> Vec<u64> {
    let mut end_us = None;
    runs.iter()
        .map(|run| {
            let executed = &judged.run(*run).executed;
            let pause = executed
                .sent_us
                .saturating_sub(end_us.unwrap_or(executed.sent_us));
            end_us = end_us.max(Some(executed.finished_us));
            pause
        })
        .collect()
}

/// How long the pauses within requests are: the lower quartile, since there are at least as many of
/// them as between requests wherever requests have more than one statement.
fn within(pauses: &[u64]) -> u64 {
    let mut sorted = pauses.get(1..).unwrap_or_default().to_vec();
    if sorted.is_empty() {
        return 0;
    }
    let quarter = sorted.len() / 4;
    *sorted.select_nth_unstable(quarter).1
}
