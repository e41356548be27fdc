//! The command under watch: [`Running`], and the signals that end it.
//!
//! The command stays in dbproof's process group, so that a Ctrl-C at the terminal reaches both: the
//! command decides what to do about it, and dbproof waits. Signals that come from elsewhere, such as
//! SIGTERM, are passed on.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use dbproof_model::CommandExit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::pointing::Pointing;
use crate::error::{InputError, RunError};

/// A running command.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Starts a command with dbproof's own standard streams and its environment, changed.
    pub(super) fn start(command: &[OsString], pointing: &Pointing) -> Result<Self, RunError> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| InputError::new("no command to run"))?;
        let mut started = Command::new(program);
        started.args(arguments);
        for name in &pointing.removed {
            started.env_remove(name);
        }
        let set = pointing.set.iter().map(|(name, value)| (name, value));
        let child = started.envs(set).spawn().map_err(|error| {
            InputError::new(format!(
                "failed to start {}: {error}",
                program.to_string_lossy()
            ))
        })?;
        Ok(Running { child })
    }

    /// Waits for the command's end.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus, RunError> {
        self.child.wait().await.map_err(|source| RunError::File {
            action: "wait for the command".to_owned(),
            source,
        })
    }

    /// Sends a signal, unless the command has ended already.
    pub(super) fn send(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }
}

/// How a command ended, as the record tells it.
pub(super) fn exit(status: ExitStatus) -> CommandExit {
    CommandExit {
        code: status.code(),
        signal: status.signal(),
    }
}

/// The signals that dbproof listens to while it watches.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen; from here on they no longer end dbproof by themselves.
    pub(super) fn listen() -> Result<Self, RunError> {
        let listen = |kind| {
            signal(kind).map_err(|source| RunError::File {
                action: "listen to signals".to_owned(),
                source,
            })
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.hangup.recv() => Signal::SIGHUP,
        }
    }
}

/// Whether the terminal sends its signals to the command as well: that is so in its foreground.
pub(super) fn terminal_reaches_the_command() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return false;
    };
    tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp())
}
