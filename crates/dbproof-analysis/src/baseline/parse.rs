//! The text of a file as a baseline: [`parse`].

use std::collections::BTreeMap;

use dbproof_model::{Baseline, BaselineBase, BaselinePlan, BaselineSet};
use thiserror::Error;

use super::{AS, END, HEAD, VERSION};

/// Why a file is no baseline, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BaselineError {
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

/// What mends most files.
const ACCEPT_AGAIN: &str = "restore the file from version control, or delete it and write it again \
                            with `dbproof regress` and `dbproof accept`";

/// What git writes where two branches changed the same lines.
const CONFLICT_MARKERS: &[&str] = &["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Reads the file of a baseline.
pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
    let mut reader = Reader::new(text);
    reader.refuse_conflicts()?;
    reader.head()?;
    if !reader.lines.contains(&END) {
        return Err(reader.cut_off());
    }
    let (query, statement, base) = reader.conditions()?;
    let mut sets: Vec<BaselineSet> = Vec::new();
    loop {
        reader.skip_blank_lines();
        match reader.peek() {
            None => return Err(reader.cut_off()),
            Some(END) => {
                reader.next();
                break;
            }
            Some(line) => {
                let set = reader.set(line, &sets)?;
                if sets.iter().any(|known| known.label == set.label) {
                    let message = format!("the set `{}` is there twice", set.label);
                    return Err(reader.error_at(set_line(text, &set.label), message, ACCEPT_AGAIN));
                }
                sets.push(set);
            }
        }
    }
    reader.skip_blank_lines();
    if let Some(line) = reader.peek() {
        let message = format!("`{line}` stands after the file's end");
        return Err(reader.error(message, ACCEPT_AGAIN));
    }
    if sets.is_empty() {
        return Err(reader.cut_off());
    }
    Ok(Baseline {
        query,
        statement,
        base,
        sets,
    })
}

/// The line of the last heading of a set.
fn set_line(text: &str, label: &str) -> usize {
    let heading = format!("[{label}]");
    let last = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_end() == heading);
    last.last().map_or(0, |(at, _)| at)
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        // git may have written the line ends of another system.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Reader {
            lines: text
                .lines()
                .map(|line| line.trim_end_matches('\r'))
                .collect(),
            at: 0,
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).copied()
    }

    fn next(&mut self) {
        self.at += 1;
    }

    fn skip_blank_lines(&mut self) {
        while self.peek().is_some_and(|line| line.trim().is_empty()) {
            self.next();
        }
    }

    /// An error at the line that is next.
    fn error(&self, message: impl Into<String>, help: &str) -> BaselineError {
        self.error_at(self.at, message, help)
    }

    #[expect(
        clippy::unused_self,
        reason = "errors read alike wherever they are made"
    )]
    fn error_at(&self, index: usize, message: impl Into<String>, help: &str) -> BaselineError {
        BaselineError {
            line: u32::try_from(index + 1).unwrap_or(u32::MAX),
            message: message.into(),
            help: help.to_owned(),
        }
    }

    fn cut_off(&self) -> BaselineError {
        let last = self.lines.len().saturating_sub(1);
        let message = format!("the file is cut off: it does not end with `{END}`");
        self.error_at(last, message, ACCEPT_AGAIN)
    }

    fn refuse_conflicts(&self) -> Result<(), BaselineError> {
        let marked = |line: &&str| {
            CONFLICT_MARKERS
                .iter()
                .any(|marker| line.starts_with(marker))
        };
        match self.lines.iter().position(marked) {
            None => Ok(()),
            Some(at) => Err(self.error_at(
                at,
                "the file holds the marks of a merge conflict",
                "take either side whole (`git checkout --ours FILE` or `--theirs FILE`), then run \
                 `dbproof regress` and `dbproof accept`: the merged plans are neither side's",
            )),
        }
    }

    fn head(&mut self) -> Result<(), BaselineError> {
        let Some(line) = self.peek() else {
            return Err(self.error("the file is empty", ACCEPT_AGAIN));
        };
        let Some(rest) = line.strip_prefix(HEAD) else {
            let message =
                format!("a baseline begins with `{HEAD}{VERSION}`, and this file does not");
            return Err(self.error(message, ACCEPT_AGAIN));
        };
        let version = rest.split(':').next().unwrap_or_default().trim();
        match version.parse::<u32>() {
            Ok(VERSION) => {
                self.next();
                Ok(())
            }
            Ok(newer) if newer > VERSION => Err(self.error(
                format!("the file has version {newer}, and this dbproof reads version {VERSION}"),
                "it was written by a newer dbproof: update this one",
            )),
            _ => Err(self.error(
                format!("`{version}` is no version of this format"),
                ACCEPT_AGAIN,
            )),
        }
    }

    /// The lines above the first set.
    fn conditions(&mut self) -> Result<(String, String, BaselineBase), BaselineError> {
        let mut fields = Fields::default();
        while let Some(line) = self.peek() {
            if line.trim().is_empty() || line.starts_with('[') || line == END {
                break;
            }
            let (key, value) = line
                .split_once(':')
                .map_or((line, ""), |(key, value)| (key, value.trim()));
            fields
                .add(key, value)
                .map_err(|message| self.error(message, ACCEPT_AGAIN))?;
            self.next();
        }
        fields.complete().map_err(|key| {
            self.error(
                format!("the line `{key}: …` is missing above"),
                ACCEPT_AGAIN,
            )
        })
    }

    /// A set, from its heading to the blank line below it. `above` are those before it.
    fn set(&mut self, heading: &str, above: &[BaselineSet]) -> Result<BaselineSet, BaselineError> {
        let label = heading
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let Some(label) = label.filter(|label| !label.trim().is_empty()) else {
            let message = format!("`{heading}` is no heading of a set, such as `[typical]`");
            return Err(self.error(message, ACCEPT_AGAIN));
        };
        self.next();
        let rows = self.figure("rows")?;
        let values = self.peek().and_then(|line| line.strip_prefix("values:"));
        let values = values.map(|values| values.trim().to_owned());
        if values.is_some() {
            self.next();
        }
        let blocks = self.figure("blocks")?;
        let spill_blocks = self.figure("spill blocks")?;
        let Some(blocks) = blocks else {
            let message = format!("the set `{label}` has no line `blocks: …`");
            return Err(self.error(message, ACCEPT_AGAIN));
        };
        let nodes = self.nodes(label, above)?;
        Ok(BaselineSet {
            label: label.to_owned(),
            plan: BaselinePlan {
                rows,
                values,
                blocks,
                spill_blocks: spill_blocks.unwrap_or_default(),
                nodes,
            },
        })
    }

    /// The nodes of a set, which may be those of an earlier one.
    fn nodes(&mut self, label: &str, above: &[BaselineSet]) -> Result<Vec<String>, BaselineError> {
        if let Some(line) = self.peek().filter(|line| line.starts_with(AS)) {
            let same = line[AS.len()..].strip_suffix(']');
            let Some(same) = above.iter().find(|set| Some(set.label.as_str()) == same) else {
                let message = format!("`{line}` names no set above this one");
                return Err(self.error(message, ACCEPT_AGAIN));
            };
            self.next();
            return Ok(same.plan.nodes.clone());
        }
        let mut nodes: Vec<String> = Vec::new();
        while let Some(line) = self.peek().filter(|line| !line.trim().is_empty()) {
            self.check_indent(line, nodes.last().map(String::as_str))?;
            nodes.push(line.to_owned());
            self.next();
        }
        if nodes.is_empty() {
            let message = format!("the set `{label}` has no plan");
            return Err(self.error(message, ACCEPT_AGAIN));
        }
        Ok(nodes)
    }

    /// `key: 123`, where the next line is that.
    fn figure(&mut self, key: &str) -> Result<Option<u64>, BaselineError> {
        let value = self
            .peek()
            .and_then(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let Some(value) = value else {
            return Ok(None);
        };
        let Ok(number) = value.trim().parse() else {
            let message = format!("`{}` is no count for `{key}`", value.trim());
            return Err(self.error(message, ACCEPT_AGAIN));
        };
        self.next();
        Ok(Some(number))
    }

    fn check_indent(&self, line: &str, above: Option<&str>) -> Result<(), BaselineError> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let spaces = indent(line);
        let only_spaces = line[..spaces].chars().all(|c| c == ' ');
        let deepest = above.map_or(0, |above| indent(above) + 2);
        if only_spaces && spaces % 2 == 0 && spaces <= deepest {
            return Ok(());
        }
        let message = "a node is indented by two spaces for each level, one level more than the \
                       node above it at the most";
        Err(self.error(message, ACCEPT_AGAIN))
    }
}

/// The lines above the sets, as far as they were read.
#[derive(Default)]
struct Fields {
    single: Vec<(&'static str, String)>,
    seed: Option<u64>,
    scale: Option<f64>,
    settings: BTreeMap<String, String>,
    relations: BTreeMap<String, u64>,
}

/// The keys whose value is text, each there once.
const TEXTS: &[&str] = &["query", "statement", "server", "collation", "data"];

impl Fields {
    fn add(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("`{value}` is no {what}"));
        match key {
            "setting" => match value.split_once(" =") {
                Some((name, value)) => {
                    let old = self
                        .settings
                        .insert(name.to_owned(), value.trim().to_owned());
                    twice(old.is_some(), name)
                }
                None => wrong("setting, such as `work_mem = 64MB`"),
            },
            "relation" => match relation(value) {
                Some((name, rows)) => {
                    let old = self.relations.insert(name.to_owned(), rows);
                    twice(old.is_some(), name)
                }
                None => wrong("relation with its rows, such as `2500 rows in orders`"),
            },
            "seed" => match value.parse() {
                Ok(seed) => twice(self.seed.replace(seed).is_some(), key),
                Err(_) => wrong("seed"),
            },
            "scale" => match value.parse::<f64>() {
                Ok(scale) if scale.is_finite() => twice(self.scale.replace(scale).is_some(), key),
                _ => wrong("scale"),
            },
            _ => match TEXTS.iter().find(|known| **known == key) {
                Some(known) => {
                    let again = self.single.iter().any(|(name, _)| name == known);
                    self.single.push((known, value.to_owned()));
                    twice(again, key)
                }
                None => Err(format!("`{key}` is no line of a baseline")),
            },
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        let found = self.single.iter().find(|(name, _)| *name == key);
        found
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    }

    /// Everything that must be there, or the key that is not.
    fn complete(self) -> Result<(String, String, BaselineBase), &'static str> {
        let query = self.text("query").ok_or("query")?;
        let statement = self.text("statement").ok_or("statement")?;
        let base = BaselineBase {
            server: self.text("server").ok_or("server")?,
            collation: self.text("collation").ok_or("collation")?,
            seed: self.seed.ok_or("seed")?,
            scale: self.scale.ok_or("scale")?,
            data: self.text("data"),
            settings: self.settings,
            relations: self.relations,
        };
        Ok((query, statement, base))
    }
}

fn twice(again: bool, key: &str) -> Result<(), String> {
    if again {
        Err(format!("`{key}` is there twice"))
    } else {
        Ok(())
    }
}

/// `2500 rows in orders`.
fn relation(value: &str) -> Option<(&str, u64)> {
    let (rows, name) = value.split_once(" rows in ")?;
    Some((name, rows.parse().ok()?))
}
