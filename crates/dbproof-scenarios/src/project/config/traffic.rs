//! `[nplusone]` and `[watch]`: what an application's statements are held against.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{place_of_key, positive};
use crate::error::InputError;

/// `[nplusone]`: one query, and then N more.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NPlusOneConfig {
    /// The folder of the pages to run.
    pub pages: String,
    /// How often each page is run for its wall time.
    pub runs: u32,
    /// Sessions that run all pages at the same time for the interleaved trace.
    pub sessions: u32,
    /// Children of one result from which on an N+1 is proven.
    pub proven_children: u64,
    /// Distinct values in one unit of work from which on an N+1 is likely.
    pub likely_values: u64,
    /// Repetitions of one value in one unit of work that make a duplicate.
    pub duplicate_repeats: u64,
    /// The share of the children's values that one result has to supply, above 0 and up to 1.
    pub coverage: f64,
    /// Idle time of a session, in milliseconds, that ends a burst of statements.
    pub burst_gap_ms: f64,
    /// Repetition that is meant, with the reason: it is shown, and fails nothing.
    pub ignore: Vec<IgnoreConfig>,
}

/// An entry of `[nplusone] ignore`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IgnoreConfig {
    /// A part of the repeated statement; its values and its layout do not matter. This or `tag`.
    pub template: Option<String>,
    /// A tag of the statement's comment as `key=value`, such as `route=/health`. This or `template`.
    pub tag: Option<String>,
    /// Why the repetition is meant.
    pub reason: String,
}

impl Default for NPlusOneConfig {
    fn default() -> Self {
        NPlusOneConfig {
            pages: "pages".to_owned(),
            runs: 30,
            sessions: 8,
            proven_children: 2,
            likely_values: 5,
            duplicate_repeats: 3,
            coverage: 0.9,
            burst_gap_ms: 50.0,
            ignore: Vec::new(),
        }
    }
}

/// `[watch]`: what passes by while an application runs.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// A statement that takes at least so many milliseconds is slow; `[slow] threshold_ms` where
    /// nothing is said, and 100 where that is not either.
    pub slow_ms: Option<f64>,
    /// A transaction that waits for its application for at least so many milliseconds was left idle.
    pub idle_ms: f64,
    /// Variables of the command's environment to point at dbproof, as `--env` names them.
    pub env: Vec<String>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        WatchConfig {
            slow_ms: None,
            idle_ms: 1000.0,
            env: Vec::new(),
        }
    }
}

impl NPlusOneConfig {
    /// Refuses thresholds and entries that have no sense.
    pub(super) fn check(&self, file: &str, text: &str) -> Result<(), Box<InputError>> {
        let wrong = |key: &str, message: String| {
            Err(InputError::at(
                format!("`{key}` {message}"),
                place_of_key(file, text, key),
            ))
        };
        let counts = [
            ("proven_children", self.proven_children, 2),
            ("likely_values", self.likely_values, 2),
            ("duplicate_repeats", self.duplicate_repeats, 2),
        ];
        for (key, count, least) in counts {
            if count < least {
                return wrong(key, format!("must be at least {least}"));
            }
        }
        if !(positive(self.coverage) && self.coverage <= 1.0) {
            return wrong("coverage", "must be a share above 0 and up to 1".to_owned());
        }
        if !positive(self.burst_gap_ms) {
            return wrong(
                "burst_gap_ms",
                "must be a number of milliseconds above 0".to_owned(),
            );
        }
        for (number, entry) in (1..).zip(&self.ignore) {
            if let Err(message) = entry.check() {
                return wrong("ignore", format!("entry {number} {message}"));
            }
        }
        Ok(())
    }
}

impl IgnoreConfig {
    fn check(&self) -> Result<(), &'static str> {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.trim().is_empty());
        if filled(&self.template) == filled(&self.tag) {
            return Err("must name either a `template` or a `tag`");
        }
        if self.tag.as_ref().is_some_and(|tag| !tag.contains('=')) {
            return Err("has a `tag` that is not written as key=value");
        }
        if self.reason.trim().is_empty() {
            return Err("must give a `reason`");
        }
        Ok(())
    }
}
