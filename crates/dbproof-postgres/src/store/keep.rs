//! For how long runs are kept: [`Keep`].

use std::fmt;
use std::str::FromStr;

/// For how long the runs of a project are kept, in days. Written `90d`, or `12w` for weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    days: i32,
}

/// The text is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of days or weeks, at least one, such as 90d or 12w")]
pub struct KeepError(String);

impl Keep {
    /// The number of days.
    #[must_use]
    pub fn days(self) -> i32 {
        self.days
    }
}

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let days = match text.char_indices().next_back() {
            Some((end, 'd')) => text[..end].parse::<i32>().ok(),
            Some((end, 'w')) => text[..end]
                .parse::<i32>()
                .ok()
                .and_then(|w| w.checked_mul(7)),
            _ => None,
        };
        // A thousand years: dates far before that are none to the server.
        days.filter(|days| (1..=365_000).contains(days))
            .map(|days| Keep { days })
            .ok_or_else(|| KeepError(text.to_owned()))
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.days == 1 { "" } else { "s" };
        write!(f, "{} day{plural}", self.days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks_are_read_and_nothing_else() {
        let days = |text: &str| text.parse::<Keep>().map(Keep::days).ok();
        assert_eq!(
            (days("90d"), days("2w"), days("1d")),
            (Some(90), Some(14), Some(1))
        );
        for text in [
            "",
            "d",
            "0d",
            "-1d",
            "90",
            "90 d",
            "3m",
            "99999999999d",
            "99999999w",
            "9é",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
