//! What is shown while a database is filled: [`SeedProgress`].

use std::time::Duration;

use dbproof_scenarios::seed::{SeedEvent, SeedObserver};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BAR: &str = "{msg:18!} {wide_bar:.cyan} {human_pos}/{human_len} rows {per_sec:>14} ETA {eta}";
const STEP: &str = "{wide_msg} {elapsed:>4}";

/// A bar on standard error; nothing where that is not a terminal.
#[derive(Debug)]
pub(crate) struct SeedProgress {
    bar: ProgressBar,
}

impl SeedProgress {
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target).with_style(template(STEP));
        bar.enable_steady_tick(Duration::from_millis(250));
        SeedProgress { bar }
    }

    /// Removes the bar, so that the result can follow.
    pub(crate) fn finish(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }
}

impl SeedObserver for SeedProgress {
    fn event(&self, event: SeedEvent<'_>) {
        match event {
            SeedEvent::Step(step) => {
                self.bar.set_style(template(STEP));
                self.bar.set_message(step.to_owned());
            }
            SeedEvent::Rows { sent, total, .. } if sent == total => {
                self.bar.set_style(template(STEP));
                self.bar.set_message("indexes and keys");
            }
            SeedEvent::Rows { table, sent, total } => {
                if self.bar.length() != Some(total) {
                    self.bar.set_length(total);
                    self.bar.reset_eta();
                    self.bar.set_style(template(BAR));
                }
                self.bar.set_message(table.to_owned());
                self.bar.set_position(sent);
            }
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).expect("the template is a constant")
}
