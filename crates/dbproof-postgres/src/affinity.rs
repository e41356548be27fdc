//! Pinning of a thread and of server processes to one processor.
//!
//! Most of the bias between two connections comes from the processors that their backends happen
//! to sit on. With client and both backends on the same one it is gone. Only Linux lets a process
//! choose; elsewhere nothing is pinned, and the functions say so.

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

    pub(super) fn pin(_: u32, _: usize) -> bool {
        false
    }
}
