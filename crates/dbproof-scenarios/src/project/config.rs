//! `dbproof.toml`: [`Config`].
//!
//! Each scenario owns its table. Unknown keys are errors that name the line and the nearest known
//! key; that is why no table is flattened and no value untagged.

mod export;
mod regress;
mod traffic;

use dbproof_model::Statistic;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::error::{InputError, Place};
pub use export::{Destination, Endpoint, ExportConfig};
pub use regress::{MigrationTransaction, RegressConfig};
pub use traffic::{IgnoreConfig, NPlusOneConfig, WatchConfig};

/// The whole of `dbproof.toml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the project's files are.
    pub project: ProjectConfig,
    /// Critical queries under a threshold.
    pub slow: SlowConfig,
    /// Plans before and after a schema change.
    pub regress: RegressConfig,
    /// One query, and then N more.
    pub nplusone: NPlusOneConfig,
    /// Transactions that lock in reverse order.
    pub deadlock: DeadlockConfig,
    /// What passes by while an application runs.
    pub watch: WatchConfig,
    /// What is written, and where.
    pub report: ReportConfig,
    /// Where the figures of a run go besides.
    pub export: ExportConfig,
}

/// `[project]`: where the project's files are, relative to `dbproof.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// The project's name in reports.
    pub name: Option<String>,
    /// The folder of the migrations.
    pub migrations: String,
    /// A schema dump (`pg_dump --schema-only`, Rails' `db/structure.sql`) that is read before the
    /// migrations, or instead of them where these are not plain SQL.
    pub schema: Option<String>,
    /// The folder of the monitored queries.
    pub queries: String,
    /// The folder of the seed data's specifications.
    pub data: String,
    /// Multiplies the rows of every scaled table.
    pub scale: f64,
}

impl Default for ProjectConfig {
    fn default() -> Self {
        ProjectConfig {
            name: None,
            migrations: "migrations".to_owned(),
            schema: None,
            queries: "queries".to_owned(),
            data: "data".to_owned(),
            scale: 1.0,
        }
    }
}

/// `[slow]`: critical queries under a threshold.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlowConfig {
    /// Milliseconds; a query's own `-- threshold_ms:` wins over it, and `SLOW_QUERY_THRESHOLD_MS`
    /// replaces it. 100 where nothing is said.
    pub threshold_ms: Option<f64>,
    /// The figure that the threshold is held against.
    pub statistic: Statistic,
    /// Measured executions of each query; in a mix, of all queries together so many times their
    /// number.
    pub samples: u32,
    /// Measure for so many seconds, instead of so many samples: each query, or the mix.
    pub duration_s: Option<f64>,
    /// Executions a second to begin, whether or not earlier ones are over (an open loop): of each
    /// query, or of the mix. Without it, every connection executes one after the other (a closed
    /// loop).
    pub rate: Option<f64>,
    /// Execute all queries together, each the more often, the higher its `-- weight:`.
    pub mix: bool,
    /// Executions before them, of each query on each connection, that do not count.
    pub warmup: u32,
    /// Connections that measure at the same time.
    pub concurrency: u32,
}

/// Executions that are scheduled beforehand in an open loop, at the most.
pub(crate) const MOST_SCHEDULED: f64 = 1e7;

impl Default for SlowConfig {
    fn default() -> Self {
        SlowConfig {
            threshold_ms: None,
            statistic: Statistic::P95,
            samples: 300,
            duration_s: None,
            rate: None,
            mix: false,
            warmup: 20,
            concurrency: 1,
        }
    }
}

/// `[deadlock]`: transactions that lock in reverse order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeadlockConfig {
    /// The folder of the shapes.
    pub shapes: String,
    /// How often each shape is run at each timeout.
    pub runs: u32,
    /// The values of the server's `deadlock_timeout` to run at, in milliseconds.
    pub timeouts_ms: Vec<u32>,
    /// Whether `dbproof watch` predicts deadlocks from the transactions that it captures.
    pub predict: bool,
    /// Many clients on few rows, for `dbproof deadlock --storm`.
    pub storm: StormConfig,
}

/// `[deadlock.storm]`: many clients that change few rows, in one order and in any.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StormConfig {
    /// The statement that changes one row, whose key is `$1`. Without it, the storm has a table of
    /// its own.
    pub sql: Option<String>,
    /// A query for the keys of the hot rows, in the order in which the sorted turns take them.
    pub keys: Option<String>,
    /// What a bystander runs: the same table, other rows.
    pub bystander: Option<String>,
    /// Clients at the same time.
    pub clients: u32,
    /// Rows that each transaction changes.
    pub rows_per_transaction: u32,
    /// Seconds for each order of the rows, at each `deadlock_timeout`.
    pub seconds: f64,
}

impl Default for StormConfig {
    fn default() -> Self {
        StormConfig {
            sql: None,
            keys: None,
            bystander: None,
            clients: 8,
            rows_per_transaction: 4,
            seconds: 4.0,
        }
    }
}

impl Default for DeadlockConfig {
    fn default() -> Self {
        DeadlockConfig {
            shapes: "deadlocks".to_owned(),
            runs: 20,
            timeouts_ms: vec![1000, 100, 10],
            predict: true,
            storm: StormConfig::default(),
        }
    }
}

/// `[report]`: what is written, and where.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// The folder that `demo` and reports without a path of their own are written to.
    pub output: String,
}

impl Default for ReportConfig {
    fn default() -> Self {
        ReportConfig {
            output: "dbproof-output".to_owned(),
        }
    }
}

impl Config {
    /// Reads `dbproof.toml`.
    pub fn parse(file: &str, text: &str) -> Result<Self, Box<InputError>> {
        toml::from_str(text)
            .map_err(|error| describe(file, text, &error))
            .and_then(|config: Config| config.check(file, text).map(|()| config))
            .map_err(InputError::without_credentials)
    }

    /// Refuses values that have the right type and no sense.
    fn check(&self, file: &str, text: &str) -> Result<(), Box<InputError>> {
        let wrong = |key: &str, message: &str| {
            Err(InputError::at(
                format!("`{key}` {message}"),
                place_of_key(file, text, key),
            ))
        };
        if self.slow.threshold_ms.is_some_and(|t| !positive(t)) {
            return wrong("threshold_ms", "must be a number of milliseconds above 0");
        }
        if self.slow.duration_s.is_some_and(|s| !positive(s)) {
            return wrong("duration_s", "must be a number of seconds above 0");
        }
        if self.slow.rate.is_some_and(|rate| !positive(rate)) {
            return wrong("rate", "must be a number of executions a second above 0");
        }
        if let (Some(rate), Some(seconds)) = (self.slow.rate, self.slow.duration_s)
            && rate * seconds > MOST_SCHEDULED
        {
            return wrong(
                "rate",
                "times `duration_s` is more than 10 million executions: lower one of them",
            );
        }
        let scale = self.project.scale;
        if !scale.is_finite() || scale <= 0.0 {
            return wrong("scale", "must be a number above 0");
        }
        self.regress.check(file, text)?;
        self.nplusone.check(file, text)?;
        self.export.check(file, text)?;
        if self.watch.slow_ms.is_some_and(|ms| !positive(ms)) {
            return wrong("slow_ms", "must be a number of milliseconds above 0");
        }
        if !positive(self.watch.idle_ms) {
            return wrong("idle_ms", "must be a number of milliseconds above 0");
        }
        let counts = [
            ("samples", self.slow.samples),
            ("concurrency", self.slow.concurrency),
            ("parameter_sets", self.regress.parameter_sets),
            (
                "sessions",
                self.regress.sessions.min(self.nplusone.sessions),
            ),
            ("pairs", self.regress.pairs),
            ("runs", self.deadlock.runs.min(self.nplusone.runs)),
            ("clients", self.deadlock.storm.clients),
            (
                "rows_per_transaction",
                self.deadlock.storm.rows_per_transaction,
            ),
        ];
        for (key, count) in counts {
            if count == 0 {
                return wrong(key, "must be at least 1");
            }
        }
        let storm = &self.deadlock.storm;
        if storm.sql.is_some() != storm.keys.is_some() {
            return wrong(
                if storm.sql.is_some() { "sql" } else { "keys" },
                "needs the other one too: `sql` changes the row of a key, and `keys` is a query for \
                 the keys",
            );
        }
        if !positive(storm.seconds) {
            return wrong("seconds", "must be a number of seconds above 0");
        }
        if self.deadlock.timeouts_ms.is_empty() || self.deadlock.timeouts_ms.contains(&0) {
            return wrong(
                "timeouts_ms",
                "must name at least one timeout, each of at least 1 ms",
            );
        }
        Ok(())
    }
}

fn positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

/// The line of a key that is known to be in the file.
fn place_of_key(file: &str, text: &str, key: &str) -> Place {
    let line = text
        .lines()
        .position(|line| {
            line.trim_start()
                .trim_start_matches("[[nplusone.")
                .starts_with(key)
        })
        .map_or(1, |index| index + 1);
    Place {
        file: file.to_owned(),
        line: u32::try_from(line).unwrap_or(1),
        column: None,
        text: text.to_owned(),
    }
}

/// Turns a TOML error into ours: its line and column, and the nearest known key.
pub(crate) fn describe(file: &str, text: &str, error: &toml::de::Error) -> Box<InputError> {
    let message = error.message();
    let offset = error.span().map_or(0, |span| span.start).min(text.len());
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let place = Place {
        file: file.to_owned(),
        line: u32::try_from(line).unwrap_or(1),
        column: u32::try_from(column).ok(),
        text: text.to_owned(),
    };
    match unknown_key(message) {
        Some((unknown, known)) => InputError::at(format!("unknown key `{unknown}`"), place)
            .with_help(Some(nearest(unknown, &known).map_or_else(
                || format!("known here are: {}", known.join(", ")),
                |name| format!("did you mean `{name}`?"),
            ))),
        None => InputError::at(message.lines().collect::<Vec<_>>().join(" "), place),
    }
}

/// Takes apart serde's "unknown field `x`, expected one of `a`, `b`".
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, expected) = rest.split_once('`')?;
    let known = expected.split('`').skip(1).step_by(2).collect();
    Some((unknown, known))
}

/// The known name that is nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = Config::parse("dbproof.toml", text).unwrap_err().to_string();
        assert_eq!(error.trim_end(), expected.trim_matches('\n'), "\n{error}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        check(
            "[slow]\nsamples = 10\ntreshold_ms = 5\n",
            "
unknown key `treshold_ms`
 --> dbproof.toml:3:1
  |
3 | treshold_ms = 5
  | ^^^^^^^^^^^
  |
  = help: did you mean `threshold_ms`?",
        );
        check(
            "[slwo]\n",
            "
unknown key `slwo`
 --> dbproof.toml:1:2
  |
1 | [slwo]
  |  ^^^^
  |
  = help: did you mean `slow`?",
        );
    }

    #[test]
    fn values_without_sense_are_refused() {
        let cases = [
            "[slow]\nthreshold_ms = -1\n",
            "[slow]\nsamples = 0\n",
            "[slow]\nduration_s = 0\n",
            "[slow]\nrate = inf\n",
            "[slow]\nrate = 1e6\nduration_s = 60\n",
            "[slow]\nmix = 3\n",
            "[deadlock]\ntimeouts_ms = []\n",
            "[deadlock.storm]\nsql = \"SELECT $1\"\n",
            "[deadlock.storm]\nclients = 0\n",
            "[deadlock.storm]\nseconds = -1\n",
            "[project]\nscale = nan\n",
            "[slow]\nstatistic = \"p42\"\n",
            "[slow]\nsamples = \"many\"\n",
            "[slow\n",
            "[nplusone]\nlikely_values = 1\n",
            "[nplusone]\ncoverage = 1.5\n",
            "[nplusone]\nburst_gap_ms = 0\n",
            "[nplusone]\nignore = [{ template = \"select 1\" }]\n",
            "[nplusone]\nignore = [{ reason = \"x\" }]\n",
            "[[nplusone.ignore]]\ntag = \"health\"\nreason = \"x\"\n",
            "[[nplusone.ignore]]\ntagg = \"a=b\"\nreason = \"x\"\n",
            "[watch]\nslow_ms = 0\n",
            "[watch]\nidle_ms = -5\n",
            "[watch]\nslowms = 5\n",
            "[regress]\nlock_limit_ms = 0\n",
            "[regress]\nlock_timeout_ms = 0.5\n",
            "[regress]\nlock_rows = -1\n",
            "[regress]\ntraffic_rate = inf\n",
            "[regress]\ntransaction = \"files\"\n",
        ];
        for text in cases {
            let error = Config::parse("dbproof.toml", text).unwrap_err();
            assert!(error.place.is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn the_checked_in_schema_is_that_of_the_types() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../schema/dbproof.toml.json"
        );
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Config)).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            schema == checked_in,
            "run this test with UPDATE_SCHEMA=1 to write {path} again"
        );
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(
            Config::parse("dbproof.toml", "").unwrap(),
            Config::default()
        );
    }
}
