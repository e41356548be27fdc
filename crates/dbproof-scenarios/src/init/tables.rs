//! What the migrations make: [`read`].

use std::collections::BTreeMap;

use dbproof_data::{Context, InferredTable, Specification, TableShape, generate, load_order};
use dbproof_postgres::copy::Loading;
use dbproof_postgres::{Address, connect, copy, shape};

use super::InitOptions;
use super::look::Found;
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::ServerChoice;
use crate::project::Project;
use crate::seed::{default_threads, file_name};
use crate::stage;

/// Rows of a table that references no other, and how many more each step away from it has.
const ROOT_ROWS: u64 = 1_000;
const ROWS_A_STEP: u64 = 5;
const MOST_ROWS: u64 = 25_000;

/// The tables of a project.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) shapes: Vec<TableShape>,
    /// A specification of rows for each, which was tried.
    pub(super) rows: Vec<TableRows>,
    pub(super) notes: Vec<String>,
}

/// A specification of a table's rows.
#[derive(Debug)]
pub(super) struct TableRows {
    pub(super) file: String,
    pub(super) text: String,
}

/// Reads the tables: of the database of a URL, else of one that the migrations make.
pub(super) async fn read(
    options: &InitOptions,
    found: &Found,
    observer: &dyn Observer,
) -> Result<Tables, RunError> {
    if let ServerChoice::Url(url) = &options.server {
        let session = connect(&Address::parse(url)?).await?;
        let shapes = shape::table_shapes(&session).await?;
        session.close().await;
        let inferred = dbproof_data::infer(&shapes, false);
        return Ok(Tables {
            rows: named(inferred.iter()),
            notes: open(&inferred),
            shapes,
        });
    }
    if found.migrations.is_none() && found.schema.is_none() {
        return Ok(Tables::default());
    }
    let mut project = Project::without_configuration(&options.folder);
    if let Some((folder, _)) = &found.migrations {
        project.config.project.migrations = folder.display().to_string();
    }
    project.config.project.schema = found.schema.as_ref().map(|file| file.display().to_string());
    let migrations = project.migrations()?;
    let cleaner = options.cleaner.as_ref();
    let environment = Environment::reach(&options.server, cleaner, "init", observer).await?;
    observer.event(Event::Preparing {
        what: "the schema that the migrations make",
    });
    let address = environment.databases().create("main").await?;
    let session = connect(&address).await?;
    for migration in &migrations {
        stage::apply(&session, migration).await?;
    }
    let mut shapes = shape::table_shapes(&session).await?;
    // The tool's own list of what was applied.
    shapes.retain(|table| !OF_THE_TOOLS.contains(&table.name.as_str()));
    session.close().await;
    give_rows(&mut shapes);
    let tried = fill(&address, &shapes).await;
    let tried = match tried {
        Err(_) => {
            // Fewer rows fit where keys are short or combined.
            for shape in &mut shapes {
                shape.rows = None;
            }
            fill(&address, &shapes).await
        }
        done => done,
    };
    let inferred = dbproof_data::infer(&shapes, false);
    Ok(match tried {
        Ok(()) => Tables {
            rows: named(inferred.iter()),
            notes: open(&inferred),
            shapes,
        },
        Err(error) => Tables {
            rows: Vec::new(),
            notes: vec![format!(
                "no rows are proposed, because those that dbproof would write do not fit the tables: \
                 {error}; write data/*.toml by hand, or infer it from a database with rows: \
                 `dbproof seed --infer --database-url URL`"
            )],
            shapes,
        },
    })
}

/// Tables in which tools of migrations keep their books.
const OF_THE_TOOLS: &[&str] = &[
    "_prisma_migrations",
    "_sqlx_migrations",
    "flyway_schema_history",
    "refinery_schema_history",
    "schema_migrations",
    "ar_internal_metadata",
    "alembic_version",
    "django_migrations",
    "knex_migrations",
    "knex_migrations_lock",
];

/// Gives each table a number of rows: the more, the more references lead away from it.
fn give_rows(shapes: &mut [TableShape]) {
    let mut steps: BTreeMap<String, u32> = BTreeMap::new();
    // Longest chains first settle after as many rounds as there are tables; circles are cut there.
    for _ in 0..shapes.len().min(16) {
        for shape in shapes.iter() {
            let parents = shape
                .foreign_keys
                .iter()
                .filter(|key| key.parent != shape.name);
            let above = parents.filter_map(|key| steps.get(&key.parent)).max();
            let step = above.map_or(u32::from(!shape.foreign_keys.is_empty()), |step| step + 1);
            steps.insert(shape.name.clone(), step.min(3));
        }
    }
    for shape in shapes {
        let step = steps.get(&shape.name).copied().unwrap_or(0);
        let rows = ROOT_ROWS * ROWS_A_STEP.pow(step);
        // One row a parent, where the reference is a key of its own.
        let is_one_to_one = shape.foreign_keys.iter().any(|key| {
            let mut keys = shape.keys.iter();
            keys.any(|unique| *unique == key.columns)
        });
        let rows = if is_one_to_one { ROOT_ROWS } else { rows };
        shape.rows = Some(rows.min(MOST_ROWS));
    }
}

/// Fills the tables as what is proposed says.
async fn fill(address: &Address, shapes: &[TableShape]) -> Result<(), String> {
    let told = |error: dbproof_data::SpecificationError| error.to_string();
    let mut tables = Vec::new();
    for inferred in dbproof_data::infer(shapes, false) {
        tables.extend(Specification::parse(&inferred.table, &inferred.text).map_err(told)?);
    }
    let mut context = Context::new(42, 1.0);
    let mut rows = Vec::new();
    for table in load_order(&tables).map_err(told)? {
        let generated = generate(table, &context).map_err(told)?;
        context.add_parent(&generated);
        rows.push(generated);
    }
    let loading = Loading {
        threads: default_threads(),
        progress: &|_| {},
    };
    let filled = copy::fill(address, &rows, loading).await;
    filled.map(|_| ()).map_err(|error| error.to_string())
}

fn named<'t>(inferred: impl Iterator<Item = &'t InferredTable>) -> Vec<TableRows> {
    let mut used = std::collections::BTreeSet::new();
    inferred
        .map(|table| TableRows {
            file: file_name(&table.table, &mut used),
            text: table.text.clone(),
        })
        .collect()
}

/// What the proposed rows leave open.
fn open(inferred: &[InferredTable]) -> Vec<String> {
    let about = |table: &InferredTable| {
        let name = table.table.clone();
        let open = table.open.clone().into_iter();
        open.filter(|open| !open.starts_with("the number of its rows"))
            .map(move |open| format!("rows of {name}: not inferred: {open}"))
            .collect::<Vec<_>>()
    };
    inferred.iter().flat_map(about).collect()
}

/// The project cannot be looked at without its tables.
pub(super) fn no_tables() -> Box<InputError> {
    InputError::new("there is no table in the database").with_help(Some(
        "--database-url names the database to look at".to_owned(),
    ))
}
