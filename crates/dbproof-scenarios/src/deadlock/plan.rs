//! Which shapes are run: [`Plan`].

use crate::error::{InputError, RunError};
use crate::options::DeadlockChoice;
use crate::project::Project;
use crate::project::config::{StormConfig, nearest};
use crate::project::shapes::{Shape, catalogue};

/// What a run of the scenario is asked to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) shapes: Vec<Shape>,
    pub(super) storm: Option<Storm>,
}

/// Many clients on few rows.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) config: StormConfig,
    /// On a table of its own.
    pub(super) is_ours: bool,
}

impl Plan {
    /// Reads the shapes that were asked for; without any choice, the project's.
    pub(crate) fn read(project: &Project, choice: &DeadlockChoice) -> Result<Self, RunError> {
        let mut shapes = Vec::new();
        if !choice.shapes.is_empty() {
            let known: Vec<Shape> = project
                .shapes()?
                .into_iter()
                .chain(catalogue::shapes())
                .collect();
            for name in &choice.shapes {
                shapes.extend(named(&known, name)?);
            }
        } else if !choice.catalogue && !choice.storm {
            shapes = project.shapes()?;
        }
        if choice.catalogue {
            shapes.extend(catalogue::shapes());
        }
        let config = &project.config.deadlock.storm;
        let storm = choice.storm.then(|| Storm {
            config: config.clone(),
            is_ours: config.sql.is_none(),
        });
        Ok(Plan { shapes, storm })
    }

    /// Whether there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.storm.is_none()
    }

    /// Whether anything needs the project's schema and rows.
    pub(crate) fn needs_project(&self) -> bool {
        let storm = self.storm.as_ref();
        self.shapes.iter().any(|shape| !shape.is_ours) || storm.is_some_and(|storm| !storm.is_ours)
    }

    /// Whether anything needs a database without the project's.
    pub(super) fn needs_own_database(&self) -> bool {
        let storm = self.storm.as_ref();
        self.shapes.iter().any(|shape| shape.is_ours) || storm.is_some_and(|storm| storm.is_ours)
    }
}

/// The shape of this name, the project's before the catalogue's; for a file of the isolation
/// tester, all of its permutations.
fn named(known: &[Shape], name: &str) -> Result<Vec<Shape>, RunError> {
    if let Some(shape) = known.iter().find(|shape| shape.name == name) {
        return Ok(vec![shape.clone()]);
    }
    let permutation = |shape: &&Shape| {
        let file = shape.name.rsplit_once(" #").map(|(file, _)| file);
        shape.verbatim && file == Some(name)
    };
    let permutations: Vec<Shape> = known.iter().filter(permutation).cloned().collect();
    if !permutations.is_empty() {
        return Ok(permutations);
    }
    let names: Vec<&str> = known.iter().map(|shape| shape.name.as_str()).collect();
    let help = nearest(name, &names).map_or_else(
        || format!("known are: {}", names.join(", ")),
        |nearest| format!("did you mean `{nearest}`?"),
    );
    Err(InputError::new(format!("there is no shape `{name}`"))
        .with_help(Some(help))
        .into())
}
