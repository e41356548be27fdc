//! Runs scenarios until they are done or interrupted.

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_scenarios::{Observer, RunOptions};
use tokio::signal::unix::{SignalKind, signal};

/// The record of a run; `None` where Ctrl-C or SIGTERM ended it. Either way nothing of the run is
/// left behind when this returns.
pub(crate) fn run(
    options: &RunOptions,
    observer: &dyn Observer,
) -> anyhow::Result<Option<RunRecord>> {
    until_interrupted(dbproof_scenarios::run(options, observer))
}

/// What this work comes to; `None` where Ctrl-C or SIGTERM ended it. The work is dropped then, and
/// with it whatever it has made.
pub(crate) fn until_interrupted<T, E>(
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<Option<T>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start")?;
    let outcome = runtime.block_on(async {
        let mut interrupt =
            signal(SignalKind::interrupt()).context("failed to watch for Ctrl-C")?;
        let mut terminate =
            signal(SignalKind::terminate()).context("failed to watch for SIGTERM")?;
        tokio::select! {
            done = work => Ok(Some(done?)),
            _ = interrupt.recv() => Ok(None),
            _ = terminate.recv() => Ok(None),
        }
    });
    // A measuring thread may still wait for an answer from a server that is gone.
    runtime.shutdown_background();
    outcome
}
