//! `deadlocks/*.toml`: the transactions of a deadlock: [`Shape`].

use serde::Deserialize;

use super::config::describe;
use super::{Project, SourceFile};
use crate::error::{InputError, RunError};

/// Two transactions that deadlock, and the same two with their locks in one order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The shape's name.
    pub name: String,
    /// What happens, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// The transactions that deadlock.
    #[serde(rename = "session")]
    pub sessions: Vec<ShapeSession>,
    /// The same work with the locks in one order.
    pub control: Option<ShapeControl>,
    /// What a session that has no part in the cycle does meanwhile.
    pub bystander: Option<ShapeBystander>,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeSession {
    /// Its name.
    pub name: String,
    /// Its statements between BEGIN and COMMIT.
    pub steps: Vec<String>,
}

/// The control of a shape.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeControl {
    /// The transactions, named as those of the shape.
    #[serde(rename = "session")]
    pub sessions: Vec<ShapeSession>,
}

/// A bystander's statement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeBystander {
    /// What it runs, again and again.
    pub sql: String,
}

impl Project {
    /// Every shape, in the order of the files' names; none where there is no such folder.
    pub fn shapes(&self) -> Result<Vec<(Shape, SourceFile)>, RunError> {
        let files = self.files_if_any(&self.config.deadlock.shapes, "toml")?;
        files
            .into_iter()
            .map(|file| Ok((parse(&file)?, file)))
            .collect()
    }
}

fn parse(file: &SourceFile) -> Result<Shape, Box<InputError>> {
    let shape: Shape =
        toml::from_str(&file.text).map_err(|error| describe(&file.name, &file.text, &error))?;
    let refuse = |message: &str| {
        Err(InputError::at(
            format!("shape `{}`: {message}", shape.name),
            super::place(file, 1, None),
        ))
    };
    let controls = shape.control.iter().map(|control| &control.sessions);
    for sessions in [&shape.sessions].into_iter().chain(controls) {
        if sessions.len() != 2 {
            return refuse("takes exactly two sessions");
        }
        if sessions.iter().any(|session| session.steps.len() != 2) {
            return refuse("takes exactly two steps a session");
        }
    }
    if shape.control.is_none() {
        return refuse(
            "has no [[control.session]]; write the same two transactions with their locks in one \
             order, since a deadlock proves little without the run that has none",
        );
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_another_form_are_refused() {
        let check = |text: &str, expected: &str| {
            let file = SourceFile {
                name: "deadlocks/s.toml".to_owned(),
                text: text.to_owned(),
            };
            let error = parse(&file).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let one = "name = \"s\"\n[[session]]\nname = \"a\"\nsteps = [\"SELECT 1\", \"SELECT 2\"]\n";
        check(one, "exactly two sessions");
        let other = "[[session]]\nname = \"b\"\nsteps = [\"SELECT 2\", \"SELECT 1\"]\n";
        check(&format!("{one}{other}"), "no [[control.session]]");
        check(
            &format!("{one}[[session]]\nname = \"b\"\nsteps = [\"SELECT 1\"]\n"),
            "two steps",
        );
        check(&format!("{one}stepz = 3\n"), "did you mean `steps`");
    }
}
