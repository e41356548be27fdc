//! What `data/*.toml` asks for: [`Specification`] and [`TableSpecification`].

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::error::{Place, Problem, SpecificationError};
use crate::generator::{self, Recipe};
use crate::reader::{self, Node, Source};

/// Reads `data/*.toml`.
///
/// A file holds one or more tables; a column is a generator with its options, and may add
/// `null_rate` and `unique`. All that there is:
///
/// ```
/// # use dbproof_data::{Context, Specification, generate, load_order};
/// # let text = r#"
/// [table.people]
/// rows = 1000        # times the scale …
/// scaled = false     # … unless it is not to grow
///
/// [table.people.columns]
/// id       = { sequence = { start = 1, step = 1 } }         # `cycle = 4` begins anew after 4 rows
/// name     = { fake = "name" }                              # or first_name, city, phone, …
/// email    = { fake = { kind = "email", from = "name" }, unique = true }
/// motto    = { fake = { kind = "sentence", words = 5 }, null_rate = 0.2 }
/// boss_id  = { reference = { table = "people" } }           # an earlier row; column "id" if not said
/// country  = { categorical = { DE = 3, FR = 2 } }           # text and weights
/// level    = { categorical = [{ value = 1, weight = 3 }, { value = 2, weight = 1 }] }
/// age      = { uniform = { low = 18, high = 99 } }          # both ends included
/// height   = { normal = { mean = 170, deviation = 10, min = 100, decimals = 1 } }
/// income   = { lognormal = { median = 3000, sigma = 0.6, max = 1e6, decimals = 2 } }
/// visit_s  = { exponential = { mean = 90, decimals = 0 } }  # no `decimals`: a float
/// rank     = { zipf = { low = 1, high = 500, exponent = 1.1, scattered = true } }
/// member   = { boolean = 0.3 }
/// currency = { constant = "EUR" }
/// joined   = { time_series = { start = "2024-01-01", end = "2026-01-01", growth = 1 } }
/// born     = { time_series = { start = 1940-01-01, end = 2008-01-01, order = "random", unit = "date" } }
/// token    = { uuid = {}, unique = true }
/// address  = { inet = "10.0.0.0/8" }
/// digest   = { bytes = 32 }
/// about    = { text = { min = 20, max = 200 } }             # or `length = 100`
/// badge    = { template = "{country}-{row:6}" }             # the row's number and columns above
/// weight   = { correlated = { with = "height", factor = 0.9, plus = { normal = { mean = -85, deviation = 8 } }, decimals = 1 } }
/// left     = { case = { of = "member", when = { false = { correlated = { with = "joined", plus = 86400 } } } } }
///
/// [table.cars.columns]      # no `rows`: they follow from the fan-out, or { constant = 3 }, { poisson = 1.5 }
/// owner_id = { reference = { table = "people", column = "id", fan_out = { uniform = [0, 2] } } }
///
/// [table.calls]
/// rows = 5000               # shared out by { zipf = 0.6 }
/// [table.calls.columns]
/// caller_id = { reference = { table = "people", fan_out = { zipf = 0.6 } } }
/// # "#;
/// # let tables = Specification::parse("data/people.toml", text)?;
/// # let mut context = Context::new(42, 1.0);
/// # for table in load_order(&tables)? {
/// #     let rows = generate(table, &context)?;
/// #     context.add_parent(&rows);
/// #     assert!(rows.count() > 700);
/// # }
/// # Ok::<(), dbproof_data::SpecificationError>(())
/// ```
#[derive(Debug)]
pub struct Specification;

impl Specification {
    /// Reads the tables of one file, in the order in which they are written. `file` is what errors
    /// call it.
    ///
    /// Whether references lead anywhere is for [`load_order`](crate::load_order) to say: parents
    /// may be specified in another file.
    pub fn parse(file: &str, text: &str) -> Result<Vec<TableSpecification>, SpecificationError> {
        let source = Source { file, text };
        let document = DeTable::parse(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            source
                .place(&error.span().unwrap_or_default())
                .error(message)
        })?;
        let mut tables = Vec::new();
        for (place, node) in reader::entries(source, document.get_ref()) {
            if node.name() != "table" {
                return Err(place.error(Problem::unknown("key", node.name(), ["table"])));
            }
            let DeValue::Table(named) = node.value() else {
                return Err(node.error(
                    Problem::new("a table needs a name").with_help("write `[table.users]`"),
                ));
            };
            for (place, node) in reader::entries(source, named) {
                tables.push(read_table(source, place, &node)?);
            }
        }
        Ok(tables)
    }
}

/// What is asked for one table.
#[derive(Debug, Clone)]
pub struct TableSpecification {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) size: Size,
    pub(crate) columns: Vec<ColumnSpecification>,
}

impl TableSpecification {
    /// The table's name as the database knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns that are filled, in the order of the file.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    }

    /// The file that specifies the table, and the line where it begins.
    #[must_use]
    pub fn location(&self) -> (&str, u32) {
        (&self.place.file, self.place.line)
    }

    /// The tables that this one references, each with the place of the column that does.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.columns
            .iter()
            .filter_map(|column| Some((column.recipe.parent()?, &column.place)))
    }
}

/// How many rows a table has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    /// That many, times the scale.
    Scaled(u64),
    /// That many at any scale.
    Fixed(u64),
    /// As many as the fan-out of the column of this index yields.
    FanOut(usize),
}

/// What is asked for one column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSpecification {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) null_rate: f64,
    pub(crate) unique: bool,
    pub(crate) recipe: Arc<dyn Recipe>,
}

fn read_table(
    source: Source<'_>,
    place: Place,
    node: &Node<'_>,
) -> Result<TableSpecification, SpecificationError> {
    let fields = node.fields(&["rows", "scaled", "columns"])?;
    let column_nodes = fields.required("columns")?;
    let DeValue::Table(named) = column_nodes.value() else {
        return Err(column_nodes.error("`columns` must be a table"));
    };
    let mut columns: Vec<ColumnSpecification> = Vec::new();
    for (place, node) in reader::entries(source, named) {
        let column = read_column(place, &node)?;
        for name in column.recipe.reads() {
            check_stands_above(&columns, &column, name)?;
        }
        columns.push(column);
    }
    if columns.is_empty() {
        return Err(place.error(format!("table `{}` has no columns", node.name())));
    }
    let rows = fields.optional("rows");
    let scaled = match fields.optional("scaled") {
        Some(node) => node.boolean()?,
        None => true,
    };
    let size = match (rows, fan_out(&columns)?) {
        (Some(rows), Some(column)) => {
            return Err(rows.error(
                Problem::new(format!(
                    "`rows` contradicts the fan-out of `{}`, which already says how many there are",
                    columns[column].name
                ))
                .with_help("take `rows` away"),
            ));
        }
        (None, Some(column)) => Size::FanOut(column),
        (Some(rows), None) if scaled => Size::Scaled(rows.count(0)?),
        (Some(rows), None) => Size::Fixed(rows.count(0)?),
        (None, None) => {
            return Err(place.error(format!("table `{}` needs `rows`", node.name())));
        }
    };
    Ok(TableSpecification {
        name: node.name().to_owned(),
        place,
        size,
        columns,
    })
}

/// The column whose fan-out decides the number of rows.
fn fan_out(columns: &[ColumnSpecification]) -> Result<Option<usize>, SpecificationError> {
    let mut counting = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.recipe.decides_rows());
    let Some((first, column)) = counting.next() else {
        return Ok(None);
    };
    match counting.next() {
        None => Ok(Some(first)),
        Some((_, second)) => Err(second.place.error(format!(
            "the fan-outs of `{}` and `{}` both say how many rows there are",
            column.name, second.name
        ))),
    }
}

fn check_stands_above(
    above: &[ColumnSpecification],
    column: &ColumnSpecification,
    name: &str,
) -> Result<(), SpecificationError> {
    if above.iter().any(|candidate| candidate.name == name) {
        return Ok(());
    }
    let known = above.iter().map(|candidate| candidate.name.as_str());
    let problem = Problem::unknown("column above this one:", name, known);
    Err(column.place.error(problem))
}

fn read_column(place: Place, node: &Node<'_>) -> Result<ColumnSpecification, SpecificationError> {
    let DeValue::Table(_) = node.value() else {
        return Err(node.error(
            Problem::new(format!(
                "column `{}` needs a table with a generator",
                node.name()
            ))
            .with_help("such as `{ sequence = { start = 1 } }`"),
        ));
    };
    let (mut null_rate, mut unique, mut generators) = (0.0, false, Vec::new());
    for entry in node.entries()? {
        match entry.name() {
            "null_rate" => null_rate = entry.probability()?,
            "unique" => unique = entry.boolean()?,
            _ => generators.push(entry),
        }
    }
    let recipe = generator::read_one(node, &generators)?;
    if unique && !recipe.can_be_unique() {
        let problem = Problem::new(format!("column `{}` cannot be made unique", node.name()));
        return Err(place.error(problem.with_help(
            "`unique` goes with `sequence`, `uniform` integers, `fake` and `text`; \
             a reference is unique with `fan_out = { constant = 1 }`",
        )));
    }
    Ok(ColumnSpecification {
        name: node.name().to_owned(),
        place,
        null_rate,
        unique,
        recipe,
    })
}
