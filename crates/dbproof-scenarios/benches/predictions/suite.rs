//! The files of a suite under `tests/prediction/`: [`Suite`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A schema with its rows, and the transactions of an application on it.
pub(crate) struct Suite {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The statements that make the tables.
    pub(crate) schema: String,
    /// The statements that fill them.
    pub(crate) data: String,
    /// The transactions, in the order of their names.
    pub(crate) templates: Vec<Template>,
}

/// A transaction of an application, with the values that it is called with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    /// The name: the file's.
    #[serde(default)]
    pub(crate) name: String,
    /// What it does.
    pub(crate) summary: String,
    /// What begins it, where that says more than `BEGIN`.
    begin: Option<String>,
    /// Its statements, without BEGIN and COMMIT; `:name` stands for a value.
    statements: Vec<String>,
    /// How many instances, from the first on, an application is seen with.
    #[serde(default = "one")]
    pub(crate) seen: usize,
    /// Whether the application writes its values into the text.
    #[serde(default)]
    pub(crate) literals: bool,
    /// Where values come out of what an earlier statement has returned, and so depend on what others
    /// do: the same statements with the values taken from there.
    dependent: Option<Vec<String>>,
    /// Values with which the application would call it.
    pub(crate) instances: Vec<BTreeMap<String, Value>>,
}

/// A value of an instance.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// A whole number.
    Number(i64),
    /// Anything else, as text.
    Text(String),
}

/// A statement with parameters, as a driver sends it.
pub(crate) struct Sent {
    /// The text, with `$1` and so on.
    pub(crate) text: String,
    /// The parameters as text.
    pub(crate) parameters: Vec<String>,
}

fn one() -> usize {
    1
}

impl Suite {
    /// Reads the suite of this name.
    ///
    /// # Errors
    ///
    /// What is wrong with which file.
    pub(crate) fn read(name: &str) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/prediction");
        let folder = folder.join(name);
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let entries = fs::read_dir(&folder);
        let entries = entries.map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        });
        paths.retain(|path| path.file_stem().is_some_and(|stem| stem != "deadlocks"));
        paths.sort();
        let mut templates = Vec::new();
        for path in paths {
            let wrong = |what: String| format!("{}: {what}", path.display());
            let template: Template =
                toml::from_str(&read(&path)?).map_err(|error| wrong(error.to_string()))?;
            template.check().map_err(wrong)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            templates.push(Template {
                name: name.into_owned(),
                ..template
            });
        }
        Ok(Self {
            schema: read(&folder.join("schema.sql"))?,
            data: read(&folder.join("data.sql"))?,
            folder,
            templates,
        })
    }
}

impl Template {
    /// Whether every value is given in every instance, and used.
    fn check(&self) -> Result<(), String> {
        if self.summary.is_empty() || self.statements.is_empty() || self.instances.is_empty() {
            return Err("it needs a summary, statements and instances".to_owned());
        }
        if self.seen == 0 || self.seen > self.instances.len() {
            return Err(format!("seen = {} is no number of instances", self.seen));
        }
        let pieces = self.statements.iter().flat_map(|text| pieces(text));
        let mut names: Vec<&str> = pieces.filter_map(Piece::name).collect();
        names.sort_unstable();
        names.dedup();
        for (instance, at) in self.instances.iter().zip(1..) {
            if instance.keys().ne(names.iter().copied()) {
                return Err(format!(
                    "the statements take {names:?}, which are not the values of instance {at}"
                ));
            }
        }
        Ok(())
    }

    /// What begins the transaction.
    pub(crate) fn begin(&self) -> &str {
        self.begin.as_deref().unwrap_or("BEGIN")
    }

    /// The statements of an instance with parameters.
    pub(crate) fn sent(&self, instance: usize) -> Vec<Sent> {
        let values = &self.instances[instance];
        let sent = self.statements.iter().map(|statement| {
            let (mut text, mut names) = (String::new(), Vec::new());
            for piece in pieces(statement) {
                match piece {
                    Piece::Sql(sql) => text.push_str(sql),
                    Piece::Name(name) => {
                        let known = names.iter().position(|n| *n == name);
                        let at = known.unwrap_or_else(|| {
                            names.push(name);
                            names.len() - 1
                        });
                        let _ = write!(text, "${}", at + 1);
                    }
                }
            }
            let parameters = names.iter().map(|name| values[*name].text()).collect();
            Sent { text, parameters }
        });
        sent.collect()
    }

    /// The statements of an instance with their values in the text.
    pub(crate) fn written(&self, instance: usize) -> Vec<String> {
        let values = &self.instances[instance];
        let written = self.statements.iter().map(|statement| {
            let pieces = pieces(statement).into_iter();
            let pieces = pieces.map(|piece| match piece {
                Piece::Sql(sql) => sql.to_owned(),
                Piece::Name(name) => values[name].literal(),
            });
            pieces.collect()
        });
        written.collect()
    }

    /// The same for whoever begins every transaction by `BEGIN` and may have others beside it.
    pub(crate) fn alone(&self, instance: usize) -> Vec<String> {
        let level = self.begin.as_ref().map(|begin| {
            let level = begin.trim_start_matches("BEGIN").trim();
            format!("SET TRANSACTION {level}")
        });
        let dependent = self.dependent.clone();
        let mut statements = dependent.unwrap_or_else(|| self.written(instance));
        statements.splice(0..0, level);
        statements
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn literal(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
        }
    }
}

/// A part of a statement.
enum Piece<'a> {
    Sql(&'a str),
    Name(&'a str),
}

impl<'a> Piece<'a> {
    fn name(self) -> Option<&'a str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Sql(_) => None,
        }
    }
}

/// Cuts a statement at its `:name`s; those in quotes are none, and no more is `::type`.
fn pieces(statement: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut from, mut quoted, mut at) = (Vec::new(), 0, false, 0);
    let bytes = statement.as_bytes();
    let is_of_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    while at < bytes.len() {
        quoted ^= bytes[at] == b'\'';
        let end = bytes[at + 1..]
            .iter()
            .take_while(|b| is_of_a_name(b))
            .count()
            + at
            + 1;
        let is_cast = at > 0 && bytes[at - 1] == b':';
        if bytes[at] == b':' && !quoted && !is_cast && end > at + 1 {
            pieces.push(Piece::Sql(&statement[from..at]));
            pieces.push(Piece::Name(&statement[at + 1..end]));
            from = end;
            at = end;
        } else {
            at += 1;
        }
    }
    pieces.push(Piece::Sql(&statement[from..]));
    pieces
}
