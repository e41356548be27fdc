//! One entry of a log: [`Entry`].

use jiff::civil::DateTime;

/// One entry of a log, as both formats tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// When it was written, in microseconds since 1970 by the log's own time zone.
    pub(super) at_us: i64,
    pub(super) database: String,
    /// Tells sessions apart: process and start.
    pub(super) session: String,
    pub(super) severity: String,
    pub(super) sql_state: String,
    pub(super) message: String,
    pub(super) detail: String,
    /// The statement that an error is about.
    pub(super) query: String,
}

/// `2026-11-24 13:10:04.123 UTC`, without its zone: a log has one.
pub(super) fn time_us(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(' ')?;
    let time = rest.split(' ').next()?;
    let civil: DateTime = format!("{date}T{time}").parse().ok()?;
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let micros = civil.duration_since(epoch).as_micros();
    i64::try_from(micros).ok()
}

#[cfg(test)]
mod tests {
    use super::time_us;

    #[test]
    fn a_time_is_read_in_the_zone_of_the_log() {
        assert_eq!(time_us("1970-01-01 00:00:01.002 UTC"), Some(1_002_000));
        assert_eq!(time_us("1970-01-02 00:00:00 CEST"), Some(86_400_000_000));
        for wrong in ["", "1970-01-01", "no time", "1970-13-01 00:00:00 UTC"] {
            assert_eq!(time_us(wrong), None, "{wrong}");
        }
    }
}
