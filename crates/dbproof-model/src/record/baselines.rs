//! Today's plans against the accepted ones: [`BaselinesRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Baseline, BaselinePlan, Location};

/// Today's plans, with every migration applied, against the accepted ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselinesRecord {
    /// The folder of the baselines, relative to the project's.
    pub folder: String,
    /// Whether it is there. Where it is not, nothing is compared, and `dbproof accept` makes it.
    pub present: bool,
    /// One entry a monitored query.
    pub queries: Vec<BaselineQuery>,
    /// Files of queries that there are no more.
    pub unused: Vec<String>,
}

/// What became of an accepted plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineVerdict {
    /// The same plan and, within the tolerances, the same work.
    Kept,
    /// More work than was accepted, or another number of rows.
    Regressed,
    /// Less work than was accepted.
    Improved,
    /// Another plan of about the same work.
    Changed,
    /// Nothing was accepted yet.
    NoBaseline,
    /// The statement or its parameters were edited since, so that there is nothing to compare.
    StatementEdited,
    /// The query fails, so that it has no plan.
    NotRun,
}

impl BaselineVerdict {
    /// The verdict as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BaselineVerdict::Kept => "kept",
            BaselineVerdict::Regressed => "regressed",
            BaselineVerdict::Improved => "improved",
            BaselineVerdict::Changed => "changed",
            BaselineVerdict::NoBaseline => "no-baseline",
            BaselineVerdict::StatementEdited => "statement-edited",
            BaselineVerdict::NotRun => "not-run",
        }
    }

    /// Whether the plan is another one than was accepted.
    #[must_use]
    pub fn differs(self) -> bool {
        matches!(
            self,
            BaselineVerdict::Regressed | BaselineVerdict::Improved | BaselineVerdict::Changed
        )
    }
}

/// Whose doing it is that a plan differs from the accepted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineCause {
    /// The change under test: before it, the plan was as accepted.
    Change,
    /// An earlier migration: the plan differs before the change in the same way, or there is none
    /// under test, and nothing of the server, its settings or the data has moved.
    EarlierMigration,
    /// The change or an earlier migration: the plan differs before the change too, but in another
    /// way, and nothing of the server, its settings or the data has moved.
    Unclear,
    /// The base moved by itself: server, settings, data, or the time that the statement asks for.
    Base,
}

impl BaselineCause {
    /// The cause as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BaselineCause::Change => "change",
            BaselineCause::EarlierMigration => "earlier-migration",
            BaselineCause::Unclear => "unclear",
            BaselineCause::Base => "base",
        }
    }
}

/// A query's plans against its accepted ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineQuery {
    /// The query's name.
    pub name: String,
    /// Where it is defined.
    pub location: Option<Location>,
    /// The file of its baseline, relative to the project's folder, whether it is there or not.
    pub file: String,
    /// The verdict of the set that decides.
    pub verdict: BaselineVerdict,
    /// Whose doing that is; absent where the plan does not differ.
    pub cause: Option<BaselineCause>,
    /// What of the base is not as it was when the plan was accepted, such as
    /// `postgresql 15 → postgresql 16`. It explains a plan that differs, and decides nothing else.
    pub moved: Vec<String>,
    /// One entry a set of parameters.
    pub sets: Vec<BaselineComparison>,
    /// Today's plans, which `dbproof accept` takes; absent where the query fails.
    pub now: Option<Baseline>,
}

/// One set of parameters against its accepted plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineComparison {
    /// The set's label.
    pub label: String,
    /// What became of the plan.
    pub verdict: BaselineVerdict,
    /// Whose doing that is; absent where the plan does not differ.
    pub cause: Option<BaselineCause>,
    /// Why, in a few words each.
    pub reasons: Vec<String>,
    /// The accepted plan, where it is another one than today's.
    pub accepted: Option<BaselinePlan>,
}
