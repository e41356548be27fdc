//! The four scenarios and seeding, as orchestration: they ask the rooms below and fill the run
//! record. The main function is [`run`].
//!
//! * [`project`] reads the user's files.
//! * `environment` starts or reaches the server; `stage` prepares a database with schema and data.
//! * `slow`, `regress`, `nplusone` and `deadlock` each ask one question.
//! * [`init`](init::init) writes a first configuration for a project.
//! * [`watch`] looks at the traffic of an application.
//! * [`Observer`] is told what happens, for a progress display.

mod deadlock;
mod environment;
mod error;
mod git;
mod host;
pub mod init;
mod nplusone;
mod observer;
mod options;
mod parameters;
pub mod prediction;
pub mod project;
mod regress;
mod run;
pub mod seed;
mod slow;
mod stage;
pub mod watch;

pub use error::{InputError, Place, RunError};
pub use observer::{Event, Observer, Silent};
pub use options::{
    ChangeChoice, Cleaner, DeadlockChoice, GivenDatabases, RunOptions, ServerChoice, Threshold,
};
pub use run::run;
