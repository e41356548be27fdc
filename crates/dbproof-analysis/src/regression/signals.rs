//! The figures that decide, and in which direction they point: [`Signals`].

use super::{Side, Tolerances};
use crate::figures::{count, counted, float};
use crate::plan::{rows_processed, total_buffers};

/// Rows processed must at least double, or halve …
const ROWS_FACTOR: f64 = 2.0;
/// … and differ by this many, to decide anything. A row costs far less than a block, and a relation
/// of fewer blocks than the tolerance holds fewer rows than this, so that reading it whole instead
/// of through an index stays without consequence.
const ROWS_MIN: f64 = 10_000.0;

/// Rows written must rise, or fall, by this factor: one row more is a lot to a statement that writes
/// one, and nothing to one that writes a thousand.
const WRITES_FACTOR: f64 = 1.1;

/// Where the figures point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// More shared and spill blocks.
    MoreBlocks,
    /// As many blocks, but many more rows.
    MoreRows,
    /// As many blocks, but more rows written.
    MoreWrites,
    /// Less of either.
    Less,
    /// About the same.
    Level,
}

/// A query's figures, each before and after.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Signals {
    /// Shared blocks, hit and read together: the split between them is the cache's doing.
    pub(super) shared: (u64, u64),
    /// Spill blocks, read and written.
    pub(super) temp: (u64, u64),
    /// Rows that the nodes gave or threw away.
    pub(super) rows: (f64, f64),
    /// Rows inserted, updated and deleted, where there are triggers to do more than the statement says.
    pub(super) written: (u64, u64),
    /// Whether the result has other rows.
    pub(super) other_rows: bool,
    row_counts: (f64, f64),
}

impl Signals {
    pub(super) fn new(before: &Side, after: &Side) -> Self {
        let (was, is) = (total_buffers(&before.plan), total_buffers(&after.plan));
        let other_count = (before.row_count - after.row_count).abs() > f64::EPSILON;
        let other_digest = before
            .rows_digest
            .zip(after.rows_digest)
            .is_some_and(|(was, is)| was != is);
        let written = |side: &Side| side.statement.as_ref().map_or(0, |s| s.rows_written);
        Signals {
            shared: (
                was.shared_total() + blocks_beside_the_plan(before),
                is.shared_total() + blocks_beside_the_plan(after),
            ),
            written: (written(before), written(after)),
            temp: (was.temp_total(), is.temp_total()),
            rows: (rows_processed(&before.plan), rows_processed(&after.plan)),
            other_rows: other_count || other_digest,
            row_counts: (before.row_count, after.row_count),
        }
    }

    /// Where shared and spill blocks point; where they are level, the rows.
    pub(super) fn direction(&self, tolerances: &Tolerances) -> Direction {
        match direction_of_blocks(self.shared, self.temp, tolerances) {
            None => self.direction_of_writes(),
            Some(direction) => direction,
        }
    }

    fn direction_of_writes(&self) -> Direction {
        let (was, is) = self.written;
        let notable = |less: u64, more: u64| float(more) > float(less) * WRITES_FACTOR;
        match (notable(was, is), notable(is, was)) {
            (true, _) => Direction::MoreWrites,
            (_, true) => Direction::Less,
            _ => self.direction_of_rows(),
        }
    }

    fn direction_of_rows(&self) -> Direction {
        let (was, is) = self.rows;
        if is > was * ROWS_FACTOR && is - was >= ROWS_MIN {
            Direction::MoreRows
        } else if was > is * ROWS_FACTOR && was - is >= ROWS_MIN {
            Direction::Less
        } else {
            Direction::Level
        }
    }

    /// The figures in a few words each.
    pub(super) fn reasons(&self, executed: bool, direction: Direction) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.other_rows {
            let (was, is) = self.row_counts;
            reasons.push(if (was - is).abs() > f64::EPSILON {
                format!("{} → {} returned", count(was), counted(is, "row"))
            } else {
                "other rows returned".to_owned()
            });
        }
        if !executed {
            reasons.push("a plan was not executed".to_owned());
            return reasons;
        }
        if self.shared.0 != self.shared.1 {
            reasons.push(step(self.shared, "block"));
        }
        if self.temp.0 != self.temp.1 {
            reasons.push(step(self.temp, "spill block"));
        }
        if self.written.0 != self.written.1 {
            let (was, is) = self.written;
            let is = counted(float(is), "row");
            reasons.push(format!("{} → {is} written", count(float(was))));
        }
        if self.direction_of_rows() != Direction::Level && direction != Direction::Level {
            let (was, is) = self.rows;
            reasons.push(format!("{} → {} processed", count(was), counted(is, "row")));
        }
        reasons
    }
}

/// Where shared and spill blocks, each before and after, point; where they point apart, their sum
/// does. `None` where neither moved beyond the tolerances.
pub(crate) fn direction_of_blocks(
    shared: (u64, u64),
    temp: (u64, u64),
    tolerances: &Tolerances,
) -> Option<Direction> {
    let sum = (shared.0 + temp.0, shared.1 + temp.1);
    let more = |pair| rises(pair, tolerances);
    let less = |pair| falls(pair, tolerances);
    let (any_more, any_less) = (more(shared) || more(temp), less(shared) || less(temp));
    Some(match (any_more, any_less) {
        (true, false) => Direction::MoreBlocks,
        (false, true) => Direction::Less,
        (true, true) if more(sum) => Direction::MoreBlocks,
        (true, true) if less(sum) => Direction::Less,
        (true, true) => Direction::Level,
        (false, false) => return None,
    })
}

/// The blocks of triggers that no node of the plan has. The counters leave out the system's tables,
/// so they say nothing where they say less than the plan.
pub(crate) fn blocks_beside_the_plan(side: &Side) -> u64 {
    let statement: u64 = side.statement.iter().flat_map(|s| s.blocks.values()).sum();
    statement.saturating_sub(total_buffers(&side.plan).shared_total())
}

/// Whether blocks rose beyond both tolerances.
pub(super) fn rises((was, is): (u64, u64), tolerances: &Tolerances) -> bool {
    let limit = float(was) * (1.0 + tolerances.blocks_percent / 100.0);
    float(is) > limit && is - was >= tolerances.blocks_min
}

fn falls((was, is): (u64, u64), tolerances: &Tolerances) -> bool {
    let limit = float(was) * (1.0 - tolerances.blocks_percent / 100.0);
    float(is) < limit && was - is >= tolerances.blocks_min
}

fn step((was, is): (u64, u64), noun: &str) -> String {
    format!("{} → {}", count(float(was)), counted(float(is), noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shared: (u64, u64), temp: (u64, u64), rows: (f64, f64), expected: Direction) {
        let signals = Signals {
            shared,
            temp,
            rows,
            written: (0, 0),
            other_rows: false,
            row_counts: (1.0, 1.0),
        };
        assert_eq!(signals.direction(&Tolerances::default()), expected);
    }

    #[test]
    fn blocks_decide_beyond_both_tolerances() {
        check((5, 39), (0, 0), (0.0, 0.0), Direction::MoreBlocks);
        check((5, 20), (0, 0), (0.0, 0.0), Direction::Level);
        check((5, 21), (0, 0), (0.0, 0.0), Direction::MoreBlocks);
        check((1000, 1100), (0, 0), (0.0, 0.0), Direction::Level);
        check((1000, 1101), (0, 0), (0.0, 0.0), Direction::MoreBlocks);
        check((39, 5), (0, 0), (0.0, 0.0), Direction::Less);
        check((20, 5), (0, 0), (0.0, 0.0), Direction::Level);
        check((0, 0), (0, 0), (0.0, 0.0), Direction::Level);
    }

    #[test]
    fn spill_blocks_count_and_their_sum_settles_a_conflict() {
        check((100, 100), (0, 400), (0.0, 0.0), Direction::MoreBlocks);
        check((100, 100), (400, 0), (0.0, 0.0), Direction::Less);
        check((1000, 100), (0, 400), (0.0, 0.0), Direction::Less);
        check((500, 100), (0, 900), (0.0, 0.0), Direction::MoreBlocks);
        check((500, 100), (0, 400), (0.0, 0.0), Direction::Level);
    }

    #[test]
    fn rows_decide_only_where_blocks_are_level() {
        check((10, 10), (0, 0), (600.0, 20_000.0), Direction::MoreRows);
        check((10, 10), (0, 0), (100.0, 9000.0), Direction::Level);
        check((10, 10), (0, 0), (20_000.0, 39_000.0), Direction::Level);
        check((10, 10), (0, 0), (90_000.0, 2000.0), Direction::Less);
        check((100, 10), (0, 0), (600.0, 20_000.0), Direction::Less);
    }
}
