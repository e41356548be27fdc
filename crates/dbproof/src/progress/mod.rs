//! What is shown while something is under way: one line on standard error, where that is a terminal.
//!
//! * `line`: the line itself, at most once a second.
//! * `run`: what a run and a watch show on it; `seed`: what a seed does.

mod line;
mod run;
mod seed;

use std::time::Duration;

pub(crate) use run::ProgressLine;
pub(crate) use seed::SeedProgress;

/// Too early, nothing can be told of the rest.
const LEAST_SHARE: f64 = 0.05;
const LEAST_TIME: Duration = Duration::from_secs(1);

/// `, about 12 s left`, by the share that is done and the time that it took; nothing where it is too
/// early to tell.
fn left(elapsed: Duration, done: f64, total: f64) -> String {
    let share = done / total;
    if !(LEAST_SHARE..1.0).contains(&share) || elapsed < LEAST_TIME {
        return String::new();
    }
    let seconds = (elapsed.as_secs_f64() * (1.0 - share) / share).ceil();
    if seconds < 120.0 {
        format!(", about {seconds:.0} s left")
    } else {
        format!(", about {:.0} min left", (seconds / 60.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_told_by_the_share_that_is_done() {
        let check = |seconds, done, total, expected: &str| {
            assert_eq!(left(Duration::from_secs(seconds), done, total), expected);
        };
        check(30, 3.0, 4.0, ", about 10 s left");
        check(300, 1.0, 4.0, ", about 15 min left");
        check(30, 0.0, 4.0, "");
        check(30, 1.0, 100.0, "");
        check(0, 1.0, 2.0, "");
        check(30, 4.0, 4.0, "");
        check(30, 0.0, 0.0, "");
    }
}
