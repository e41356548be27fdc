//! The arguments of `dbproof watch`: [`WatchArguments`].

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use dbproof_scenarios::watch::VariableRequest;

use super::{BinariesArguments, FailOn, MeasureArguments, OutputArguments};

/// Run a command with its database traffic captured, then report N+1 statements, slow and refused
/// statements, and transactions that were left idle.
///
/// The command is run with `DATABASE_URL`, `PGHOST`, `PGPORT` and every other variable whose value is a URL
/// of the watched server led to dbproof, which passes everything on. The exit code is that of the
/// command where it fails, and that of the verdict otherwise.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// The server to watch, instead of that of PGHOST and PGPORT; a throw-away one where neither is
    /// there
    // The value holds a password, so --help must not show it.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// The project's configuration, where there is one [default: dbproof.toml]
    #[arg(long, value_name = "FILE", env = "DBPROOF_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where to listen, as PORT or ADDRESS:PORT; without COMMAND an application that was started
    /// elsewhere is watched until Ctrl-C
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    pub(crate) listen: Option<SocketAddr>,
    /// How long to watch, such as 30s or 5m; COMMAND is then ended
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// A variable to lead to dbproof as well: NAME, whose value is a URL, or NAME=TEXT with {url},
    /// {host}, {port}, {user}, {password} or {database} in it; repeatable
    #[arg(long, value_name = "NAME[=TEXT]")]
    pub(crate) env: Vec<VariableRequest>,
    /// Keep what is captured as a trace, for `dbproof nplusone --trace FILE`; with --keep-values also
    /// with values, for `dbproof deadlock --trace FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) save_trace: Option<PathBuf>,
    /// Run every proven loop and its batched statement in a read-only transaction, and compare
    #[arg(long)]
    pub(crate) prove: bool,
    /// Do not predict deadlocks from the transactions that pass [default: `[deadlock] predict`]
    #[arg(long)]
    pub(crate) no_predict: bool,
    /// A migration that is to be held against the transactions that pass: can it deadlock with one of
    /// them? A throw-away server is given the project's schema as it is before it
    #[arg(long, value_name = "FILE", conflicts_with = "no_predict")]
    pub(crate) migration: Option<PathBuf>,
    /// Milliseconds from which on a statement is slow [default: `SLOW_QUERY_THRESHOLD_MS`, else
    /// that of the project, else 100]
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    pub(crate) slow_threshold: Option<f64>,
    #[command(flatten)]
    pub(crate) binaries: BinariesArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    #[command(flatten)]
    pub(crate) measure: MeasureArguments,
    /// Fail when there is a finding of this severity
    #[arg(long, value_enum, default_value_t = FailOn::Error, env = "DBPROOF_FAIL_ON")]
    pub(crate) fail_on: FailOn,
    /// The command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// `6543`, `0.0.0.0:6543`, `[::1]:6543`.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let text = text.replacen("localhost:", "127.0.0.1:", 1);
    text.parse()
        .map_err(|_| "expected PORT or ADDRESS:PORT, such as 6543 or 127.0.0.1:6543".to_owned())
}

/// `30s`, `500ms`, `5m`, `1h`, or seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let seconds = match &text[digits..] {
        "" | "s" => Some(1.0),
        "ms" => Some(1e-3),
        "m" | "min" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let number: Option<f64> = text[..digits].parse().ok();
    let time = number
        .zip(seconds)
        .map(|(number, seconds)| number * seconds);
    time.filter(|time| *time > 0.0)
        .and_then(|time| Duration::try_from_secs_f64(time).ok())
        .ok_or_else(|| "expected a time above 0, such as 30s, 500ms, 5m or 1h".to_owned())
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|ms| ms.is_finite() && *ms > 0.0)
        .ok_or_else(|| "expected a number of milliseconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_times_are_read_or_refused() {
        let listens = |text: &str| listen_address(text).map(|a| a.to_string()).ok();
        assert_eq!(listens("6543").as_deref(), Some("127.0.0.1:6543"));
        assert_eq!(listens("localhost:1").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(listens("[::1]:1").as_deref(), Some("[::1]:1"));
        assert_eq!(listens("db.example:1"), None);
        let ms = |text: &str| duration(text).map(|d| d.as_millis()).ok();
        assert_eq!(
            [ms("30s"), ms("1.5"), ms("250ms"), ms("2m")],
            [Some(30_000), Some(1_500), Some(250), Some(120_000)]
        );
        for wrong in ["", "s", "0s", "-1s", "5d", "1e400h"] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
