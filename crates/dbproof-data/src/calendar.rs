//! Days and microseconds since 2000-01-01 to and from dates of the proleptic Gregorian calendar.
//!
//! The arithmetic is Howard Hinnant's `days_from_civil` and `civil_from_days` ("chrono-Compatible
//! Low-Level Date Algorithms", 2013): years that begin in March put the leap day last.

use std::fmt;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// From 0000-03-01 to 2000-01-01.
const EPOCH: i64 = 730_425;

/// Days from 2000-01-01 to this date of the proleptic Gregorian calendar, which has a year 0.
#[must_use]
pub fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - EPOCH
}

fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Writes `2000-01-01`.
pub(crate) fn write_date(f: &mut fmt::Formatter<'_>, days: i64) -> fmt::Result {
    let (year, month, day) = date_from_days(days);
    write!(f, "{year:04}-{month:02}-{day:02}")
}

/// Writes `2000-01-01 00:00:00.000000+00`.
pub(crate) fn write_timestamp(f: &mut fmt::Formatter<'_>, micros: i64) -> fmt::Result {
    write_date(f, micros.div_euclid(MICROS_PER_DAY))?;
    let micros = micros.rem_euclid(MICROS_PER_DAY);
    let seconds = micros / MICROS_PER_SECOND;
    write!(
        f,
        " {:02}:{:02}:{:02}.{:06}+00",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        micros % MICROS_PER_SECOND
    )
}

#[cfg(test)]
mod tests {
    use super::{date_from_days, days_from_date};

    #[test]
    fn dates_count_from_the_year_2000() {
        let cases = [
            ((2000, 1, 1), 0),
            ((2000, 2, 29), 59),
            ((2000, 3, 1), 60),
            ((1999, 12, 31), -1),
            ((1970, 1, 1), -10_957),
            ((2026, 1, 1), 9_497),
            ((1900, 3, 1), -36_465),
        ];
        for ((year, month, day), days) in cases {
            assert_eq!(
                days_from_date(year, month, day),
                days,
                "{year}-{month}-{day}"
            );
            assert_eq!(date_from_days(days), (year, month, day), "{days}");
        }
    }
}
