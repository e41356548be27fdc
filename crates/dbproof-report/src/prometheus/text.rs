//! Prometheus' text exposition format, version 0.0.4: [`Exposition`].
//!
//! Written by hand because `node_exporter`'s textfile collector reads this format alone, and not
//! `OpenMetrics`, and because a document that is written once needs no registry of atomic counters.
//! Source: prometheus.io, "Exposition formats".

use std::borrow::Cow;
use std::fmt::Write as _;

/// The labels of a sample: names of ours, values from the record.
pub(super) type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// A document in the making. Every family is a gauge: the values of the last run, which go up and
/// down. No sample has a timestamp, as the textfile collector demands.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

impl Exposition {
    /// Writes a family. A family without samples is left out, and so are samples without a value and
    /// those whose labels an earlier one has: a collector refuses a whole file for a single pair.
    pub(super) fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, Option<f64>)>,
    ) {
        let mut seen: Vec<Labels<'a>> = Vec::new();
        for (labels, value) in samples {
            let Some(value) = value.filter(|value| value.is_finite()) else {
                continue;
            };
            if seen.is_empty() {
                let help = help.replace('\\', r"\\").replace('\n', r"\n");
                writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a string");
            }
            if seen.contains(&labels) {
                continue;
            }
            writeln!(self.text, "{name}{} {value}", rendered(&labels)).expect("a string");
            seen.push(labels);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// `{a="b",c="d"}`, or nothing where there are no labels. An empty value means the same as no label.
fn rendered(labels: &Labels<'_>) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    match pairs.as_slice() {
        [] => String::new(),
        pairs => format!("{{{}}}", pairs.join(",")),
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('\n', r"\n")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_nothing_is_written_twice_or_without_a_value() {
        let labels = |pairs: &[(&'static str, &'static str)]| -> Labels<'static> {
            pairs
                .iter()
                .map(|(name, value)| (*name, Cow::Borrowed(*value)))
                .collect()
        };
        let mut exposition = Exposition::default();
        exposition.gauge("none", "Nothing.", [(labels(&[("a", "b")]), None)]);
        exposition.gauge(
            "some",
            "A \\ and\na line.",
            [
                (
                    labels(&[("project", ""), ("query", "a\"b\\c\nd")]),
                    Some(0.5),
                ),
                (labels(&[("query", "x")]), Some(f64::NAN)),
                (labels(&[("query", "x")]), Some(1e-7)),
                (labels(&[("query", "x")]), Some(2.0)),
                (labels(&[]), Some(3.0)),
            ],
        );
        insta::assert_snapshot!(exposition.into_text(), @r#"
        # HELP some A \\ and\na line.
        # TYPE some gauge
        some{query="a\"b\\c\nd"} 0.5
        some{query="x"} 0.0000001
        some 3
        "#);
    }
}
