//! Pinning of a thread and of server processes to one processor.
//!
//! Most of the bias between two connections comes from the processors that their backends happen
//! to sit on. With client and both backends on the same one it is gone. Only Linux lets a process
//! choose; elsewhere nothing is pinned, and the functions say so.

use crate::MeasuringConnection;

/// Databases that dbproof makes have a name that no other has; see [`Databases`](crate::Databases).
const OURS: &str = "dbproof_";

/// The processors that this process may run on; empty where the system does not tell.
#[must_use]
pub fn allowed_processors() -> Vec<usize> {
    system::allowed()
}

/// Pins the calling thread and these processes to one processor; returns whether all of them are.
///
/// The processes must be on this machine and in this namespace of process ids: a number that a
/// remote server tells belongs to somebody else here.
#[must_use]
pub fn pin_to(processor: usize, processes: &[u32]) -> bool {
    std::iter::once(0)
        .chain(processes.iter().copied())
        .all(|pid| system::pin(pid, processor))
}

/// Whether the backend of a connection to a database of ours runs on this machine, among the
/// processes that are seen here, and may be pinned by this user.
///
/// A server in a container, or behind a tunnel, has a loopback address too, and its process ids mean
/// other processes here. A backend writes the name of its database into its title
/// (`update_process_title`), and the databases of a run have names of their own.
#[must_use]
pub fn can_pin(connection: &MeasuringConnection, database: &str) -> bool {
    let processors = allowed_processors();
    database.starts_with(OURS)
        && system::title(connection.process_id()).is_some_and(|title| {
            title.starts_with("postgres:") && title.split_whitespace().any(|word| word == database)
        })
        && system::may_pin(connection.process_id(), &processors)
}

#[cfg(target_os = "linux")]
mod system {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;

    pub(super) fn allowed() -> Vec<usize> {
        let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else {
            return Vec::new();
        };
        (0..CpuSet::count())
            .filter(|cpu| set.is_set(*cpu).unwrap_or(false))
            .collect()
    }

    /// What a process calls itself.
    pub(super) fn title(process: u32) -> Option<String> {
        let bytes = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
        Some(text)
    }

    /// Whether this user may pin a process; it is left where it may run now.
    pub(super) fn may_pin(process: u32, processors: &[usize]) -> bool {
        let Some(process) = i32::try_from(process).ok().map(Pid::from_raw) else {
            return false;
        };
        !processors.is_empty()
            && sched_getaffinity(process).is_ok_and(|now| sched_setaffinity(process, &now).is_ok())
    }

    /// Process 0 is the calling thread.
    pub(super) fn pin(process: u32, processor: usize) -> bool {
        let mut set = CpuSet::new();
        let Ok(process) = i32::try_from(process) else {
            return false;
        };
        set.set(processor).is_ok() && sched_setaffinity(Pid::from_raw(process), &set).is_ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn title(_: u32) -> Option<String> {
        None
    }

    pub(super) fn may_pin(_: u32, _: &[usize]) -> bool {
        false
    }

    pub(super) fn pin(_: u32, _: usize) -> bool {
        false
    }
}
