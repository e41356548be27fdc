//! An application at work, for a watch to see: [`replay`].

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use crate::application::{Style, call, connect, set_up};
use crate::suite::Suite;

/// As many connections as an application's pool has.
const POOL: usize = 3;

/// Every style.
pub(crate) const STYLES: [Style; 2] = [Style::Committed, Style::Tests];

/// Makes the suite's tables in the database of `DATABASE_URL`, and calls each transaction with the
/// values that are seen, one after the other.
pub(crate) async fn replay(suite: &Suite, style: Style) -> Result<(), String> {
    let url = std::env::var("DATABASE_URL").map_err(|error| format!("DATABASE_URL: {error}"))?;
    let mut pool = Vec::new();
    for _ in 0..POOL {
        pool.push(connect(&url).await.map_err(|error| error.to_string())?);
    }
    let made = set_up(&pool[0], suite).await;
    made.map_err(|error| format!("{}: {error:?}", suite.folder.display()))?;
    for (template, client) in suite.templates.iter().zip(pool.iter().cycle()) {
        for instance in 0..template.seen {
            call(client, template, instance, style).await?;
        }
    }
    Ok(())
}

impl Style {
    fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Tests => "tests",
        }
    }
}

impl Display for Style {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Style {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = STYLES.into_iter().find(|style| style.name() == name);
        found.ok_or_else(|| format!("no style `{name}`"))
    }
}
