//! A baseline as the text of its file: [`render`].

use std::fmt::Write as _;

use dbproof_model::{Baseline, BaselineSet};

use super::{AS, END, HEAD, VERSION};

/// The file of a baseline, with a newline at its end. The same baseline gives the same bytes.
#[must_use]
pub fn render(baseline: &Baseline) -> String {
    let base = &baseline.base;
    let mut text = format!("{HEAD}{VERSION}: written by `dbproof accept`; review it like code\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {value}");
    };
    line("query", &baseline.query);
    line("statement", &baseline.statement);
    line("server", &base.server);
    line("collation", &base.collation);
    line("seed", &base.seed.to_string());
    line("scale", &base.scale.to_string());
    if let Some(data) = &base.data {
        line("data", data);
    }
    for (name, value) in &base.settings {
        line("setting", &format!("{name} = {value}"));
    }
    for (name, rows) in &base.relations {
        line("relation", &format!("{rows} rows in {name}"));
    }
    for (at, set) in baseline.sets.iter().enumerate() {
        let same = |earlier: &&BaselineSet| earlier.plan.nodes == set.plan.nodes;
        push_set(&mut text, set, baseline.sets[..at].iter().find(same));
    }
    let _ = write!(text, "\n{END}\n");
    text
}

/// `same` is the first set above with the same nodes, which are then written once.
fn push_set(text: &mut String, set: &BaselineSet, same: Option<&BaselineSet>) {
    let plan = &set.plan;
    let _ = write!(text, "\n[{}]\n", set.label);
    if let Some(rows) = plan.rows {
        let _ = writeln!(text, "rows: {rows}");
    }
    if let Some(values) = &plan.values {
        let _ = writeln!(text, "values: {values}");
    }
    let _ = writeln!(text, "blocks: {}", plan.blocks);
    if plan.spill_blocks > 0 {
        let _ = writeln!(text, "spill blocks: {}", plan.spill_blocks);
    }
    if let Some(same) = same {
        let _ = writeln!(text, "{AS}{}]", same.label);
        return;
    }
    for node in &plan.nodes {
        let _ = writeln!(text, "{node}");
    }
}
