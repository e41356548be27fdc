//! The files: [`infer`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check::{self, Limits};
use super::column::{Inferred, generator};
use super::plan::{Choice, Role, TablePlan, plan, rounded};
use super::shape::{ColumnShape, TableShape};

/// Rows of a table of which nothing is known.
pub(super) const ROWS: u64 = 1000;

/// What was inferred for one table.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredTable {
    /// The table's name.
    pub table: String,
    /// A file for it, as TOML.
    pub text: String,
    /// What could not be inferred, and is left to the reader: a sentence each.
    pub open: Vec<String>,
}

/// A first specification of these tables. Values of text columns are copied under `keep_values`
/// alone.
#[must_use]
pub fn infer(tables: &[TableShape], keep_values: bool) -> Vec<InferredTable> {
    let plans = plan(tables);
    let written = tables.iter().zip(plans).map(|(table, plan)| {
        let writer = Writer {
            table,
            limits: BTreeMap::new(),
            keep_values,
            open: plan.open.clone(),
            absent: absent(table, &plan),
        };
        writer.write(&plan)
    });
    written.collect()
}

struct Writer<'t> {
    table: &'t TableShape,
    limits: BTreeMap<String, Limits>,
    keep_values: bool,
    open: Vec<String>,
    /// Columns that get no generator.
    absent: Vec<String>,
}

fn absent(table: &TableShape, plan: &TablePlan) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| {
        let role = plan.roles.get(&column.name);
        column.generated || column.null_rate() >= 1.0 || matches!(role, Some(Role::Null(_)))
    });
    columns.map(|column| column.name.clone()).collect()
}

/// A column's line, and the columns that must stand above it.
struct Line {
    text: String,
    needs: Vec<String>,
}

impl Writer<'_> {
    fn write(mut self, plan: &TablePlan) -> InferredTable {
        self.read_checks();
        let mut lines = Vec::new();
        for column in &self.table.columns {
            let line = self.line(column, plan.roles.get(&column.name));
            lines.push((column.name.clone(), line));
        }
        let mut text = String::from(
            "# Inferred by dbproof from the schema and the planner's statistics: a start to go on from.\n",
        );
        for open in &self.open {
            writeln!(text, "# TODO {}", one_line(open)).expect("a String takes everything");
        }
        let name = key(&self.table.name);
        writeln!(text, "\n[table.{name}]").expect("a String takes everything");
        match (plan.counted, self.table.rows) {
            (true, _) => {
                text.push_str("# How many rows there are follows from the fan-out below.\n");
            }
            (false, Some(rows)) => {
                writeln!(text, "rows = {rows}").expect("a String takes everything");
            }
            (false, None) => {
                self.open
                    .push("the number of its rows: it was never analysed".to_owned());
                let rows = self.most_rows(plan).min(ROWS);
                writeln!(
                    text,
                    "# TODO The table was never analysed, so that its rows are not known.\nrows = {rows}"
                )
                .expect("a String takes everything");
            }
        }
        writeln!(text, "\n[table.{name}.columns]").expect("a String takes everything");
        for line in in_order(lines) {
            text.push_str(&line);
            text.push('\n');
        }
        InferredTable {
            table: self.table.name.clone(),
            text,
            open: self.open,
        }
    }

    /// The rows that short unique texts have numbers for.
    fn most_rows(&self, plan: &TablePlan) -> u64 {
        let columns = self.table.columns.iter();
        let unique = columns.filter(|column| plan.roles.get(&column.name) == Some(&Role::Unique));
        let digits = unique.filter_map(|column| {
            let limits = self.limits.get(&column.name);
            let length = limits.and_then(|limits| limits.length.or(limits.longest));
            [column.longest(), length].into_iter().flatten().min()
        });
        let digits = digits.min().unwrap_or(18).min(18);
        10_u64.pow(u32::try_from(digits).unwrap_or(18)) - 1
    }

    fn read_checks(&mut self) {
        let mut opaque = Vec::new();
        for constraint in &self.table.checks {
            if !self.read_check(constraint, None) {
                opaque.push(constraint.clone());
            }
        }
        for column in &self.table.columns {
            for constraint in &column.domain_checks {
                if !self.read_check(constraint, Some(&column.name)) {
                    opaque.push(format!(
                        "{} ({}): {constraint}",
                        column.name, column.shown_type
                    ));
                }
            }
        }
        for constraint in opaque {
            self.open.push(format!(
                "not understood, and rows may break it: {constraint}"
            ));
        }
    }

    /// Reads a constraint; that of a domain calls its column VALUE.
    fn read_check(&mut self, constraint: &str, domain_of: Option<&str>) -> bool {
        let columns: Vec<&str> = self
            .table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let limits = &mut self.limits;
        check::read(constraint, &mut |name, set| {
            let name = match domain_of {
                Some(column) if name == "VALUE" => column,
                _ => name.trim_matches('"'),
            };
            let known = columns.contains(&name);
            if known {
                set(limits.entry(name.to_owned()).or_default());
            }
            known
        })
    }

    fn line(&mut self, column: &ColumnShape, role: Option<&Role>) -> Line {
        let comment = |why: &str| Line {
            text: format!("# {}: {}", one_line(&column.name), one_line(why)),
            needs: Vec::new(),
        };
        if column.generated {
            return comment("the server computes it");
        }
        match role {
            Some(Role::Null(reason)) => return comment(&format!("left NULL: {reason}")),
            Some(Role::Number(high)) => {
                return self.plain(
                    column,
                    &format!("uniform = {{ low = 1, high = {high} }}"),
                    0.0,
                );
            }
            Some(Role::OwnKey(key)) => {
                self.open.push(format!(
                    "{} references the table itself: each row is its own parent",
                    column.name
                ));
                let own = match column.integers() {
                    Some(_) => format!("correlated = {{ with = {}, decimals = 0 }}", quoted(key)),
                    None => format!("template = {}", quoted(&format!("{{{key}}}"))),
                };
                return Line {
                    needs: vec![key.clone()],
                    ..self.plain(column, &own, 0.0)
                };
            }
            Some(Role::Unique) => return self.unique(column),
            Some(Role::Reference {
                table,
                column: parent,
                choice,
            }) => {
                return self.reference(column, table, parent, choice);
            }
            None => {}
        }
        if column.null_rate() >= 1.0 {
            return comment("left NULL, as it is in every row");
        }
        self.by_type(column)
    }

    fn by_type(&mut self, column: &ColumnShape) -> Line {
        let limits = self.limits.get(&column.name).cloned().unwrap_or_default();
        if let Some(after) = &limits.after {
            let earlier = self
                .table
                .columns
                .iter()
                .find(|other| other.name == *after && !self.absent.contains(after));
            if let Some(line) = earlier.and_then(|earlier| self.after(column, earlier)) {
                return line;
            }
        }
        match generator(self.table, column, &limits, self.keep_values) {
            Inferred::Generator(text) => self.plain(column, &text, column.null_rate()),
            Inferred::Stopgap(text, what) => {
                self.open.push(format!("{}: {what}", column.name));
                self.plain(column, &text, column.null_rate())
            }
            Inferred::Left(reason) => {
                self.open.push(format!("{}: {reason}", column.name));
                Line {
                    text: format!(
                        "# {} = {{ constant = \"…\" }}   # TODO {}; without a line it is left to its default",
                        key(&column.name),
                        one_line(&reason)
                    ),
                    needs: Vec::new(),
                }
            }
        }
    }

    /// A column that must not come before another.
    fn after(&self, column: &ColumnShape, earlier: &ColumnShape) -> Option<Line> {
        let mean = match (column.is_moment(), column.base_type.as_str()) {
            (true, "date") => "3",
            (true, _) => "86400",
            (false, _) if column.integers().is_some() || column.precision().is_some() => "10",
            _ => return None,
        };
        if column.base_type != earlier.base_type {
            return None;
        }
        let decimals = match (column.integers(), column.precision()) {
            (Some(_), _) => ", decimals = 0".to_owned(),
            (None, Some((_, scale))) => format!(", decimals = {scale}"),
            (None, None) => String::new(),
        };
        let rounding = if decimals.is_empty() && column.base_type != "date" {
            ""
        } else {
            ", decimals = 0"
        };
        let plus = format!("{{ exponential = {{ mean = {mean}, min = 1{rounding} }} }}");
        let text = format!(
            "correlated = {{ with = {}, plus = {plus}{decimals} }}",
            quoted(&earlier.name)
        );
        Some(Line {
            needs: vec![earlier.name.clone()],
            ..self.plain(column, &text, column.null_rate())
        })
    }

    #[expect(clippy::unused_self, reason = "it stands beside its siblings")]
    fn plain(&self, column: &ColumnShape, generator: &str, null_rate: f64) -> Line {
        let nulls = if rounded(null_rate) > 0.0 {
            format!(", null_rate = {}", rounded(null_rate))
        } else {
            String::new()
        };
        Line {
            text: format!("{} = {{ {generator}{nulls} }}", key(&column.name)),
            needs: Vec::new(),
        }
    }

    fn unique(&mut self, column: &ColumnShape) -> Line {
        let limits = self.limits.get(&column.name).cloned().unwrap_or_default();
        let room = [column.longest(), limits.longest, limits.length]
            .into_iter()
            .flatten()
            .min();
        let generator = match column.base_type.as_str() {
            "uuid" => "uuid = {}, unique = true".to_owned(),
            "timestamp" | "timestamptz" => {
                "time_series = { start = \"2024-01-01\", end = \"2026-01-01\" }".to_owned()
            }
            "inet" => "inet = \"10.0.0.0/8\", unique = true".to_owned(),
            "bytea" => "bytes = 16, unique = true".to_owned(),
            _ if column.is_text() => unique_text(column, &limits, room),
            _ => {
                let start = limits.min.unwrap_or(1.0).max(1.0);
                format!("sequence = {{ start = {start} }}")
            }
        };
        if column.is_moment() {
            self.open.push(format!(
                "{}: its span, which its key needs it to rise in",
                column.name
            ));
        }
        self.plain(column, &generator, column.null_rate())
    }

    fn reference(
        &mut self,
        column: &ColumnShape,
        table: &str,
        parent: &str,
        choice: &Choice,
    ) -> Line {
        let (option, above) = match choice {
            Choice::Even => (String::new(), None),
            Choice::FanOut(text) => (format!(", fan_out = {text}"), None),
            Choice::Along(first) => (format!(", along = {}", quoted(first)), Some(first)),
            Choice::Within(first) => (format!(", within = {}", quoted(first)), Some(first)),
        };
        let text = format!(
            "reference = {{ table = {}, column = {}{option} }}",
            quoted(table),
            quoted(parent)
        );
        let mut needs: Vec<String> = above.into_iter().cloned().collect();
        if table == self.table.name {
            needs.push(parent.to_owned());
        }
        // Along another reference it is NULL where that one is.
        let nulls = if above.is_some() {
            0.0
        } else {
            column.null_rate()
        };
        Line {
            needs,
            ..self.plain(column, &text, nulls)
        }
    }
}

fn unique_text(column: &ColumnShape, limits: &Limits, room: Option<usize>) -> String {
    if let Some(length) = limits.length {
        return format!("template = \"{{row:{}}}\"", length.clamp(1, 18));
    }
    if column.name.to_lowercase().contains("email") && room.is_none_or(|room| room >= 60) {
        return "fake = \"email\", unique = true".to_owned();
    }
    let prefix = column.name.replace(['{', '}'], "");
    if let Some(shortest) = limits.shortest {
        let digits = shortest
            .saturating_sub(prefix.chars().count() + 1)
            .clamp(1, 18);
        return format!(
            "template = {}",
            quoted(&format!("{prefix}-{{row:{digits}}}"))
        );
    }
    if room.is_some_and(|room| room < prefix.chars().count() + 12) {
        return "template = \"{row}\"".to_owned();
    }
    format!("template = {}", quoted(&format!("{prefix}-{{row}}")))
}

/// The lines with each one behind those that it needs.
fn in_order(lines: Vec<(String, Line)>) -> Vec<String> {
    let (mut ordered, mut placed, mut left) = (Vec::new(), Vec::new(), lines);
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|(name, _)| name.clone()).collect();
        let ready = |line: &Line| {
            line.needs
                .iter()
                .all(|need| placed.contains(need) || !names.contains(need))
        };
        // Where columns need each other in a circle, the reader says so when the file is read.
        let next = left.iter().position(|(_, line)| ready(line)).unwrap_or(0);
        let (name, line) = left.remove(next);
        placed.push(name);
        ordered.push(line.text);
    }
    ordered
}

/// A key as TOML writes it.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A basic string as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a String takes everything");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
