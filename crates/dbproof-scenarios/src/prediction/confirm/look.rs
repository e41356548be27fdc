//! A look at everybody who is at a statement: [`Look`].

use dbproof_postgres::PostgresError;
use futures_util::stream::StreamExt as _;

use super::outcome::StepOutcome;
use super::running::{Done, Running, Sent, Wait};

/// What a look at everybody came to.
pub(super) enum Look {
    /// Somebody has an answer.
    Answer(Done),
    /// Whoever is at a statement is blocked for good: by somebody who does nothing, or by somebody who
    /// is blocked so.
    Settled,
    /// Somebody may still go on, or be ended by the server, by itself.
    Moving,
}

impl Running<'_> {
    /// Looks once at everybody who is at a statement.
    pub(super) async fn look(&mut self) -> Result<Look, PostgresError> {
        let mut waits: Vec<Option<Vec<usize>>> = vec![None; self.states.len()];
        let mut all_blocked = true;
        let states = self.states.iter().enumerate();
        let busy: Vec<usize> = states
            .filter(|(_, state)| state.busy.is_some())
            .map(|(member, _)| member)
            .collect();
        for member in busy {
            let pid = self.stage.parties[member].pid;
            let watcher = &self.stage.watcher;
            let blockers = tokio::select! {
                biased;
                Some(done) = self.answers.next() => return Ok(Look::Answer(done)),
                blockers = watcher.blockers(pid) => blockers?,
            };
            let by_gate = blockers.contains(&self.stage.gate.pid);
            let members: Vec<usize> = blockers
                .iter()
                .filter_map(|pid| self.stage.member(*pid))
                .collect();
            if members.is_empty() && !by_gate {
                all_blocked = false;
                self.stranger = blockers.first().map(|pid| (member, *pid)).or(self.stranger);
                continue;
            }
            self.remember(member, &members, by_gate).await?;
            waits[member] = Some(members);
        }
        let settled = all_blocked && !has_cycle(&waits);
        Ok(if settled { Look::Settled } else { Look::Moving })
    }

    /// Keeps whom a member waits for, and what for.
    async fn remember(
        &mut self,
        member: usize,
        blockers: &[usize],
        by_gate: bool,
    ) -> Result<(), PostgresError> {
        let known = self.states[member].wait.as_ref();
        if known.is_some_and(|wait| wait.blockers == blockers && wait.by_gate == by_gate) {
            return Ok(());
        }
        let lock = self.stage.watcher.awaited(self.stage.parties[member].pid);
        let lock = lock.await?.map(|lock| lock.description);
        let state = &mut self.states[member];
        let Some((Sent::Statement(statement), _)) = state.busy else {
            return Ok(());
        };
        let wait = Wait {
            blockers: blockers.to_vec(),
            by_gate,
            lock: lock.or_else(|| state.wait.take().and_then(|wait| wait.lock)),
        };
        state.wait = Some(wait.clone());
        let waits = StepOutcome::Waits {
            blockers: wait.blockers,
            by_gate,
            lock: wait.lock,
        };
        self.note(Some(member), Some(statement), waits);
        Ok(())
    }
}

/// Whether somebody waits, over others, for itself.
fn has_cycle(waits: &[Option<Vec<usize>>]) -> bool {
    let reaches = |start: usize| {
        let mut seen = vec![false; waits.len()];
        let mut next: Vec<usize> = waits[start].clone().unwrap_or_default();
        while let Some(member) = next.pop() {
            if member == start {
                return true;
            }
            if !std::mem::replace(&mut seen[member], true) {
                next.extend(waits[member].iter().flatten());
            }
        }
        false
    };
    (0..waits.len()).any(reaches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_told_from_a_queue() {
        let waits = |waits: &[&[usize]]| -> Vec<Option<Vec<usize>>> {
            let each = waits.iter().map(|w| (!w.is_empty()).then(|| w.to_vec()));
            each.collect()
        };
        assert!(has_cycle(&waits(&[&[1], &[0]])));
        assert!(has_cycle(&waits(&[&[1], &[2], &[3, 1], &[]])));
        assert!(!has_cycle(&waits(&[&[1], &[], &[0, 1]])));
    }
}
