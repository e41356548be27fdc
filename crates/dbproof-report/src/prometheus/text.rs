//! Prometheus' text exposition format, version 0.0.4: [`rendered`].
//!
//! Written by hand because `node_exporter`'s textfile collector reads this format alone, and not
//! `OpenMetrics`, and because a document that is written once needs no registry of atomic counters.
//! Source: prometheus.io, "Exposition formats".

use std::fmt::Write as _;

use super::family::{Family, Labels};

/// The document. No sample has a timestamp, as the textfile collector demands.
pub(super) fn rendered(families: &[Family<'_>]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.name;
        let help = family.help.replace('\\', r"\\").replace('\n', r"\n");
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a string");
        for (labels, value) in &family.samples {
            writeln!(text, "{name}{} {value}", pairs(labels)).expect("a string");
        }
    }
    text
}

/// `{a="b",c="d"}`, or nothing where there are no labels.
fn pairs(labels: &Labels<'_>) -> String {
    let pairs: Vec<String> = labels
        .iter()
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
    use std::borrow::Cow;

    use super::super::family::Exposition;
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
        insta::assert_snapshot!(rendered(&exposition.into_families()), @r#"
        # HELP some A \\ and\na line.
        # TYPE some gauge
        some{query="a\"b\\c\nd"} 0.5
        some{query="x"} 0.0000001
        some 3
        "#);
    }
}
