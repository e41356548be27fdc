//! One statement about the database work: [`Finding`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who found something: one of the four questions that dbproof asks of a database, or what watches
/// an application.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Critical queries under a threshold.
    Slow,
    /// Plans before and after a schema change.
    Regress,
    /// One query, and then N more.
    NPlusOne,
    /// Transactions that lock in reverse order.
    Deadlock,
    /// The traffic of an application.
    Watch,
}

impl Scenario {
    /// The scenario's name: its command, its configuration table and its key in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::Slow => "slow",
            Scenario::Regress => "regress",
            Scenario::NPlusOne => "nplusone",
            Scenario::Deadlock => "deadlock",
            Scenario::Watch => "watch",
        }
    }
}

/// How much a finding matters; ordered from least to most.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; never fails a run.
    Info,
    /// Worth a look; fails a run under `--fail-on warning`.
    Warning,
    /// Fails a run.
    Error,
}

impl Severity {
    /// The severity as it is written in the run record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in one of the user's files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The file, relative to the folder of `dbproof.toml` where it lies below it.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The advice in a sentence or two.
    pub text: String,
    /// The statement to run or to use instead, where there is one.
    pub sql: Option<String>,
}

/// One statement about the database work, with its evidence and what to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The stable kebab-case code; `dbproof explain CODE` tells what it means.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The scenario that found it.
    pub scenario: Scenario,
    /// What it is about: the name of a query, a template, a deadlock shape.
    pub subject: String,
    /// What the code means, in a few words.
    pub title: String,
    /// What was seen, with its figures.
    pub message: String,
    /// Where the subject is defined, if that is known.
    pub location: Option<Location>,
    /// The figures behind the message, by name. Times in milliseconds.
    pub evidence: Map<String, Value>,
    /// What to do about it.
    pub remedy: Option<Remedy>,
}

impl Finding {
    /// Names the place in the user's files that the finding is about.
    #[must_use]
    pub fn at(mut self, location: Option<Location>) -> Self {
        self.location = location;
        self
    }

    /// Adds one figure to the evidence.
    #[must_use]
    pub fn with_evidence(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// Says what to do, and with which statement.
    #[must_use]
    pub fn with_remedy(mut self, text: impl Into<String>, sql: Option<String>) -> Self {
        self.remedy = Some(Remedy {
            text: text.into(),
            sql,
        });
        self
    }

    /// Gives the finding another severity than its code usually has.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
