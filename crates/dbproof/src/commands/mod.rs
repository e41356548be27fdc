//! One file a command.

pub(crate) mod accept;
pub(crate) mod completions;
pub(crate) mod deadlock;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod drop_databases;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod nplusone;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod runner;
pub(crate) mod scenarios;
pub(crate) mod seed;
pub(crate) mod watch;
