//! What happens during a run, for whoever shows it: [`Event`].

use std::net::SocketAddr;

use dbproof_model::{Scenario, Verdict};

/// What happens during a run. Nothing is sent from inside a measuring loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// What is going to happen is known.
    Planned {
        /// The number of scenarios.
        scenarios: usize,
    },
    /// A throw-away server is being started.
    ServerStarting,
    /// The server answers.
    ServerReady {
        /// Its version.
        version: &'a str,
        /// Whether it is a throw-away one.
        ephemeral: bool,
    },
    /// A database is being made, migrated and seeded.
    Preparing {
        /// What for.
        what: &'a str,
    },
    /// A scenario begins.
    ScenarioStarted(Scenario),
    /// A part of a scenario begins.
    Step {
        /// The scenario.
        scenario: Scenario,
        /// What the part is about, such as a query's name.
        name: &'a str,
        /// Parts done before it.
        done: usize,
        /// Parts in all.
        total: usize,
    },
    /// An application's traffic is watched from now on.
    Watching {
        /// Where dbproof listens.
        listened: SocketAddr,
        /// The server behind it, without a password.
        server: &'a str,
        /// Whether dbproof itself has started the application.
        has_command: bool,
    },
    /// The application is done; what passed is judged.
    Judging,
    /// A scenario has its verdict.
    ScenarioFinished(Scenario, Verdict),
}

/// Is told what happens during a run.
pub trait Observer: Sync {
    /// Called for each event, in order.
    fn event(&self, event: Event<'_>);
}

/// An observer that shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}
