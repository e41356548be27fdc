//! What differs between two run records: [`compare`].
//!
//! | file | holds |
//! |---|---|
//! | `compare` | findings, and what makes two runs comparable |
//! | `queries` | queries, pages, statements and shapes, each scenario in its own way |
//! | `rows` | both as rows of a table, the most important first |
//! | `draw`, `pull_request`, `page` | the rows for a terminal, as Markdown of a limited size, as HTML |

mod compare;
mod draw;
mod page;
mod pull_request;
mod queries;
mod rows;

use dbproof_model::{Finding, Git, RunRecord, Scenario, Severity, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::formats::Format;

pub(crate) use compare::circumstances;
pub use compare::compare;
pub use draw::terminal;
pub use page::html;
pub use pull_request::markdown;

/// Text for a terminal.
pub(crate) const TERMINAL: Format<Delta> =
    Format::new("terminal", "delta.txt", |delta, setting| {
        terminal(delta, &setting.style)
    });
/// The delta itself.
pub(crate) const JSON: Format<Delta> = Format::new("json", "delta.json", |delta, _| json(delta));
/// Markdown for a pull request's comment.
pub(crate) const MARKDOWN: Format<Delta> =
    Format::new("markdown", "delta.md", |delta, _| markdown(delta));
/// One HTML file.
pub(crate) const HTML: Format<Delta> = Format::new("html", "delta.html", |delta, _| html(delta));

/// The name and version of the delta's format.
pub const DELTA_SCHEMA: &str = "dbproof.diff/1";

/// What differs between two run records. Fields may be added; none changes its meaning within `/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// Always `dbproof.diff/1`.
    pub schema: String,
    /// The run that is compared with.
    pub base: Side,
    /// The run that is judged.
    pub head: Side,
    /// Why figures of the two runs cannot be held against each other; empty where they can. Times and
    /// blocks decide nothing where there is a reason.
    pub incomparable: Vec<String>,
    /// The findings of both runs, the most important first.
    pub findings: Vec<FindingChange>,
    /// The queries, pages, statements and deadlock shapes that both runs looked at, or could have, the
    /// most important first.
    pub queries: Vec<QueryChange>,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Names the run among all others.
    pub run_id: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// The revision of the project's checkout, if it was one.
    pub git: Option<Git>,
    /// Its verdict.
    pub verdict: Verdict,
}

impl Side {
    fn of(record: &RunRecord) -> Self {
        Side {
            run_id: record.run_id.clone(),
            started_at: record.started_at.clone(),
            git: record.git.clone(),
            verdict: record.verdict,
        }
    }
}

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The base does not have it.
    New,
    /// It is worse than in the base.
    Worse,
    /// The base decided it, and the head saw too little to.
    Undecided,
    /// The base has it, and the head did not look for it.
    Unchecked,
    /// It is another one, neither better nor worse.
    Changed,
    /// It is better than in the base.
    Better,
    /// The head looked for it and does not have it.
    Gone,
    /// It is as it was.
    Same,
}

impl Change {
    /// The change as it is written in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Worse => "worse",
            Change::Undecided => "undecided",
            Change::Unchecked => "unchecked",
            Change::Changed => "changed",
            Change::Better => "better",
            Change::Gone => "gone",
            Change::Same => "same",
        }
    }
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingChange {
    /// What became of it.
    pub change: Change,
    /// What makes it the same finding in both runs.
    pub fingerprint: String,
    /// Its severity in the base; absent where the base does not have it.
    pub was: Option<Severity>,
    /// Its severity in the head; absent where the head does not have it.
    pub is: Option<Severity>,
    /// The finding as the head has it, or else the base.
    pub finding: Finding,
}

/// What became of a query, page, statement or deadlock shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueryChange {
    /// What became of it.
    pub change: Change,
    /// The scenario that looked at it.
    pub scenario: Scenario,
    /// Its name, or the statement without its values.
    pub name: String,
    /// What the base says of it, such as `pass` or `proven`.
    pub was: Option<String>,
    /// What the head says of it.
    pub is: Option<String>,
    /// Why it is better or worse, where its figures decide; empty elsewhere.
    pub reason: String,
    /// Its figures, the one that matters most first.
    pub figures: Vec<FigureChange>,
}

/// A figure of both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureChange {
    /// What it is, such as `p95`.
    pub name: String,
    /// Its unit, such as `ms`; empty for counts.
    pub unit: String,
    /// The base's.
    pub base: Option<f64>,
    /// The head's.
    pub head: Option<f64>,
}

impl FigureChange {
    /// Head divided by base, where both are there and the base is not zero.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (self.base, self.head) {
            (Some(base), Some(head)) if base > 0.0 => Some(head / base),
            _ => None,
        }
    }
}

impl Delta {
    /// Whether there is an error that the base does not have: a new finding, or an old one that
    /// has become an error.
    #[must_use]
    pub fn has_new_errors(&self) -> bool {
        self.has_new(Severity::Error)
    }

    /// Whether there is a finding of this severity or above that the base does not have as such.
    #[must_use]
    pub fn has_new(&self, severity: Severity) -> bool {
        self.findings
            .iter()
            .filter(|change| matches!(change.change, Change::New | Change::Worse))
            .any(|change| change.is.is_some_and(|is| is >= severity))
    }

    /// Whether something that the base decided is undecided now.
    #[must_use]
    pub fn has_undecided(&self) -> bool {
        self.queries.iter().any(|q| q.change == Change::Undecided)
            || (self.head.verdict == Verdict::Inconclusive
                && self.base.verdict != Verdict::Inconclusive)
    }

    /// How many findings and how many queries have become so.
    #[must_use]
    pub fn count(&self, change: Change) -> (usize, usize) {
        let findings = self.findings.iter().filter(|f| f.change == change);
        let queries = self.queries.iter().filter(|q| q.change == change);
        (findings.count(), queries.count())
    }
}

/// The delta as indented JSON, with a newline at its end.
///
/// # Panics
///
/// Never: a delta has string keys alone.
#[must_use]
pub fn json(delta: &Delta) -> String {
    let mut text = serde_json::to_string_pretty(delta).expect("a delta has string keys alone");
    text.push('\n');
    text
}

/// The JSON Schema (draft 2020-12) of a delta, generated from the types.
#[must_use]
pub fn schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Delta>().to_value();
    schema["title"] = json!("dbproof delta");
    schema["properties"]["schema"]["const"] = json!(DELTA_SCHEMA);
    schema
}
