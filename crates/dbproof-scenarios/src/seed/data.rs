//! The rows that `data/*.toml` asks for: [`SeedData`].

use dbproof_data::{Context, Rows, TableSpecification, generate, load_order};
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
        let Some(table) = self.tables.iter().find(|table| table.name() == name) else {
            return InputError::new(message).with_help(help).into();
        };
        let (file, line) = table.location();
        let place = Place {
            file: file.to_owned(),
            line,
            column: None,
            text: std::fs::read_to_string(project.folder.join(file)).unwrap_or_default(),
        };
        InputError::at(message, place).with_help(help).into()
    }
}

fn not_empty(error: &LoadError) -> Box<InputError> {
    let help = "only empty tables are filled, and nothing was written; empty these, \
                or leave --in-place away to fill a new database";
    InputError::new(error.to_string()).with_help(Some(help.to_owned()))
}
