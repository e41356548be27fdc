//! What is shown while a run is under way: [`ProgressLine`].

use std::time::Duration;

use dbproof_scenarios::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One line on standard error, redrawn at events only: nothing is drawn while something is
/// measured, and nothing at all where standard error is not a terminal.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    quiet: bool,
}

impl ProgressLine {
    /// A line, or nothing where `quiet` is set or there is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let style = ProgressStyle::with_template("{wide_msg} {elapsed:>4}")
            .expect("the template is a constant");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        ProgressLine { bar, quiet }
    }

    /// Removes the line, so that a report can follow.
    pub(crate) fn finish(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    fn show(&self, message: String) {
        self.bar.set_message(message);
        self.bar.tick();
    }
}

impl Observer for ProgressLine {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::ServerStarting => {
                // Nothing is measured yet, so that the line may live.
                self.bar.enable_steady_tick(Duration::from_millis(250));
                self.show("starting a throw-away PostgreSQL".to_owned());
            }
            Event::ServerReady { version, .. } => {
                self.bar.disable_steady_tick();
                self.show(format!("PostgreSQL {version} is ready"));
            }
            Event::Preparing { what } => self.show(format!("preparing {what}")),
            Event::ScenarioStarted(scenario) => self.show(scenario.as_str().to_owned()),
            Event::Step {
                scenario,
                name,
                done,
                total,
            } => {
                self.show(format!(
                    "{} [{}/{total}] {name}",
                    scenario.as_str(),
                    done + 1
                ));
            }
            // What the command writes is its own.
            Event::Watching {
                has_command: true, ..
            } => self.finish(),
            Event::Watching {
                listened, server, ..
            } => {
                self.finish();
                if !self.quiet {
                    anstream::eprintln!(
                        "watching {server}: let the application connect to {listened} instead; \
                         Ctrl-C ends the watch and makes the report"
                    );
                }
            }
            Event::Judging => {
                self.bar.reset();
                self.show("judging what passed".to_owned());
            }
            Event::ScenarioFinished(scenario, verdict) => {
                self.show(format!("{} {}", scenario.as_str(), verdict.as_str()));
            }
        }
    }
}
