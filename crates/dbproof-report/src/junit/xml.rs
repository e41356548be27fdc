//! JUnit's XML as Jenkins describes it: [`Report`] to text.
//!
//! Written here and not by a crate, because none of those looked at keeps to Jenkins's schema, which
//! the tests hold the text against: `quick-junit` writes `disabled` (up to 0.6) or `skipped` (from 0.7)
//! where the schema has no such attribute.

use std::fmt::Write as _;

/// The document.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) suites: Vec<Suite>,
}

/// What belongs together: a scenario, a table.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    pub(crate) name: String,
    /// RFC 3339.
    pub(crate) timestamp: Option<String>,
    /// Names and values.
    pub(crate) properties: Vec<(&'static str, String)>,
    pub(crate) cases: Vec<Case>,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) classname: String,
    pub(crate) name: String,
    pub(crate) seconds: Option<f64>,
    pub(crate) outcome: Outcome,
    pub(crate) output: String,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    /// Checked, and out of bounds.
    Failure(Problem),
    /// Not checked, or on too little to tell.
    Error(Problem),
}

/// What was wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The finding's code.
    pub(crate) code: String,
    /// One line.
    pub(crate) message: String,
    /// All of it.
    pub(crate) text: String,
}

impl Report {
    /// The document as text.
    pub(crate) fn render(&self) -> String {
        let cases = || self.suites.iter().flat_map(|suite| &suite.cases);
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let counts = counts(cases());
        let time = format!("{:.3}", positive(self.seconds));
        let attributes = [("name", self.name.clone()), ("time", time)];
        open(
            &mut text,
            "<testsuites",
            attributes.into_iter().chain(counts),
        );
        text.push_str(">\n");
        for suite in &self.suites {
            suite.push(&mut text);
        }
        text.push_str("</testsuites>\n");
        text
    }
}

impl Suite {
    fn push(&self, text: &mut String) {
        let name = [("name", self.name.clone())];
        let timestamp = self.timestamp.clone().map(|at| ("timestamp", at));
        let attributes = name.into_iter().chain(counts(self.cases.iter()));
        open(text, "  <testsuite", attributes.chain(timestamp));
        text.push_str(">\n");
        if !self.properties.is_empty() {
            text.push_str("    <properties>\n");
            for (name, value) in &self.properties {
                let attributes = [("name", (*name).to_owned()), ("value", value.clone())];
                open(text, "      <property", attributes);
                text.push_str("/>\n");
            }
            text.push_str("    </properties>\n");
        }
        for case in &self.cases {
            case.push(text);
        }
        text.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn push(&self, text: &mut String) {
        let names = [
            ("classname", self.classname.clone()),
            ("name", self.name.clone()),
        ];
        let time = self
            .seconds
            .map(|seconds| ("time", format!("{:.6}", positive(seconds))));
        open(text, "    <testcase", names.into_iter().chain(time));
        text.push_str(">\n");
        match &self.outcome {
            Outcome::Pass => {}
            Outcome::Failure(problem) => problem.push(text, "failure"),
            Outcome::Error(problem) => problem.push(text, "error"),
        }
        if !self.output.is_empty() {
            writeln!(
                text,
                "      <system-out>{}</system-out>",
                escaped(&self.output)
            )
            .expect("a string takes everything");
        }
        text.push_str("    </testcase>\n");
    }
}

impl Problem {
    fn push(&self, text: &mut String, tag: &str) {
        let attributes = [
            ("type", self.code.clone()),
            ("message", self.message.clone()),
        ];
        open(text, &format!("      <{tag}"), attributes);
        writeln!(text, ">{}</{tag}>", escaped(&self.text)).expect("a string takes everything");
    }
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case>) -> [(&'static str, String); 3] {
    let (mut all, mut failures, mut errors) = (0, 0, 0);
    for case in cases {
        all += 1;
        match case.outcome {
            Outcome::Pass => {}
            Outcome::Failure(_) => failures += 1,
            Outcome::Error(_) => errors += 1,
        }
    }
    [
        ("tests", u64::to_string(&all)),
        ("failures", u64::to_string(&failures)),
        ("errors", u64::to_string(&errors)),
    ]
}

fn open(
    text: &mut String,
    start: &str,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
) {
    text.push_str(start);
    for (name, value) in attributes {
        write!(text, " {name}=\"{}\"", escaped(&value)).expect("a string takes everything");
    }
}

/// A number that the schema's pattern of a time has room for.
fn positive(seconds: f64) -> f64 {
    if seconds.is_finite() && seconds > 0.0 {
        seconds
    } else {
        0.0
    }
}

/// Text in an element or an attribute. What XML 1.0 has no room for, not even as a reference, becomes
/// the replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            c => out.push(c),
        }
    }
    out
}
