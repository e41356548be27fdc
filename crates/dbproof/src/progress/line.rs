//! One line that is drawn at most once a second: [`Line`].

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// No two drawings are nearer to each other.
const PAUSE: Duration = Duration::from_secs(1);

/// A line on standard error. Nothing is drawn where that is no terminal, in CI (`CI` is set), or where
/// `quiet` is set.
///
/// Whoever measures only leaves the text here: it is drawn by a thread of its own, once, and not again
/// until there is another text. Only what is [live](Line::live) is drawn every second, with its time,
/// because nothing is measured meanwhile.
pub(crate) struct Line {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    bar: ProgressBar,
    text: String,
    due: Due,
    drawn: Option<Instant>,
    on_screen: bool,
    ended: bool,
}

/// What is still to be drawn.
#[derive(PartialEq)]
enum Due {
    Nothing,
    Once,
    EverySecond,
}

impl Line {
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet || in_ci() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target).with_style(style());
        let hidden = bar.is_hidden();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                bar,
                text: String::new(),
                due: Due::Nothing,
                drawn: None,
                on_screen: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        // Progress is a courtesy: where no thread can be had, there is none.
        let thread = (!hidden)
            .then(|| std::thread::Builder::new().spawn(move || of_thread.draw()))
            .and_then(Result::ok);
        Line { shared, thread }
    }

    /// Shows this until there is something else, drawn once.
    pub(crate) fn show(&self, text: String) {
        self.set(text, Due::Once);
    }

    /// Shows this with its time, drawn every second: nothing is measured meanwhile.
    pub(crate) fn live(&self, text: String) {
        self.set(text, Due::EverySecond);
    }

    /// Takes the line away until something is shown again.
    pub(crate) fn clear(&self) {
        let mut state = self.shared.lock();
        state.due = Due::Nothing;
        if state.on_screen {
            state.bar.finish_and_clear();
            state.on_screen = false;
        }
    }

    fn set(&self, text: String, due: Due) {
        let mut state = self.shared.lock();
        state.text = text;
        state.due = due;
        drop(state);
        self.shared.changed.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.clear();
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell, and a panic of it is no reason for another one.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

impl Shared {
    /// Nothing that holds the lock can leave the state half-changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let mut state = self.lock();
        while !state.ended {
            let rest = state
                .drawn
                .and_then(|drawn| PAUSE.checked_sub(drawn.elapsed()))
                .filter(|rest| !rest.is_zero());
            state = match (state.due != Due::Nothing, rest) {
                (false, _) => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                (true, Some(rest)) => {
                    let waited = self.changed.wait_timeout(state, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                (true, None) => {
                    if state.due == Due::Once {
                        state.due = Due::Nothing;
                    }
                    state.drawn = Some(Instant::now());
                    let text = state.text.clone();
                    if state.bar.is_finished() {
                        // Taken away before: it begins anew, with its time.
                        let (target, style) = (ProgressDrawTarget::stderr(), style());
                        state.bar = ProgressBar::with_draw_target(None, target).with_style(style);
                    }
                    state.bar.set_message(text);
                    state.on_screen = true;
                    state
                }
            };
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_msg} {elapsed:>4}").expect("the template is a constant")
}

/// Logs are no terminals, even where a CI system pretends to be one.
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}
