//! The hidden command that removes a run's databases once the run has ended, however it ended.

use dbproof_postgres::janitor_main;

use crate::exit::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    janitor_main(std::io::stdin())?;
    Ok(Outcome::Pass)
}
