//! Intervals, in the notation of `IntervalStyle = postgres`, where no other style reads it
//! otherwise.

use super::moment::{digits, micros_of_seconds};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Numbers with more digits are left to the server, which knows where its ends are.
const LONGEST_NUMBER: usize = 6;

/// What an interval consists of.
#[derive(Debug, Default)]
struct Parts {
    months: i64,
    days: i64,
    micros: i64,
    /// The units that were named; the server takes each once.
    seen: Vec<Unit>,
    /// The signs of the numbers, in order.
    signs: Vec<Option<char>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// Appends an interval such as `1 year 2 mons -3 days +04:05:06.789`.
pub(super) fn encode(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut parts = Parts::default();
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            parts.add_clock(word)?;
        } else {
            parts.add(word, unit(words.next()?)?)?;
        }
    }
    // Under `IntervalStyle = sql_standard`, a minus at the very front is meant for all numbers if
    // none of the others has a sign.
    let (first, others) = parts.signs.split_first()?;
    if *first == Some('-') && !others.is_empty() && others.iter().all(Option::is_none) {
        return None;
    }
    out.extend_from_slice(&parts.micros.to_be_bytes());
    out.extend_from_slice(&i32::try_from(parts.days).ok()?.to_be_bytes());
    out.extend_from_slice(&i32::try_from(parts.months).ok()?.to_be_bytes());
    Some(())
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "year" | "years" => Unit::Year,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "week" | "weeks" => Unit::Week,
        "day" | "days" => Unit::Day,
        "hour" | "hours" => Unit::Hour,
        "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "sec" | "secs" | "second" | "seconds" => Unit::Second,
        _ => return None,
    })
}

impl Parts {
    fn see(&mut self, units: &[Unit]) -> Option<()> {
        if units.iter().any(|unit| self.seen.contains(unit)) {
            return None;
        }
        self.seen.extend_from_slice(units);
        Some(())
    }

    /// Takes the sign off, remembers it and returns its factor.
    fn sign<'a>(&mut self, text: &'a str) -> (i64, &'a str) {
        let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'));
        self.signs.push(sign);
        let factor = if sign == Some('-') { -1 } else { 1 };
        (factor, &text[sign.map_or(0, char::len_utf8)..])
    }

    fn add(&mut self, number: &str, unit: Unit) -> Option<()> {
        self.see(&[unit])?;
        let (factor, number) = self.sign(number);
        let number = factor * whole(number)?;
        match unit {
            Unit::Year => self.months += 12 * number,
            Unit::Month => self.months += number,
            Unit::Week => self.days += 7 * number,
            Unit::Day => self.days += number,
            Unit::Hour => self.micros += 3600 * MICROS_PER_SECOND * number,
            Unit::Minute => self.micros += 60 * MICROS_PER_SECOND * number,
            Unit::Second => self.micros += MICROS_PER_SECOND * number,
        }
        Some(())
    }

    /// `04:05:06.789`, with as many hours as there are.
    fn add_clock(&mut self, text: &str) -> Option<()> {
        self.see(&[Unit::Hour, Unit::Minute, Unit::Second])?;
        let (factor, text) = self.sign(text);
        let mut parts = text.split(':');
        let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || minutes.len() != 2 {
            return None;
        }
        let minutes = whole(minutes).filter(|minutes| *minutes < 60)?;
        let micros = (whole(hours)? * 3600 + minutes * 60) * MICROS_PER_SECOND;
        self.micros += factor * (micros + micros_of_seconds(seconds)?);
        Some(())
    }
}

fn whole(text: &str) -> Option<i64> {
    let sensible = (1..=LONGEST_NUMBER).contains(&text.len());
    sensible.then(|| digits(text)).flatten()
}
