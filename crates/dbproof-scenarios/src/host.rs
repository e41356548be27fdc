//! The machine that dbproof runs on.

use dbproof_model::Host;

/// Processors, system and load of this machine.
pub(crate) fn host() -> Host {
    Host {
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        // Only Linux tells without a system call of its own.
        load: std::fs::read_to_string("/proc/loadavg")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse().ok()),
    }
}
