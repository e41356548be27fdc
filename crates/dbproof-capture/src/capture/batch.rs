//! Executions on their way to whoever takes them: [`Batch`].

use dbproof_analysis::traffic::Executed;

use crate::protocol::{Collector, SessionEvent};

/// Executions and events of all sessions, each in the order in which they finished or happened.
#[derive(Debug, Default)]
pub struct Batch {
    /// What was executed.
    pub executed: Vec<Executed>,
    /// What else happened.
    pub events: Vec<SessionEvent>,
}

/// As many executions are handed on together.
const MOST_EXECUTIONS: usize = 512;
/// A batch is handed on, too, when it holds this many values.
const MOST_VALUES: usize = 1 << 16;
/// And when its first execution has waited this long, in microseconds, and another one comes.
const LONGEST_US: u64 = 20_000;

impl Batch {
    /// Takes what a collector has, if it is time to hand it on.
    pub(super) fn if_due(collector: &mut Collector, now_us: u64) -> Option<Self> {
        let first = collector.executed.first()?;
        let due = collector.executed.len() >= MOST_EXECUTIONS
            || collector.values() >= MOST_VALUES
            || now_us.saturating_sub(first.finished_us) >= LONGEST_US;
        if due { Self::of(collector) } else { None }
    }

    /// Takes all that a collector has; `None` if that is nothing.
    pub(super) fn of(collector: &mut Collector) -> Option<Self> {
        let (executed, events) = collector.take();
        if executed.is_empty() && events.is_empty() {
            return None;
        }
        Some(Self { executed, events })
    }
}
