//! Detection on a stream of executions: [`Detector`].

use dbproof_model::{Finding, Schema};
use rustc_hash::FxHashMap;

use super::accumulate::Accumulators;
use super::groups::drawn;
use super::identity::Identity;
use super::ignore::IgnoreRule;
use super::judge::Judged;
use super::reading::{Readings, Resolver};
use super::window::{Limits, Window};
use super::{Detection, Thresholds};
use crate::findings::{capture_incomplete, unused_ignore};
use crate::traffic::Executed;

/// Executions of one window.
const WINDOW_EXECUTIONS: usize = 32_768;
/// Bytes of one window.
const WINDOW_BYTES: usize = 16 << 20;
/// Only so many reasons are told why a capture is incomplete.
const MOST_REASONS: usize = 10;

/// Finds statements that are executed once per row, per value, or again and again, in executions as
/// they come, and needs no more memory for many of them than for some.
///
/// Executions are kept in a window. It is judged and forgotten in a pause of all sessions, or when it
/// is full. Units of work that are not over then are kept: transactions until they end or
/// have been idle for ten seconds, tags until nobody has used them for a second, bursts for twenty
/// burst gaps, since children over other connections may follow. So a finding depends on where windows end only where that does not fit into half of a
/// window: one unit of work has more than 8,192 executions, or all that are under way have more than
/// 16,384.
#[derive(Debug)]
pub struct Detector {
    thresholds: Thresholds,
    window: Window,
    readings: Readings,
    identity: Identity,
    resolver: Resolver,
    accumulators: Accumulators,
    incomplete: Vec<String>,
    executions: u64,
    /// Loops that were found.
    loops: u64,
    /// When each session sent its first statement.
    sessions: FxHashMap<u32, u64>,
}

impl Detector {
    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Self {
        Self::with_window(thresholds, WINDOW_EXECUTIONS, WINDOW_BYTES)
    }

    pub(super) fn with_window(thresholds: Thresholds, executions: usize, bytes: usize) -> Self {
        let limits = Limits {
            executions,
            bytes,
            gap_us: thresholds.burst_gap_us(),
        };
        Self {
            thresholds,
            window: Window::new(limits),
            readings: Readings::default(),
            identity: Identity::default(),
            resolver: Resolver::default(),
            accumulators: Accumulators::default(),
            incomplete: Vec::new(),
            executions: 0,
            loops: 0,
            sessions: FxHashMap::default(),
        }
    }

    /// Leaves repetition alone that is meant to be. Say so before the first execution.
    #[must_use]
    pub fn ignoring(mut self, rules: Vec<IgnoreRule>) -> Self {
        self.accumulators.rules = rules;
        self
    }

    /// Takes an execution. Those of one session have to come in order; sessions may be ahead of one
    /// another.
    pub fn push(&mut self, executed: Executed) {
        self.executions += 1;
        let opened = self.sessions.entry(executed.session);
        let opened_us = *opened.or_insert(executed.sent_us);
        let is_quiet = self.window.is_quiet_before(&executed) && self.identity.wanted().is_empty();
        if is_quiet || self.window.is_full() {
            self.window.part_savepoints();
            let closed = self.window.closed();
            self.judge(&closed);
        }
        let reading = self.readings.of(&executed, &mut self.identity);
        self.window.push(executed, reading, opened_us);
    }

    /// The catalog of a database as it was read now. It may come late, and again after tables have
    /// changed; relations that it does not tell of any more stay known.
    pub fn schema(&mut self, database: u32, schema: Schema) {
        self.identity.tell(database, schema);
    }

    /// The databases with result columns of relations that no catalog has told of yet.
    #[must_use]
    pub fn wants_schema(&self) -> Vec<u32> {
        self.identity.wanted()
    }

    /// Says that not everything was captured, and why.
    pub fn incomplete(&mut self, reason: String) {
        if self.incomplete.len() < MOST_REASONS && !self.incomplete.contains(&reason) {
            self.incomplete.push(reason);
        }
    }

    /// Judges what is left, and tells what was found.
    #[must_use]
    pub fn finish(mut self) -> Detection {
        self.window.part_savepoints();
        let closed = vec![true; self.window.units.len()];
        self.judge(&closed);
        if self.accumulators.left_out > 0 {
            let left_out = self.accumulators.left_out;
            self.incomplete(format!(
                "more different statements repeat than are told apart; {left_out} further loops \
                 were left out"
            ));
        }
        let unused = self.unused_rules();
        let mut detection = Detection {
            executions: self.executions,
            sessions: self.sessions.len() as u64,
            incomplete: self.incomplete,
            ..Detection::default()
        };
        for drawn in drawn(self.accumulators, &self.identity) {
            detection.groups.push(drawn.group);
            detection.samples.push(drawn.sample);
            detection.findings.extend(drawn.finding);
        }
        detection.findings.extend(unused);
        if !detection.incomplete.is_empty() {
            let reasons = detection.incomplete.join("; ");
            detection
                .findings
                .push(capture_incomplete::finding(Some(&reasons), 0));
        }
        detection
    }

    fn judge(&mut self, closed: &[bool]) {
        let judged = Judged::of(
            &mut self.window,
            &mut self.resolver,
            &mut self.identity,
            &self.thresholds,
        );
        let sightings = judged.sightings(closed);
        for sighting in &sightings {
            self.accumulators.add(&judged, &self.identity, sighting);
        }
        for sighting in &sightings {
            self.loops += 1;
            let looped = sighting.source.as_ref().map(|_| self.loops);
            for child in &sighting.children {
                let run = &mut self.window.runs[*child as usize];
                run.taken = true;
                run.looped = looped;
            }
        }
        self.window.forget(closed);
    }

    fn unused_rules(&self) -> Vec<Finding> {
        let used = |rule: usize| {
            self.accumulators
                .groups
                .iter()
                .any(|g| g.key.ignored == Some(rule))
        };
        let rules = self.accumulators.rules.iter().enumerate();
        rules
            .filter(|(at, _)| !used(*at))
            .map(|(_, rule)| unused_ignore::finding(rule))
            .collect()
    }
}
