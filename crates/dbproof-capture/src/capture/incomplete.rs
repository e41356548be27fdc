//! What is missing from a capture: [`Incomplete`].

use crate::protocol::{NotRead, SessionEvent, SessionNews, Totals};
use crate::tap::Closed;

/// Kinds of reasons that are kept apart.
const MOST_REASONS: usize = 50;

/// What is missing from a capture, gathered from its events.
#[derive(Debug, Default)]
pub(super) struct Incomplete {
    pub(super) sessions: u32,
    pub(super) dropped: u64,
    pub(super) unfinished: u32,
    /// Why sessions were read no further: how many, and the first of them.
    not_read: Vec<(NotRead, u32, u32)>,
    /// Sessions for whose reason there was no room.
    others: u32,
}

impl Incomplete {
    pub(super) fn note(&mut self, events: &[SessionEvent]) {
        for event in events {
            match &event.what {
                SessionNews::NotRead { reason, .. } => self.unread(reason, event.session),
                SessionNews::Over {
                    closed: Closed::Stopped,
                    in_flight: 1..,
                } => self.unfinished += 1,
                _ => {}
            }
        }
    }

    fn unread(&mut self, reason: &NotRead, session: u32) {
        if let Some((_, count, _)) = self.not_read.iter_mut().find(|(r, ..)| r == reason) {
            *count += 1;
        } else if self.not_read.len() < MOST_REASONS {
            self.not_read.push((reason.clone(), 1, session));
        } else {
            self.others += 1;
        }
    }

    /// Why something is missing; empty if nothing is.
    pub(super) fn reasons(&self, totals: Totals) -> Vec<String> {
        let mut reasons = self.told(|reason| !reason.is_by_design());
        if self.others > 0 {
            reasons.push(format!("{} sessions more could not be read", self.others));
        }
        let mut count = |count: u64, what: &str| {
            if count > 0 {
                reasons.push(format!("{count} {what}"));
            }
        };
        count(self.dropped, "executions were not taken by the analysis");
        count(
            totals.unassigned,
            "results belong to no statement that could be read",
        );
        count(
            totals.without_parameters,
            "statements were executed with parameters that could not be held, because too much was in flight",
        );
        reasons
    }

    /// Sessions without statements.
    pub(super) fn by_design(&self) -> Vec<String> {
        self.told(NotRead::is_by_design)
    }

    fn told(&self, which: impl Fn(&NotRead) -> bool) -> Vec<String> {
        let told = self.not_read.iter().filter(|(reason, ..)| which(reason));
        told.map(|(reason, count, first)| match count {
            1 => format!("session {first} was not read: {reason}"),
            _ => format!("{count} sessions, the first of them {first}, were not read: {reason}"),
        })
        .collect()
    }
}
