//! The rows that `data/*.toml` asks for: [`SeedData`].

use dbproof_data::{Context, Rows, TableSpecification, generate, load_order};
use dbproof_model::{Relation, Schema};
use dbproof_postgres::PostgresError;
use dbproof_postgres::copy::LoadError;

use crate::error::{InputError, Place, RunError};
use crate::project::Project;

/// The tables of a project and their rows, parents first.
#[derive(Debug)]
pub(crate) struct SeedData {
    pub(crate) tables: Vec<TableSpecification>,
    pub(crate) rows: Vec<Rows>,
}

/// A table, or one of its columns, that the files ask for and the database does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingData {
    table: String,
    column: Option<String>,
}

impl MissingData {
    fn table(table: &str) -> Self {
        MissingData {
            table: table.to_owned(),
            column: None,
        }
    }

    fn column(table: &str, column: &str) -> Self {
        MissingData {
            table: table.to_owned(),
            column: Some(column.to_owned()),
        }
    }

    /// Whether a database has it.
    pub(crate) fn is_in(&self, schema: &Schema) -> bool {
        let relation = relation(schema, &self.table);
        relation.is_some_and(|relation| {
            let column = self.column.as_deref();
            column.is_none_or(|column| relation.column_named(column).is_some())
        })
    }
}

/// The relation that the files call so.
fn relation<'s>(schema: &'s Schema, name: &str) -> Option<&'s Relation> {
    match name.split_once('.') {
        Some((own, name)) => schema.relation_named(Some(own), name),
        None => schema.relation_named(None, name),
    }
}

impl SeedData {
    /// Reads the project's files and prepares the rows; none is generated yet.
    pub(crate) fn read(project: &Project, seed: u64, scale: f64) -> Result<Self, RunError> {
        let tables = project.tables()?;
        let mut context = Context::new(seed, scale);
        let mut data = SeedData {
            tables: Vec::new(),
            rows: Vec::new(),
        };
        for table in load_order(&tables).map_err(|e| project.data_error(&e))? {
            let rows = generate(table, &context).map_err(|e| project.data_error(&e))?;
            context.add_parent(&rows);
            data.tables.push(table.clone());
            data.rows.push(rows);
        }
        Ok(data)
    }

    /// Leaves out the tables and columns that a database does not have, and tells which: what is under
    /// test may be what makes them. The rows of such tables are returned second.
    pub(crate) fn leave_out_missing(&mut self, schema: &Schema) -> (Vec<MissingData>, Vec<Rows>) {
        let mut missing = Vec::new();
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for rows in std::mem::take(&mut self.rows) {
            let table = rows.table_name();
            let Some(relation) = relation(schema, table) else {
                missing.push(MissingData::table(table));
                left_out.push(rows);
                continue;
            };
            let is_there = |column: &str| relation.column_named(column).is_some();
            let columns = rows.column_names();
            let absent = columns.iter().filter(|column| !is_there(column));
            let absent: Vec<_> = absent.map(|c| MissingData::column(table, c)).collect();
            kept.push(if absent.is_empty() {
                rows
            } else {
                rows.only(is_there)
            });
            missing.extend(absent);
        }
        self.rows = kept;
        (missing, left_out)
    }

    /// The error about what no migration makes.
    pub(crate) fn never_made(&self, project: &Project, missing: &MissingData) -> RunError {
        let migrations = &project.config.project.migrations;
        let message = match &missing.column {
            Some(column) => format!("there is no column `{column}` in `{}`", missing.table),
            None => format!("there is no table `{}`", missing.table),
        };
        let help =
            format!("no migration in {migrations}/ makes it; correct its name, or take it out");
        let error = self.at_table(project, &missing.table, message);
        error.with_help(Some(help)).into()
    }

    fn at_table(&self, project: &Project, name: &str, message: String) -> Box<InputError> {
        let Some(table) = self.tables.iter().find(|table| table.name() == name) else {
            return InputError::new(message);
        };
        let (file, line) = table.location();
        let place = Place {
            file: file.to_owned(),
            line,
            column: None,
            text: std::fs::read_to_string(project.folder.join(file)).unwrap_or_default(),
        };
        InputError::at(message, place)
    }

    /// Shows an error of the server about a table where the user's file asks for that table.
    pub(crate) fn explain(&self, project: &Project, error: LoadError) -> RunError {
        let (name, error) = match error {
            LoadError::Table {
                table,
                error: PostgresError::Server(error),
            } => (table, error),
            LoadError::Table { error, .. } | LoadError::Other(error) => return error.into(),
            LoadError::NotEmpty { .. } => return not_empty(&error).into(),
        };
        let message = format!("the server refuses the data for `{name}`: {error}");
        let mut help = error.detail.clone().or_else(|| error.hint.clone());
        // 42P01 undefined_table, 3F000 invalid_schema_name
        if matches!(error.sqlstate.as_str(), "42P01" | "3F000") {
            let migrations = &project.config.project.migrations;
            help = Some(format!(
                "the table must be made before it can be filled: by a migration in {migrations}/, \
                 and in the database itself with --in-place"
            ));
        }
        let error = self.at_table(project, &name, message);
        error.with_help(help).into()
    }
}

fn not_empty(error: &LoadError) -> Box<InputError> {
    let help = "only empty tables are filled, and nothing was written; empty these, \
                or leave --in-place away to fill a new database";
    InputError::new(error.to_string()).with_help(Some(help.to_owned()))
}
