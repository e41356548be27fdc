//! What the words of an isolation tester's file come to: [`read`].

use super::SpecError;
use super::token::{Token, Word};
use crate::project::shapes::Sql;

/// A file.
#[derive(Debug, Default)]
pub(super) struct Spec {
    pub(super) setup: Vec<Sql>,
    pub(super) teardown: Vec<Sql>,
    pub(super) sessions: Vec<SpecSession>,
    pub(super) permutations: Vec<Vec<PermutationStep>>,
}

/// A session.
#[derive(Debug, Default)]
pub(super) struct SpecSession {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) setup: Option<Sql>,
    pub(super) steps: Vec<(String, Sql)>,
    pub(super) teardown: Option<Sql>,
}

/// A step of a permutation with its markers.
#[derive(Debug, Clone)]
pub(super) struct PermutationStep {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) blockers: Vec<Blocker>,
}

/// A marker.
#[derive(Debug, Clone)]
pub(super) enum Blocker {
    Asterisk,
    Step(String),
    Notices(String, u64),
}

impl Spec {
    /// Session and index of a step.
    pub(super) fn find(&self, name: &str) -> Option<(usize, usize)> {
        self.sessions.iter().enumerate().find_map(|(at, session)| {
            let step = session.steps.iter().position(|(step, _)| step == name)?;
            Some((at, step))
        })
    }
}

/// Reads the words of a file.
pub(super) fn read(tokens: &[Token]) -> Result<Spec, SpecError> {
    let mut words = Words { tokens, at: 0 };
    let mut spec = Spec::default();
    while let Some((word, line)) = words.keyword()? {
        match (word, spec.sessions.last_mut()) {
            ("setup", None) => spec.setup.push(words.block()?),
            ("teardown", None) => spec.teardown.push(words.block()?),
            ("session", _) => {
                let (name, line) = words.name()?;
                spec.sessions.push(SpecSession {
                    name,
                    line,
                    ..SpecSession::default()
                });
            }
            ("setup", Some(session)) => session.setup = Some(words.block()?),
            ("teardown", Some(session)) => session.teardown = Some(words.block()?),
            ("step", Some(_)) => {
                let (name, line) = words.name()?;
                let sql = words.block()?;
                if spec.find(&name).is_some() {
                    let message = format!("a second step is named `{name}`");
                    return Err(SpecError { line, message });
                }
                if let Some(session) = spec.sessions.last_mut() {
                    session.steps.push((name, sql));
                }
            }
            ("permutation", _) => spec.permutations.push(words.permutation()?),
            (other, _) => {
                let message = format!(
                    "`{other}` has no meaning here: known are setup, teardown, session, step and \
                     permutation"
                );
                return Err(SpecError { line, message });
            }
        }
    }
    if let Some(session) = spec.sessions.iter().find(|s| s.steps.is_empty()) {
        let message = format!("session `{}` has no step", session.name);
        return Err(SpecError {
            line: session.line,
            message,
        });
    }
    if spec.sessions.is_empty() {
        let message = "there is no session".to_owned();
        return Err(SpecError { line: 1, message });
    }
    Ok(spec)
}

struct Words<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.tokens.get(self.at).map(|token| &token.word)
    }

    /// The line of the next word, or of the last one at the end.
    fn line(&self) -> u32 {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map_or(1, |token| token.line)
    }

    fn expected<T>(&self, what: &str) -> Result<T, SpecError> {
        let found = match self.peek() {
            Some(Word::Name { text, .. }) => format!("`{text}`"),
            Some(Word::Block(_)) => "a block of SQL".to_owned(),
            Some(Word::Number(number)) => format!("`{number}`"),
            Some(Word::Symbol(symbol)) => format!("`{symbol}`"),
            None => "the end of the file".to_owned(),
        };
        Err(SpecError {
            line: self.line(),
            message: format!("{what} is expected here, and there is {found}"),
        })
    }

    fn keyword(&mut self) -> Result<Option<(&'a str, u32)>, SpecError> {
        let line = self.line();
        match self.peek() {
            None => Ok(None),
            Some(Word::Name {
                text,
                quoted: false,
            }) => {
                self.at += 1;
                Ok(Some((text, line)))
            }
            Some(_) => self.expected("setup, teardown, session, step or permutation"),
        }
    }

    fn name(&mut self) -> Result<(String, u32), SpecError> {
        let line = self.line();
        match self.peek() {
            Some(Word::Name { text, .. }) => {
                self.at += 1;
                Ok((text.clone(), line))
            }
            _ => self.expected("a name"),
        }
    }

    fn block(&mut self) -> Result<Sql, SpecError> {
        match self.peek() {
            Some(Word::Block(sql)) => {
                self.at += 1;
                Ok(sql.clone())
            }
            _ => self.expected("a block of SQL in `{ }`"),
        }
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let there = self.peek() == Some(&Word::Symbol(symbol));
        self.at += usize::from(there);
        there
    }

    fn permutation(&mut self) -> Result<Vec<PermutationStep>, SpecError> {
        let mut steps = Vec::new();
        // A bare `permutation` begins the next one; as a name it would be in quotes.
        while let Some(Word::Name { text, quoted }) = self.peek() {
            if text == "permutation" && !quoted {
                break;
            }
            let (name, line) = self.name()?;
            let blockers = self.blockers()?;
            steps.push(PermutationStep {
                name,
                line,
                blockers,
            });
        }
        if steps.is_empty() {
            return self.expected("the name of a step");
        }
        Ok(steps)
    }

    fn blockers(&mut self) -> Result<Vec<Blocker>, SpecError> {
        let mut blockers = Vec::new();
        if !self.symbol('(') {
            return Ok(blockers);
        }
        loop {
            blockers.push(self.blocker()?);
            if self.symbol(')') {
                return Ok(blockers);
            }
            if !self.symbol(',') {
                return self.expected("`,` or `)`");
            }
        }
    }

    fn blocker(&mut self) -> Result<Blocker, SpecError> {
        if self.symbol('*') {
            return Ok(Blocker::Asterisk);
        }
        let (name, _) = self.name()?;
        let counts = matches!(self.peek(), Some(Word::Name { text, .. }) if text == "notices");
        if !counts {
            return Ok(Blocker::Step(name));
        }
        self.at += 1;
        match self.peek() {
            Some(Word::Number(count)) => {
                self.at += 1;
                Ok(Blocker::Notices(name, *count))
            }
            _ => self.expected("a number of notices"),
        }
    }
}
