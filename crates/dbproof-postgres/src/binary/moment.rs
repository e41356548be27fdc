//! Dates and times, in the one notation that no `DateStyle` and no `TimeZone` reads otherwise:
//! ISO 8601 with a year of four digits or more, and with an explicit offset where there is a zone.

use dbproof_data::days_from_date;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Years beyond these, near the ends of what the server can hold, are left to it.
const LAST_YEAR: i64 = 294_000;
const FIRST_YEAR: i64 = -4_700;

/// Days since 2000-01-01; the infinities are the ends of the type.
pub(super) fn date(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        _ => i32::try_from(days(without_era(text))?).ok(),
    }
}

/// Microseconds since midnight; the last is `24:00:00`.
pub(super) fn time(text: &str) -> Option<i64> {
    match text {
        "24:00:00" => Some(MICROS_PER_DAY),
        _ => clock(text),
    }
}

/// Microseconds since midnight, and seconds west of Greenwich.
pub(super) fn time_with_zone(text: &str) -> Option<(i64, i32)> {
    let at = text.find(['+', '-'])?;
    let (clock, offset) = text.split_at(at);
    let west = -seconds_east(offset)?;
    Some((time(clock)?, i32::try_from(west).ok()?))
}

/// Microseconds since 2000-01-01; the infinities are the ends of the type.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    if let Some(end) = infinity(text) {
        return Some(end);
    }
    let (text, before_christ) = without_era(text);
    let (date, time) = text.split_once([' ', 'T'])?;
    Some(days((date, before_christ))? * MICROS_PER_DAY + clock(time)?)
}

/// The same with an offset, which is a must: without it the session's time zone were meant.
pub(super) fn timestamp_with_zone(text: &str) -> Option<i64> {
    if let Some(end) = infinity(text) {
        return Some(end);
    }
    let (text, before_christ) = without_era(text);
    let (date, rest) = text.split_once([' ', 'T'])?;
    let (time, offset) = rest.split_at(rest.find(['+', '-'])?);
    let local = days((date, before_christ))? * MICROS_PER_DAY + clock(time)?;
    Some(local - seconds_east(offset)? * MICROS_PER_SECOND)
}

fn infinity(text: &str) -> Option<i64> {
    match text {
        "infinity" => Some(i64::MAX),
        "-infinity" => Some(i64::MIN),
        _ => None,
    }
}

fn without_era(text: &str) -> (&str, bool) {
    match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

/// `2024-02-29`, or such a day before Christ, where the year before 1 is 1 BC.
fn days((text, before_christ): (&str, bool)) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(4..=6).contains(&year.len()) {
        return None;
    }
    let written = digits(year)?;
    let year = if before_christ { 1 - written } else { written };
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    let known = written > 0 && (FIRST_YEAR..=LAST_YEAR).contains(&year);
    let exists = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    (known && exists).then(|| days_from_date(year, month, day))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 {
        days_from_date(year + 1, 1, 1)
    } else {
        days_from_date(year, month + 1, 1)
    };
    next - days_from_date(year, month, 1)
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.ffffff` in microseconds. A leap second is left to the server,
/// and so is a seventh digit, which it rounds.
pub(super) fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let seconds = parts.next().unwrap_or("00");
    if parts.next().is_some() || hour > 23 || minute > 59 {
        return None;
    }
    Some((hour * 3600 + minute * 60) * MICROS_PER_SECOND + micros_of_seconds(seconds)?)
}

/// `SS` or `SS.ffffff`, below 60.
pub(super) fn micros_of_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let (whole, places) = (two_digits(whole)?, fraction.len());
    if whole > 59 || !(1..=6).contains(&places) {
        return None;
    }
    let scale = 10_i64.pow(u32::try_from(6 - places).ok()?);
    Some(whole * MICROS_PER_SECOND + digits(fraction)? * scale)
}

/// `+HH`, `+HH:MM` or `+HH:MM:SS`, or with a minus. The server takes less than 16 hours.
fn seconds_east(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let mut parts = text.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), two_digits)?;
    let second = parts.next().map_or(Some(0), two_digits)?;
    let known = parts.next().is_none() && hour < 16 && minute < 60 && second < 60;
    known.then_some(sign * (hour * 3600 + minute * 60 + second))
}

fn two_digits(text: &str) -> Option<i64> {
    if text.len() == 2 { digits(text) } else { None }
}

/// Digits and nothing else: `parse` alone would take a sign.
pub(super) fn digits(text: &str) -> Option<i64> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}
