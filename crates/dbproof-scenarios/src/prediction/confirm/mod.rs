//! Does a candidate deadlock? [`confirm`] runs its transactions against each other.
//!
//! Each transaction runs up to the lock that another one wants; then each goes on to the lock that
//! it wants itself. Whoever is blocked stays so while the others go on, and what was predicted does
//! not matter: a deadlock is one when the server says so (40P01) and names two of the transactions.
//! Everything is rolled back.
//!
//! * `plan`: the orders to try; `gate`: what pauses a transaction in the middle of a statement.
//! * `stage`: the sessions; `running`: one order; `look`: who is blocked; `outcome`: what it came to.

mod gate;
mod look;
mod outcome;
mod plan;
mod running;
mod stage;

use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::Candidate;
use dbproof_analysis::traffic::SentText;
use dbproof_model::DeadlockTimeline;
use dbproof_postgres::{Address, PostgresError};

use gate::NoGate;
use outcome::Played;
pub use outcome::{NotConfirmed, ScheduleStep, StepOutcome};
use plan::{GateSpec, Plan};
use running::Running;
use stage::Stage;

/// How long one order may take, besides three times the `deadlock_timeout`.
const ORDER_LIMIT: Duration = Duration::from_secs(10);

/// The session of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSession {
    /// What the timeline calls it; no two are the same.
    pub name: String,
    /// The statement that begins its transaction, where that says more than `BEGIN`.
    pub begin: Option<String>,
    /// What the session sets before that: the search path, `lock_timeout`.
    pub settings: Vec<SentText>,
    /// Whether its statements run outside of a transaction block. What they do stays done, so that only one
    /// order is run.
    pub outside: bool,
}

/// How to confirm.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmOptions {
    /// Whether literals stay in the statements of the timeline.
    pub keep_values: bool,
    /// How long all orders together may take.
    pub limit: Duration,
}

/// What running a candidate came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// How many orders were run, the one that deadlocked included.
    pub orders_tried: u64,
    /// The deadlock, or why there was none.
    pub outcome: Result<Box<Confirmed>, Vec<NotConfirmed>>,
}

/// A deadlock that the server has reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmed {
    /// The member that got 40P01.
    pub victim: usize,
    /// The members in the cycle, as the server names their processes, in ascending order.
    pub members: Vec<usize>,
    /// What was done, step by step.
    pub schedule: Vec<ScheduleStep>,
    /// The same on a line of time.
    pub timeline: DeadlockTimeline,
}

/// A candidate with the names and settings of its sessions.
#[derive(Debug, Clone, Copy)]
struct Case<'a> {
    candidate: &'a Candidate,
    sessions: &'a [MemberSession],
    keep_values: bool,
}

/// Runs the transactions of a candidate in every order that may deadlock, until one does.
///
/// The database is a throw-away one: its rows are what they were afterwards, its sequences and dead
/// tuples are not. `sessions` has one entry for each member.
pub async fn confirm(
    address: &Address,
    candidate: &Candidate,
    sessions: &[MemberSession],
    options: ConfirmOptions,
) -> Result<Confirmation, PostgresError> {
    let case = Case {
        candidate,
        sessions,
        keep_values: options.keep_values,
    };
    if let Some(reason) = outcome::not_runnable(candidate) {
        return Ok(Confirmation {
            orders_tried: 0,
            outcome: Err(vec![reason]),
        });
    }
    let mut stage = Stage::open(address, candidate.members.len()).await?;
    let confirmation = Box::pin(try_orders(&mut stage, case, options.limit)).await;
    let closed = stage.close().await;
    let confirmation = confirmation?;
    closed?;
    Ok(confirmation)
}

async fn try_orders(
    stage: &mut Stage,
    case: Case<'_>,
    limit: Duration,
) -> Result<Confirmation, PostgresError> {
    let began = Instant::now();
    let mut orders_tried = 0;
    let mut reasons: Vec<NotConfirmed> = Vec::new();
    // Members whose statement never reaches the row that the gate is at.
    let mut missed: Vec<usize> = Vec::new();
    let once = case.sessions.iter().any(|session| session.outside);
    let most = if once { 1 } else { usize::MAX };
    for plan in plan::plans(case.candidate).into_iter().take(most) {
        if let Some(GateSpec::Entry { member, .. }) = &plan.gate
            && missed.contains(member)
        {
            continue;
        }
        let hopeless = |reason: &NotConfirmed| {
            matches!(
                reason,
                NotConfirmed::Stranger { .. } | NotConfirmed::OutOfTime
            )
        };
        if reasons.iter().any(hopeless) {
            break;
        }
        let left = limit.saturating_sub(began.elapsed());
        if left.is_zero() {
            outcome::add(&mut reasons, NotConfirmed::OutOfTime);
            break;
        }
        orders_tried += 1;
        let played = one_order(stage, case, &plan, left).await?;
        match played.confirmed {
            Some(confirmed) => {
                return Ok(Confirmation {
                    orders_tried,
                    outcome: Ok(Box::new(confirmed)),
                });
            }
            None => {
                for reason in played.reasons {
                    outcome::add(&mut reasons, reason);
                }
            }
        }
        if let (true, Some(GateSpec::Entry { member, .. })) = (played.gate_missed, &plan.gate) {
            missed.push(*member);
        }
    }
    if reasons.len() > 1 {
        reasons.retain(|reason| *reason != NotConfirmed::NobodyWaited);
    }
    reasons.sort_by_key(NotConfirmed::rank);
    Ok(Confirmation {
        orders_tried,
        outcome: Err(reasons),
    })
}

/// Runs one order within its limit, and leaves the sessions as they were.
async fn one_order(
    stage: &mut Stage,
    case: Case<'_>,
    plan: &Plan,
    left: Duration,
) -> Result<Played, PostgresError> {
    if let Some(gate) = &plan.gate {
        match gate::prepare(stage, gate).await {
            Ok(()) => {}
            Err(NoGate::Why(why)) => return Ok(Played::not(NotConfirmed::Gate(why))),
            Err(NoGate::Lost(error)) => return Err(error),
        }
    }
    let limit = left.min(ORDER_LIMIT + stage.deadlock_timeout() * 3);
    let running = Running::new(stage, case, limit);
    // Whatever else may hang, a server that does not answer among it.
    let played = tokio::time::timeout(limit * 2, Box::pin(running.play(plan))).await;
    stage.reset(played.is_err()).await?;
    match played {
        Ok(played) => played,
        Err(_) => Ok(Played::not(NotConfirmed::OutOfTime)),
    }
}
