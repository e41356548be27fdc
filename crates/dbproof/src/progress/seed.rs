//! What a seed shows: [`SeedProgress`].

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use dbproof_scenarios::seed::{SeedEvent, SeedObserver};

use super::left;
use super::line::Line;

/// `rows: 340000 of 1000000 (34 %), order_items, about 12 s left`
#[derive(Debug)]
pub(crate) struct SeedProgress {
    line: Line,
    /// When the first rows were sent.
    since: Mutex<Option<Instant>>,
}

impl SeedProgress {
    pub(crate) fn new(quiet: bool) -> Self {
        SeedProgress {
            line: Line::new(quiet),
            since: Mutex::new(None),
        }
    }

    /// Removes the line, so that the result can follow.
    pub(crate) fn finish(&self) {
        self.line.clear();
    }
}

impl SeedObserver for SeedProgress {
    fn event(&self, event: SeedEvent<'_>) {
        match event {
            SeedEvent::Step(step) => self.line.live(step.to_owned()),
            SeedEvent::Rows { sent, total, .. } if sent == total => {
                self.line.live("indexes and keys".to_owned());
            }
            SeedEvent::Rows { table, sent, total } => {
                let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
                let since = *since.get_or_insert_with(Instant::now);
                let (done, all) = (sent as f64, total as f64);
                self.line.live(format!(
                    "rows: {sent} of {total} ({:.0} %), {table}{}",
                    (done / all * 100.0).floor(),
                    left(since.elapsed(), done, all)
                ));
            }
        }
    }
}
