//! The outcome of a check: [`Verdict`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of a query, a scenario, or a whole run.
///
/// What could not be checked is [`Verdict::Inconclusive`], never [`Verdict::Pass`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Checked, and within bounds.
    Pass,
    /// Checked, and out of bounds.
    Fail,
    /// Not checked, or checked on too little to tell.
    Inconclusive,
}

impl Verdict {
    /// The verdict of a whole made of parts: one failure fails it, one doubt leaves it undecided,
    /// and no parts at all prove nothing.
    pub fn of_all(parts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let mut whole = None;
        for part in parts {
            whole = Some(match (whole, part) {
                (_, Verdict::Fail) | (Some(Verdict::Fail), _) => Verdict::Fail,
                (_, Verdict::Inconclusive) | (Some(Verdict::Inconclusive), _) => {
                    Verdict::Inconclusive
                }
                (_, Verdict::Pass) => Verdict::Pass,
            });
        }
        whole.unwrap_or(Verdict::Inconclusive)
    }

    /// The verdict as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Fail, Inconclusive, Pass};

    #[test]
    fn one_failure_fails_the_whole_and_no_parts_prove_nothing() {
        assert_eq!(Verdict::of_all([Pass, Pass]), Pass);
        assert_eq!(Verdict::of_all([Pass, Inconclusive]), Inconclusive);
        assert_eq!(Verdict::of_all([Inconclusive, Fail, Pass]), Fail);
        assert_eq!(Verdict::of_all([Fail, Inconclusive]), Fail);
        assert_eq!(Verdict::of_all([]), Inconclusive);
    }
}
