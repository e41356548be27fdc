//! `{ template = "SKU-{row:6}" }`: text with the row's number and other columns in it.
//!
//! `{row}` counts from 1, `{row:6}` pads it with zeros, `{name}` is the column `name` of the same
//! row, `{{` and `}}` are braces. NULL in any of the columns makes the whole NULL.

use std::fmt::Write as _;
use std::sync::Arc;

use super::text::made_up;
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "template",
    read,
};

#[derive(Debug, Clone, PartialEq)]
enum Part<C> {
    Literal(String),
    Row { width: usize },
    Column(C),
}

#[derive(Debug)]
struct Template(Vec<Part<String>>);

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    Ok(Arc::new(Template(
        parse(node.text()?).map_err(|problem| node.error(problem))?,
    )))
}

fn parse(text: &str) -> Result<Vec<Part<String>>, Problem> {
    let (mut parts, mut literal) = (Vec::new(), String::new());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '{' | '}' if characters.peek() == Some(&character) => {
                characters.next();
                literal.push(character);
            }
            '{' => {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                let mut inside = String::new();
                loop {
                    match characters.next() {
                        Some('}') => break,
                        Some(character) => inside.push(character),
                        None => return Err(format!("`{{{inside}` is not closed").into()),
                    }
                }
                parts.push(placeholder(&inside)?);
            }
            '}' => return Err("a single `}`; write `}}` for a brace".into()),
            other => literal.push(other),
        }
    }
    parts.push(Part::Literal(literal));
    parts.retain(|part| *part != Part::Literal(String::new()));
    Ok(parts)
}

fn placeholder(inside: &str) -> Result<Part<String>, Problem> {
    match inside.split_once(':') {
        None if inside == "row" => Ok(Part::Row { width: 0 }),
        None if inside.is_empty() => Err("`{}` needs a column's name, or `row`".into()),
        None => Ok(Part::Column(inside.to_owned())),
        Some(("row", width)) => match width.parse() {
            Ok(width @ 1..=18) => Ok(Part::Row { width }),
            _ => Err(format!("the width in `{{{inside}}}` must be between 1 and 18").into()),
        },
        Some((name, _)) => Err(format!("only `row` has a width, not `{name}`").into()),
    }
}

impl Recipe for Template {
    fn reads(&self) -> Vec<&str> {
        let columns = self.0.iter().filter_map(|part| match part {
            Part::Column(name) => Some(name.as_str()),
            Part::Literal(_) | Part::Row { .. } => None,
        });
        columns.collect()
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let parts = self.0.iter().map(|part| match part {
            Part::Column(name) => Ok(Part::Column(scope.above(name)?)),
            Part::Literal(text) => Ok(Part::Literal(text.clone())),
            Part::Row { width } => Ok(Part::Row { width: *width }),
        });
        let parts: Vec<Part<usize>> = parts.collect::<Result<_, Problem>>()?;
        let columns = parts.iter().filter_map(|part| match part {
            Part::Column(column) => Some(scope.nulls(*column)),
            Part::Literal(_) | Part::Row { .. } => None,
        });
        // NULLs of several columns may coincide or not.
        let nulls = columns
            .collect::<Option<Vec<f64>>>()
            .and_then(|nulls| match nulls[..] {
                [] => Some(0.0),
                [one] => Some(one),
                _ => nulls.iter().all(|share| *share == 0.0).then_some(0.0),
            });
        Ok(Box::new(Filled { parts, nulls }))
    }
}

#[derive(Debug)]
struct Filled {
    parts: Vec<Part<usize>>,
    /// The share of NULL, where it is known.
    nulls: Option<f64>,
}

impl Generator for Filled {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let mut text = String::new();
        for part in &self.parts {
            let written = match part {
                Part::Literal(literal) => write!(text, "{literal}"),
                Part::Row { width } => write!(text, "{:0width$}", cell.row + 1),
                Part::Column(column) => match &cell.above[*column] {
                    Value::Null => return Value::Null,
                    value => write!(text, "{value}"),
                },
            };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        Value::Text(text)
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        // Beside another column's digits, the row's number is not to be told from them.
        let literal = |part: &Part<usize>| matches!(part, Part::Literal(_));
        let apart = self.parts.windows(2).all(|pair| pair.iter().any(literal));
        let numbered = self
            .parts
            .iter()
            .any(|part| matches!(part, Part::Row { .. }));
        made_up(numbered && apart, self.nulls)
    }
}
