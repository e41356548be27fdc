//! What the `slow` scenario saw: [`SlowRecord`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Interval, Location, Verdict};

/// What the `slow` scenario saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowRecord {
    /// The verdict over all queries.
    pub verdict: Verdict,
    /// One entry a monitored query.
    pub queries: Vec<SlowQuery>,
    /// All queries together, where they were executed as a mix.
    #[serde(default)]
    pub mix: Option<SlowMix>,
}

/// The queries together, executed as a mix: each the more often, the higher its weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowMix {
    /// Executions of all queries, warm-up not counted.
    pub executions: u64,
    /// Executions a second.
    pub throughput_per_s: Option<f64>,
    /// Mean time that the server worked on an execution, in milliseconds, as [`SlowQuery`] has it.
    pub server_ms: Option<f64>,
    /// The rate and how it was kept, in an open loop.
    pub open_loop: Option<OpenLoop>,
}

/// An open loop: executions begin at times fixed beforehand, whether or not earlier ones are over,
/// and their latency counts from that intended start. Intended starts are a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenLoop {
    /// The rate that was asked for, in executions a second.
    pub asked_per_s: f64,
    /// The rate of the intended starts as they were drawn.
    pub offered_per_s: f64,
    /// The rate at which executions really began.
    pub reached_per_s: f64,
    /// Executions that began late, because every connection was still busy.
    pub delayed: u64,
    /// Whether the rate was reached. Where it was not, latencies grow for as long as the run lasts,
    /// and passing says nothing about the rate that was asked for.
    pub kept_up: bool,
}

/// The figure that a threshold is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// The arithmetic mean.
    Avg,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// The largest sample.
    Max,
}

impl Statistic {
    /// The statistic as it is written in configuration and record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Statistic::Avg => "avg",
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
            Statistic::Max => "max",
        }
    }
}

/// Where a threshold was set. The most specific wins, but the environment overrides the file's
/// general one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdSource {
    /// `-- threshold_ms:` of the query itself.
    Query,
    /// `SLOW_QUERY_THRESHOLD_MS`.
    Environment,
    /// `[slow] threshold_ms`, or `[watch] slow_ms`, in `dbproof.toml`.
    Configuration,
    /// `--slow-threshold`.
    Argument,
    /// dbproof's own default.
    Default,
}

/// The latency of one monitored query. The times are null where no sample succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlowQuery {
    /// The query's name.
    pub name: String,
    /// Where it is defined.
    pub location: Option<Location>,
    /// Samples measured, warm-up not counted.
    pub samples: u64,
    /// Executions before the first sample.
    pub warmup: u64,
    /// Samples that the server answered with an error.
    pub errors: u64,
    /// Arithmetic mean, in milliseconds.
    pub avg_ms: Option<f64>,
    /// Median, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile, in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Largest sample, in milliseconds.
    pub max_ms: Option<f64>,
    /// Sample standard deviation, in milliseconds.
    pub stddev_ms: Option<f64>,
    /// The threshold, in milliseconds.
    pub threshold_ms: f64,
    /// Where the threshold was set.
    pub threshold_source: ThresholdSource,
    /// The figure that the threshold is held against.
    pub statistic: Statistic,
    /// That figure with its 99 % bounds, in milliseconds; a missing bound means that there are too
    /// few samples to give one.
    pub bounds: Option<Interval>,
    /// Connections that measured at the same time.
    #[serde(default)]
    pub connections: Option<u64>,
    /// The query's weight, in a mix.
    #[serde(default)]
    pub weight: Option<f64>,
    /// Executions of this query a second.
    #[serde(default)]
    pub throughput_per_s: Option<f64>,
    /// Mean time that the server worked on an execution, in milliseconds: by its own count
    /// (`pg_stat_database.active_time`), from the first message to the last, waits for locks and disks
    /// included. Null where the server does not tell, where the database is shared with others, and in
    /// a mix, whose queries cannot be told apart.
    #[serde(default)]
    pub server_ms: Option<f64>,
    /// The rate and how it was kept, in an open loop; in a mix it is that of the mix.
    #[serde(default)]
    pub open_loop: Option<OpenLoop>,
    /// The verdict for this query.
    pub verdict: Verdict,
    /// How many samples took how long.
    pub histogram: Vec<HistogramBucket>,
    /// EXPLAIN's JSON for the parameters of the slowest sample, where the threshold was breached;
    /// values are masked unless `--keep-values` is given.
    pub slowest_plan: Option<Value>,
}

/// A bar of a latency histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramBucket {
    /// The upper end of the bucket, in milliseconds; the lower end is the bucket's before.
    pub up_to_ms: f64,
    /// Samples in the bucket.
    pub count: u64,
}
