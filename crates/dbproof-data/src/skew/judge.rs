//! Statistics against expectations: [`check_skew`].

use std::ops::RangeInclusive;

use dbproof_model::{CheckOutcome, SeedCheck};

use super::bounds;
use super::estimator::{Sample, estimated_distinct};
use super::expectation::{Expectation, Order, Values};
use super::statistics::{ColumnStatistics, TableStatistics};
use crate::{Rows, Value};

/// Values whose frequency is checked, in a column.
const MOST_COMMON: usize = 3;
/// How far the correlation of rows in their order may be from 1: a row may fit into an earlier page,
/// and large tables are loaded over several connections, which hand out blocks in turn.
const NEARLY_IN_ORDER: f64 = 0.05;

/// Holds the planner's statistics of a table against what was asked of it.
#[must_use]
pub fn check_skew(rows: &Rows, statistics: &TableStatistics) -> Vec<SeedCheck> {
    let mut checks = Vec::new();
    for (name, null_rate, expectation) in rows.expectations() {
        let subject = Subject {
            table: rows.table_name(),
            column: name,
            rows: rows.row_count() as f64,
            sampled: rows.row_count().min(statistics.sample) as f64,
            pages: statistics.sample as f64 / statistics.pages.max(1) as f64,
            null_rate,
            expectation: &expectation,
            partitioned: statistics.partitioned,
        };
        let found = statistics.columns.iter().find(|found| found.column == name);
        match found {
            Some(found) => checks.extend(subject.judge(found)),
            None if rows.row_count() == 0 => {
                checks.push(subject.not_checked("statistics", "the table has no rows"));
            }
            None => checks.push(subject.not_checked(
                "statistics",
                "the server keeps no statistics of this column's type",
            )),
        }
    }
    checks
}

/// A column under judgement.
struct Subject<'s> {
    table: &'s str,
    column: &'s str,
    rows: f64,
    sampled: f64,
    /// The share of the pages that were looked at, at most.
    pages: f64,
    null_rate: f64,
    expectation: &'s Expectation,
    partitioned: bool,
}

impl Subject<'_> {
    fn judge(&self, found: &ColumnStatistics) -> Vec<SeedCheck> {
        let mut checks = vec![self.nulls(found), self.distinct(found)];
        checks.extend(self.frequencies(found));
        checks.push(self.correlation(found));
        checks
    }

    fn check(&self, statistic: impl Into<String>, outcome: CheckOutcome) -> SeedCheck {
        SeedCheck {
            table: self.table.to_owned(),
            column: self.column.to_owned(),
            statistic: statistic.into(),
            asked: None,
            low: None,
            high: None,
            found: None,
            outcome,
            reason: None,
        }
    }

    fn not_checked(&self, statistic: impl Into<String>, reason: impl Into<String>) -> SeedCheck {
        SeedCheck {
            reason: Some(reason.into()),
            ..self.check(statistic, CheckOutcome::NotChecked)
        }
    }

    fn compared(
        &self,
        statistic: impl Into<String>,
        asked: f64,
        room: &RangeInclusive<f64>,
        found: f64,
    ) -> SeedCheck {
        let outcome = if room.contains(&found) {
            CheckOutcome::Ok
        } else {
            CheckOutcome::Differs
        };
        SeedCheck {
            asked: Some(asked),
            low: Some(*room.start()),
            high: Some(*room.end()),
            found: Some(found),
            ..self.check(statistic, outcome)
        }
    }

    /// A share of the sampled rows, unless they are so few that any share would do.
    fn share(&self, statistic: String, asked: f64, found: f64) -> SeedCheck {
        let room = bounds::share(asked, self.sampled);
        if *room.start() <= 0.0 && *room.end() >= 1.0 {
            return self.not_checked(statistic, self.too_few());
        }
        self.compared(statistic, asked, &room, found)
    }

    fn too_few(&self) -> String {
        format!("{} rows are too few to tell", self.rows)
    }

    /// The share of NULL that was asked for.
    fn null_share(&self) -> Option<f64> {
        let own = self.expectation.nulls?;
        Some(self.null_rate + (1.0 - self.null_rate) * own)
    }

    fn nulls(&self, found: &ColumnStatistics) -> SeedCheck {
        match self.null_share() {
            Some(asked) => self.share("nulls".to_owned(), asked, found.null_fraction),
            None => self.not_checked("nulls", "they follow from another column"),
        }
    }

    fn distinct(&self, found: &ColumnStatistics) -> SeedCheck {
        let Values::Unknown(reason) = self.expectation.values else {
            return self.known_distinct(found);
        };
        self.not_checked("distinct values", reason)
    }

    fn known_distinct(&self, found: &ColumnStatistics) -> SeedCheck {
        let name = if self.expectation.reference {
            "children a parent"
        } else {
            "distinct values"
        };
        if !found.counted || found.distinct == 0.0 && found.null_fraction < 1.0 {
            return self.not_checked(name, "the server does not count values of this type");
        }
        let nulls = match self.null_share() {
            // What is unique is so among the rows that have a value, however many these are.
            _ if matches!(self.expectation.values, Values::Unique) => found.null_fraction,
            Some(nulls) => nulls,
            None => return self.not_checked(name, "its NULLs follow from another column"),
        };
        let (rows, sampled) = (self.rows * (1.0 - nulls), self.sampled * (1.0 - nulls));
        if sampled < 1.0 {
            return self.not_checked(name, "every value is NULL");
        }
        let sample = Sample {
            sampled,
            rows,
            pages: self.pages,
        };
        let Some((asked, room)) = estimated_distinct(&self.expectation.values, sample) else {
            return self.not_checked(name, "not known");
        };
        let distinct = if found.distinct < 0.0 {
            -found.distinct * self.rows
        } else {
            found.distinct
        };
        let slack = rows * 1e-5;
        let room = (room.start() - slack).max(0.0)..=room.end() + slack;
        if self.expectation.reference && distinct > 0.0 {
            let children = rows / room.end().max(1.0)..=rows / room.start().max(1.0);
            return self.compared(name, rows / asked.max(1.0), &children, rows / distinct);
        }
        self.compared(name, asked, &room, distinct)
    }

    fn frequencies(&self, found: &ColumnStatistics) -> Vec<SeedCheck> {
        if self.expectation.common.is_empty() {
            return Vec::new();
        }
        let mut common = self.expectation.common.iter();
        if !found.counted
            || !found.written_as_given && common.any(|(value, _)| matches!(value, Value::Text(_)))
        {
            let reason = "the server writes values of this type in its own way";
            return vec![self.not_checked("frequencies", reason)];
        }
        let Some(nulls) = self.null_share() else {
            return vec![self.not_checked("frequencies", "its NULLs follow from another column")];
        };
        let mut checks = Vec::new();
        for (value, share) in self.expectation.common.iter().take(MOST_COMMON) {
            checks.push(self.frequency(value, share * (1.0 - nulls), found));
        }
        if self.expectation.complete {
            checks.extend(self.strangers(found));
        }
        checks
    }

    fn frequency(&self, value: &Value, asked: f64, found: &ColumnStatistics) -> SeedCheck {
        let name = format!("frequency of {value}");
        let listed = found
            .common
            .iter()
            .find(|(text, _)| is_written(value, text));
        if let Some((_, share)) = listed {
            return self.share(name, asked, *share);
        }
        let room = bounds::share(asked, self.sampled);
        if *room.start() <= 0.0 {
            return self.not_checked(name, self.too_few());
        }
        let values = match &self.expectation.values {
            Values::Drawn(frequencies) => frequencies.values(),
            _ => f64::INFINITY,
        };
        // ANALYZE lists every value where they are few, else those that stand out of the others
        // (`analyze_mcv_list`); a list that is full leaves out the rarest.
        let lists_all = values <= found.target as f64 && values <= 0.1 * self.rows;
        let stands_out = asked > 5.0 / values && self.sampled * asked > 100.0;
        let rarest = found.common.last().map_or(0.0, |(_, share)| *share);
        if lists_all || stands_out && *room.start() > rarest {
            return SeedCheck {
                asked: Some(asked),
                low: Some(*room.start()),
                high: Some(*room.end()),
                reason: Some("it is not among the most common values".to_owned()),
                ..self.check(name, CheckOutcome::Differs)
            };
        }
        self.not_checked(name, "the server lists no value so rare")
    }

    /// A common value that nobody asked for.
    fn strangers(&self, found: &ColumnStatistics) -> Option<SeedCheck> {
        let known = |text: &str| {
            let mut common = self.expectation.common.iter();
            common.any(|(value, _)| is_written(value, text))
        };
        let (_, share) = found.common.iter().find(|(text, _)| !known(text))?;
        Some(SeedCheck {
            asked: Some(0.0),
            found: Some(*share),
            reason: Some("a common value is none of those that were asked for".to_owned()),
            ..self.check("frequencies", CheckOutcome::Differs)
        })
    }

    fn correlation(&self, found: &ColumnStatistics) -> SeedCheck {
        let name = "correlation";
        let reason = match (self.expectation.order, self.partitioned) {
            (Order::Unknown(reason), _) => Some(reason),
            (_, true) => Some("rows in partitions have no common order"),
            (_, false) => None,
        };
        if let Some(reason) = reason {
            return self.not_checked(name, reason);
        }
        let Some(correlation) = found.correlation else {
            return self.not_checked(name, "the server keeps none of this column");
        };
        let sampled = self.sampled * (1.0 - found.null_fraction);
        let slack = NEARLY_IN_ORDER + 2.0 / sampled.max(1.0);
        let (asked, room) = match self.expectation.order {
            Order::Rising => (1.0, 1.0 - slack..=1.0 + 1e-6),
            Order::Falling => (-1.0, -1.0 - 1e-6..=-1.0 + slack),
            _ => {
                let Some(mean) = self.expectation.values.correlation_by_ties() else {
                    return self.not_checked(name, "not known");
                };
                (mean, bounds::correlation(mean, sampled))
            }
        };
        if *room.start() <= -1.0 && *room.end() >= 1.0 {
            return self.not_checked(name, self.too_few());
        }
        self.compared(name, asked, &room, correlation)
    }
}

/// Whether the server writes the value like this.
fn is_written(value: &Value, text: &str) -> bool {
    match value {
        Value::Bool(value) => text == if *value { "t" } else { "f" },
        Value::Text(value) => value.trim_end() == text.trim_end(),
        other => {
            let written = other.to_string();
            written == text
                || written
                    .parse::<f64>()
                    .is_ok_and(|number| text.parse() == Ok(number))
        }
    }
}
