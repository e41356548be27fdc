//! What is wrong with a `data/*.toml`, and where: [`SpecificationError`].

/// What is wrong with a specification, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct SpecificationError {
    /// The file as it was named to [`Specification::parse`](crate::Specification::parse).
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// What is wrong, in lower case and one line.
    pub message: String,
    /// How to mend it, where that is known.
    pub help: Option<String>,
}

/// A place in a specification, kept for errors that show only later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) fn error(&self, problem: impl Into<Problem>) -> SpecificationError {
        let Problem { message, help } = problem.into();
        SpecificationError {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            message,
            help,
        }
    }
}

/// An error that does not know its place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Problem {
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// An unknown name, with the nearest of the known ones where one is near, else all of them.
    pub(crate) fn unknown<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let nearest = known
            .iter()
            .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 3);
        let problem = Problem::new(format!("unknown {what} `{name}`"));
        match nearest {
            Some((_, candidate)) => problem.with_help(format!("did you mean `{candidate}`?")),
            None if known.is_empty() => problem,
            None => problem.with_help(format!("known are: {}", known.join(", "))),
        }
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Problem::new(message)
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Self {
        Problem::new(message)
    }
}
