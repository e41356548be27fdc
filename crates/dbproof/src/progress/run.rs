//! What a run shows: [`ProgressLine`].

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use dbproof_model::Scenario;
use dbproof_scenarios::{Event, Observer};

use super::left;
use super::line::Line;

/// `[2/4] regress 3 of 5, order_history, about 9 s left`
#[derive(Debug)]
pub(crate) struct ProgressLine {
    line: Line,
    quiet: bool,
    at: Mutex<At>,
}

/// How far the run is.
#[derive(Debug, Default)]
struct At {
    scenarios: usize,
    begun: usize,
    scenario: Option<(Scenario, Instant)>,
}

impl ProgressLine {
    /// A line, or nothing where `quiet` is set or there is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        ProgressLine {
            line: Line::new(quiet),
            quiet,
            at: Mutex::default(),
        }
    }

    /// Removes the line, so that a report can follow.
    pub(crate) fn finish(&self) {
        self.line.clear();
    }

    /// `[2/4] regress`
    fn begin(&self, scenario: Scenario) -> String {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.scenario.is_none_or(|(before, _)| before != scenario) {
            at.scenario = Some((scenario, Instant::now()));
            at.begun += 1;
        }
        match (at.begun, at.scenarios) {
            (_, 0 | 1) => scenario.as_str().to_owned(),
            (begun, all) => format!("[{begun}/{all}] {}", scenario.as_str()),
        }
    }

    fn step(&self, scenario: Scenario, name: &str, done: usize, total: usize) {
        let begin = self.begin(scenario);
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = at.scenario.map_or_else(String::new, |(_, since)| {
            left(since.elapsed(), done as f64, total as f64)
        });
        self.line
            .show(format!("{begin} {} of {total}, {name}{rest}", done + 1));
    }
}

impl Observer for ProgressLine {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { scenarios } => {
                let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
                at.scenarios = scenarios;
            }
            Event::ServerStarting => {
                self.line
                    .live("starting a throw-away PostgreSQL".to_owned());
            }
            Event::ServerReady { version, .. } => {
                self.line.live(format!("PostgreSQL {version} is ready"));
            }
            Event::Preparing { what } => self.line.live(format!("preparing {what}")),
            Event::ScenarioStarted(scenario) => {
                let begin = self.begin(scenario);
                self.line.show(begin);
            }
            Event::Step {
                scenario,
                name,
                done,
                total,
            } => self.step(scenario, name, done, total),
            // What the command writes is its own.
            Event::Watching {
                has_command: true, ..
            } => self.line.clear(),
            Event::Watching {
                listened, server, ..
            } => {
                self.line.clear();
                if !self.quiet {
                    anstream::eprintln!(
                        "watching {server}: let the application connect to {listened} instead; \
                         Ctrl-C ends the watch and makes the report"
                    );
                }
                self.line.live(format!("watching {server}"));
            }
            Event::Judging => self.line.live("judging what passed".to_owned()),
            Event::ScenarioFinished(scenario, verdict) => {
                let begin = self.begin(scenario);
                self.line.show(format!("{begin}: {}", verdict.as_str()));
            }
        }
    }
}
