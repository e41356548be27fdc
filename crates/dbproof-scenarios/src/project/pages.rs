//! `pages/*.toml`: an application's access layer, page by page: [`Page`].

use serde::Deserialize;

use super::config::describe;
use super::{Project, SourceFile, place};
use crate::error::{InputError, Place, RunError};

/// A page in one or more versions.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its name.
    pub name: String,
    /// Its versions.
    pub versions: Vec<Version>,
    /// The file that it stands in.
    pub file: SourceFile,
}

/// One way to load a page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its name, such as `looped`.
    pub name: String,
    /// Its statements, in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// One statement, run once or once for each row of an earlier step.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name, for later steps to refer to.
    pub name: String,
    /// The step for each of whose rows it is run.
    pub for_each: Option<String>,
    /// The statement.
    pub sql: String,
    /// `step.column` for the current row's value, `step.column[]` for all distinct values.
    #[serde(default)]
    pub parameters: Vec<String>,
}

/// Where a step's parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The earlier step's index.
    pub step: usize,
    /// The column of its result.
    pub column: String,
    /// Whether all distinct values are sent as one array.
    pub array: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageFile {
    page: PageHeader,
    version: Vec<Version>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageHeader {
    name: String,
}

impl Project {
    /// Every page, in the order of the files' names; none where there is no such folder.
    pub fn pages(&self) -> Result<Vec<Page>, RunError> {
        let files = self.files_if_any(&self.config.nplusone.pages, "toml")?;
        files.into_iter().map(|file| Ok(parse(file)?)).collect()
    }
}

fn parse(file: SourceFile) -> Result<Page, Box<InputError>> {
    let parsed: PageFile =
        toml::from_str(&file.text).map_err(|error| describe(&file.name, &file.text, &error))?;
    let page = Page {
        name: parsed.page.name,
        versions: parsed.version,
        file,
    };
    for version in &page.versions {
        for (index, step) in version.steps.iter().enumerate() {
            version.check(index, step).map_err(|message| {
                let message = format!(
                    "version `{}`, step `{}`: {message}",
                    version.name, step.name
                );
                InputError::at(message, page.place_of(&step.sql))
            })?;
        }
    }
    Ok(page)
}

impl Page {
    /// Where a step's statement stands, for errors about the step.
    pub(crate) fn place_of(&self, sql: &str) -> Place {
        let first = sql.trim_start().lines().next().unwrap_or_default();
        let index = self
            .file
            .text
            .lines()
            .position(|line| line.contains(first))
            .unwrap_or(0);
        place(&self.file, u32::try_from(index + 1).unwrap_or(1), None)
    }
}

impl Version {
    fn check(&self, index: usize, step: &Step) -> Result<(), String> {
        if let Some(each) = &step.for_each {
            self.earlier(index, each)?;
        }
        for parameter in &step.parameters {
            let reference = self.reference(index, parameter)?;
            let source = &self.steps[reference.step].name;
            if !reference.array && step.for_each.as_ref() != Some(source) {
                return Err(format!(
                    "`{parameter}` is one row's value, so the step needs for_each = \"{source}\"; \
                     `{parameter}[]` sends all values as one array"
                ));
            }
        }
        Ok(())
    }

    /// Reads `step.column` or `step.column[]` of the step at `index`.
    pub fn reference(&self, index: usize, parameter: &str) -> Result<Reference, String> {
        let (path, array) = match parameter.strip_suffix("[]") {
            Some(path) => (path, true),
            None => (parameter, false),
        };
        let (step, column) = path
            .split_once('.')
            .ok_or_else(|| format!("`{parameter}` is not of the form step.column"))?;
        Ok(Reference {
            step: self.earlier(index, step)?,
            column: column.to_owned(),
            array,
        })
    }

    /// The index of the step `name` among those before `index`.
    pub fn earlier(&self, index: usize, name: &str) -> Result<usize, String> {
        self.steps[..index]
            .iter()
            .position(|step| step.name == name)
            .ok_or_else(|| format!("there is no earlier step `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(step: &str) -> SourceFile {
        let text = format!(
            "[page]\nname = \"p\"\n[[version]]\nname = \"v\"\n[[version.step]]\nname = \"a\"\n\
             sql = \"SELECT 1 AS id\"\n[[version.step]]\nname = \"b\"\n{step}\n"
        );
        SourceFile {
            name: "pages/p.toml".to_owned(),
            text,
        }
    }

    #[test]
    fn a_page_is_read() {
        let page = parse(file(
            "sql = \"SELECT $1\"\nfor_each = \"a\"\nparameters = [\"a.id\"]",
        ))
        .unwrap();
        let version = &page.versions[0];
        let expected = Reference {
            step: 0,
            column: "id".to_owned(),
            array: false,
        };
        assert_eq!(version.reference(1, "a.id").unwrap(), expected);
    }

    #[test]
    fn references_to_nowhere_are_refused_with_their_line() {
        let cases = [
            (
                "sql = \"SELECT $1\"\nparameters = [\"a.id\"]",
                "needs for_each",
            ),
            (
                "sql = \"SELECT $1\"\nparameters = [\"c.id[]\"]",
                "no earlier step `c`",
            ),
            (
                "sql = \"SELECT $1\"\nparameters = [\"id\"]",
                "not of the form",
            ),
            (
                "sql = \"SELECT $1\"\nfor_each = \"b\"",
                "no earlier step `b`",
            ),
            (
                "sql = \"SELECT $1\"\nforeach = \"a\"",
                "did you mean `for_each`",
            ),
        ];
        for (step, expected) in cases {
            let error = parse(file(step)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("pages/p.toml:1"), "{error}");
        }
    }
}
