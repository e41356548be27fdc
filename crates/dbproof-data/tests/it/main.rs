//! The crate from outside: specifications in, rows or errors out.

mod errors;
mod generators;
mod order;
mod rows;
mod shop;

use dbproof_data::{Context, Rows, Specification, SpecificationError, generate, load_order};

/// The rows of all tables of a specification, in load order.
fn generate_all(text: &str, seed: u64, scale: f64) -> Result<Vec<Rows>, SpecificationError> {
    let tables = Specification::parse("data/test.toml", text)?;
    let mut context = Context::new(seed, scale);
    load_order(&tables)?
        .into_iter()
        .map(|table| {
            let rows = generate(table, &context)?;
            context.add_parent(&rows);
            Ok(rows)
        })
        .collect()
}

/// The rows of a table `t` with these columns, and the parents `p` (ids 1 to 100) before it.
fn with_parents(rows: &str, columns: &str) -> Result<Rows, SpecificationError> {
    let text = format!(
        "[table.t]\n{rows}\n[table.t.columns]\n{columns}\n\
         [table.p]\nrows = 100\nscaled = false\n[table.p.columns]\nid = {{ sequence = {{}} }}\n"
    );
    let all = generate_all(&text, 42, 1.0)?;
    Ok(all
        .into_iter()
        .find(|rows| rows.table_name() == "t")
        .expect("t is specified"))
}

/// The error that this specification leads to, with its help.
fn error_of(text: &str) -> String {
    let error = generate_all(text, 42, 1.0)
        .map(|_| "no error")
        .expect_err("an error is expected");
    match &error.help {
        Some(help) => format!("{error} ({help})"),
        None => error.to_string(),
    }
}
