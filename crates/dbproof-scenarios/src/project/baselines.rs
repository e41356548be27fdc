//! The files of accepted plans on disk: [`AcceptedPlans`].

use std::collections::BTreeMap;

use dbproof_analysis::baseline;
use dbproof_model::Baseline;

use super::{Project, SourceFile, place};
use crate::error::{InputError, RunError};

/// What the name of a baseline's file ends in, after the query's name.
const EXTENSION: &str = "plan";

/// The accepted plans of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AcceptedPlans {
    /// The folder, relative to the project's.
    pub folder: String,
    /// Whether the folder is there.
    pub present: bool,
    by_query: BTreeMap<String, AcceptedPlan>,
}

/// A baseline with the file that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedPlan {
    /// The file, named relative to the project's folder.
    pub file: SourceFile,
    /// What it holds.
    pub baseline: Baseline,
}

impl AcceptedPlans {
    /// The accepted plans of a query.
    #[must_use]
    pub fn of(&self, query: &str) -> Option<&AcceptedPlan> {
        self.by_query.get(query)
    }

    /// The file of a query's accepted plans, relative to the project's folder, whether it is there
    /// or not.
    #[must_use]
    pub fn file_of(&self, query: &str) -> String {
        format!("{}/{query}.{EXTENSION}", self.folder)
    }

    /// The files that none of these queries has the name of, in the order of their names.
    pub fn unused<'a>(&self, queries: impl Iterator<Item = &'a str>) -> Vec<&SourceFile> {
        let known: Vec<&str> = queries.collect();
        self.by_query
            .iter()
            .filter(|(query, _)| !known.contains(&query.as_str()))
            .map(|(_, accepted)| &accepted.file)
            .collect()
    }
}

impl Project {
    /// Reads the accepted plans; none where there is no such folder.
    ///
    /// Every file that cannot be used is told at once, with its line: a folder in which some files
    /// were passed over would look as though all of it were checked.
    pub fn accepted_plans(&self) -> Result<AcceptedPlans, RunError> {
        let folder = &self.config.regress.baselines;
        let mut plans = AcceptedPlans {
            folder: folder.clone(),
            present: self.folder.join(folder).exists(),
            by_query: BTreeMap::new(),
        };
        let mut errors = Vec::new();
        for file in self.files_if_any(folder, EXTENSION)? {
            match accepted_plan(&plans, file) {
                Ok(accepted) => {
                    let query = accepted.baseline.query.clone();
                    plans.by_query.insert(query, accepted);
                }
                Err(error) => errors.push(*error),
            }
        }
        let mut errors = errors.into_iter();
        match errors.next() {
            None => Ok(plans),
            Some(mut first) => {
                first.also = errors.collect();
                Err(Box::new(first).into())
            }
        }
    }
}

fn accepted_plan(plans: &AcceptedPlans, file: SourceFile) -> Result<AcceptedPlan, Box<InputError>> {
    let baseline = baseline::parse(&file.text).map_err(|error| {
        InputError::at(error.message, place(&file, error.line, None)).with_help(Some(error.help))
    })?;
    let expected = plans.file_of(&baseline.query);
    if file.name == expected {
        return Ok(AcceptedPlan { file, baseline });
    }
    let line = file
        .text
        .lines()
        .position(|line| line.starts_with("query:"));
    let line = u32::try_from(line.unwrap_or_default() + 1).unwrap_or(1);
    let message = format!(
        "this is the baseline of `{}`, whose file is {expected}",
        baseline.query
    );
    let help = "where the query was renamed, rename both the file and its line `query: …`";
    Err(InputError::at(message, place(&file, line, None)).with_help(Some(help.to_owned())))
}
