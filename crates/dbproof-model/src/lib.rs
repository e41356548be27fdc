//! The ground floor of dbproof: the plain data that every other room speaks in.
//!
//! The main type is [`RunRecord`]: everything that one run saw, and the JSON document that every
//! report is drawn from. Around it stand the words of the trade: a [`Query`] with its parameter
//! sources, a [`Plan`] tree, a [`ResultSet`], a [`Finding`] with its remedy.
//!
//! **Architecture invariant:** nothing here does IO, reads a clock, or decides anything.

mod baseline;
mod finding;
mod plan;
mod query;
mod record;
mod result;
mod schema;
mod verdict;

pub use baseline::{Baseline, BaselineBase, BaselinePlan, BaselineSet};
pub use finding::{Finding, Location, Remedy, Scenario, Severity};
pub use plan::{Buffers, Plan, PlanNames, PlanNode, StatementWork, TriggerRuns};
pub use query::{Bound, Parameter, ParameterSource, Query};
pub use record::baselines::{
    BaselineCause, BaselineComparison, BaselineQuery, BaselineVerdict, BaselinesRecord,
};
pub use record::deadlock::{
    BystanderExcess, Bystanders, DeadlockControl, DeadlockExpectation, DeadlockParticipant,
    DeadlockRecord, DeadlockShape, DeadlockStorm, DeadlockTimeline, DeadlockVictim, Durations,
    Latency, RetryPolicyCost, SavepointRetries, TimelineSession, TimelineSpan,
};
pub use record::migration::{
    BuiltIndex, InvalidIndex, LockLimits, LockSampling, MigratedRelation, MigrationRecord,
    MigrationStatement, MigrationTraffic, MigrationWork, ProbeKind, RelationKind, Rewrite,
    RowsTouched, StatementLock, TrafficPass, TrafficProbe,
};
pub use record::nplusone::{
    GroupCost, GroupOrigin, GroupParent, GroupVerdict, NPlusOneGroup, NPlusOneRecord,
    PageMeasurement, ProjectedSaving, ProjectedTime, ProofOutcome, RemedyProof,
};
pub use record::prediction::{
    DeadlockPrediction, NotChecked, PredictedLock, PredictedMigration, PredictedStatement,
    PredictedTransaction, PredictionCoverage, PredictionSandbox,
};
pub use record::regress::{
    Access, ChangeEffect, ChangeKind, Interval, ParameterSet, PlanChange, PlanChoice, PlanHashes,
    PlanSummary, PreparedPlans, QueryTiming, Ratios, RegressQuery, RegressRecord, RegressVerdict,
    RunTiming, TimingOutcome,
};
pub use record::run::{Git, Host, RECORD_SCHEMA, RunRecord, Scenarios, Server, Tool};
pub use record::seed::{CheckOutcome, SEED_SCHEMA, SeedCheck, SeedRecord, SeedTable};
pub use record::slow::{
    HistogramBucket, OpenLoop, SlowMix, SlowQuery, SlowRecord, Statistic, ThresholdSource,
};
pub use record::watch::{
    CommandExit, FailedStatement, IdleTransaction, OtherTemplates, PointedVariable, SlowStatement,
    TemplateTotal, TrafficSource, WatchEnd, WatchRecord, WatchedDatabase,
};
pub use result::{ResultColumn, ResultSet};
pub use schema::{Column, ForeignKey, Relation, Schema};
pub use verdict::Verdict;
