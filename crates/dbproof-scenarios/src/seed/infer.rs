//! `dbproof seed --infer`: a first `data/*.toml` from a database that is there: [`infer`].

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use dbproof_data::{Context, InferredTable, Specification, generate, load_order};
use dbproof_postgres::{Address, connect, shape};

use crate::error::{InputError, RunError};

/// What `dbproof seed --infer` is asked to do.
#[derive(Clone)]
pub struct InferOptions {
    /// The database's URL. It is only read.
    pub url: String,
    /// The folder that the files are written to.
    pub folder: PathBuf,
    /// Copy the most common values of text columns.
    pub keep_values: bool,
}

impl std::fmt::Debug for InferOptions {
    // The URL holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InferOptions")
            .field("folder", &self.folder)
            .field("keep_values", &self.keep_values)
            .finish_non_exhaustive()
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferredFile {
    /// The file.
    pub path: PathBuf,
    /// The table that it describes.
    pub table: String,
    /// What could not be inferred: a sentence each.
    pub open: Vec<String>,
}

/// Writes one file a table, each of which dbproof reads; never over a file that is there.
///
/// # Errors
///
/// [`RunError::Input`] where a file is there already, with nothing written at all.
pub async fn infer(options: &InferOptions) -> Result<Vec<InferredFile>, RunError> {
    let session = connect(&Address::parse(&options.url)?).await?;
    let shapes = shape::table_shapes(&session).await?;
    session.close().await;
    if shapes.is_empty() {
        let error = InputError::new("there is no table to infer from in the database");
        return Err(error
            .with_help(Some(
                "--database-url names the database to look at".to_owned(),
            ))
            .into());
    }
    if let Some(shape) = shapes
        .iter()
        .find(|shape| shape.name.matches('.').count() > 1)
    {
        let message = format!("the table `{}` has a point in its name", shape.name);
        let help = "data/*.toml cannot tell it from the one between schema and table; rename it";
        return Err(InputError::new(message)
            .with_help(Some(help.to_owned()))
            .into());
    }
    let inferred = dbproof_data::infer(&shapes, options.keep_values);
    read_back(&inferred)?;
    write(&options.folder, inferred)
}

/// Whether the reader takes what is about to be written.
fn read_back(inferred: &[InferredTable]) -> Result<(), RunError> {
    let wrong = |error: dbproof_data::SpecificationError| {
        InputError::new(format!(
            "what was inferred for a table cannot be read back: {error}"
        ))
        .with_help(error.help)
    };
    let mut tables = Vec::new();
    for table in inferred {
        tables.extend(Specification::parse(&table.table, &table.text).map_err(wrong)?);
    }
    let mut context = Context::new(42, 1.0);
    for table in load_order(&tables).map_err(wrong)? {
        let rows = generate(table, &context).map_err(wrong)?;
        context.add_parent(&rows);
    }
    Ok(())
}

fn write(folder: &Path, inferred: Vec<InferredTable>) -> Result<Vec<InferredFile>, RunError> {
    let failed = |path: &Path| {
        let action = format!("write {}", path.display());
        move |source| RunError::File { action, source }
    };
    let mut used = BTreeSet::new();
    let mut planned = Vec::new();
    for table in inferred {
        let path = folder.join(file_name(&table.table, &mut used));
        if path.exists() {
            return Err(already_there(&path).into());
        }
        planned.push((path, table));
    }
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for (path, table) in planned {
        let mut file = create(&path)?;
        file.write_all(table.text.as_bytes())
            .map_err(failed(&path))?;
        written.push(InferredFile {
            path,
            table: table.table,
            open: table.open,
        });
    }
    Ok(written)
}

/// Creates a file that is not there, even where it appears just now.
fn create(path: &Path) -> Result<File, RunError> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    opened.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => already_there(path).into(),
        _ => RunError::File {
            action: format!("write {}", path.display()),
            source,
        },
    })
}

/// A name of its own for each table's file, whatever the table is called.
pub(crate) fn file_name(table: &str, used: &mut BTreeSet<String>) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || "_-.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let stem: String = table.chars().map(plain).take(100).collect();
    let stem = stem.trim_start_matches('.');
    let mut name = format!("{stem}.toml");
    // Some file systems do not tell capitals apart.
    while !used.insert(name.to_lowercase()) {
        name = format!("{stem}_{}.toml", used.len());
    }
    name
}

fn already_there(path: &Path) -> Box<InputError> {
    InputError::new(format!("{} is there already", path.display())).with_help(Some(
        "nothing was written over it; name another folder with --output DIR".to_owned(),
    ))
}
