//! A loop and its batched statement, made ready to be run again: [`Rerun`].

use super::GroupSample;
use crate::sql::{ParsedTemplate, StatementKind, Token, TokenKind, ValueSource, tokenize};
use crate::traffic::{SentParameter, SentText};

/// A loop and its batched statement, made ready to be run again. Holds values: never to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Rerun {
    /// The statements of the loop as they were sent, each with the value that it was sent for. No
    /// value comes twice.
    pub children: Vec<(SentText, RerunValue)>,
    /// The batched statement's parameters from `$2` on; `$1` is the array of the children's values.
    pub others: Vec<RerunValue>,
    /// The names of everything that is written like a call of a function.
    pub functions: Vec<String>,
}

/// A value of a statement that was sent.
#[derive(Debug, Clone, PartialEq)]
pub enum RerunValue {
    /// As it stood in the text; `None` is NULL.
    Literal(Option<String>),
    /// As it was bound.
    Parameter(SentParameter),
}

impl Rerun {
    /// Reads what was kept of a group.
    ///
    /// # Errors
    ///
    /// Why the loop cannot be run again, without any value.
    pub fn of(sample: &GroupSample) -> Result<Self, &'static str> {
        let position = sample
            .position
            .ok_or("no single value differs from child to child")?;
        let mut children: Vec<(SentText, RerunValue)> = Vec::new();
        let mut first: Option<Vec<RerunValue>> = None;
        let mut functions = Vec::new();
        for child in &sample.children {
            let parsed = ParsedTemplate::of(&child.sql);
            if parsed.kind != StatementKind::Select {
                return Err("the statement writes");
            }
            let (key, others) =
                values(child, &parsed, position).ok_or("its values were not kept")?;
            // Whatever else differs makes it another batch.
            if first.get_or_insert_with(|| others.clone()) != &others {
                continue;
            }
            if children.iter().all(|(_, known)| *known != key) {
                children.push((child.clone(), key));
            }
            functions.extend(called(&child.sql));
        }
        functions.sort_unstable();
        functions.dedup();
        let others = first.ok_or("nothing was kept of what was sent")?;
        if children.len() < 2 {
            return Err("fewer than two different statements of the loop were kept");
        }
        Ok(Rerun {
            children,
            others,
            functions,
        })
    }
}

/// The value at the position, and all others in the order of their slots.
fn values(
    child: &SentText,
    parsed: &ParsedTemplate,
    position: usize,
) -> Option<(RerunValue, Vec<RerunValue>)> {
    let mut key = None;
    let mut others = Vec::new();
    for slot in &parsed.slots {
        let value = match &slot.source {
            ValueSource::Literal(text) => RerunValue::Literal(text.as_deref().map(str::to_owned)),
            ValueSource::Parameter(number) => {
                RerunValue::Parameter(child.parameters.get(*number)?.clone())
            }
        };
        if slot.position != position {
            others.push(value);
        } else if key.replace(value).is_some() {
            // A list of several values is a batch already.
            return None;
        }
    }
    Some((key?, others))
}

/// Identifiers that a parenthesis follows.
fn called(sql: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = tokenize(sql)
        .into_iter()
        .filter(Token::is_significant)
        .collect();
    let calls = tokens.windows(2).filter(|pair| pair[1].is_symbol("("));
    calls
        .filter(|pair| !matches!(pair[0].kind, TokenKind::String | TokenKind::Number))
        .filter_map(|pair| pair[0].identifier())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(sql: &str, parameters: &[&str]) -> SentText {
        let parameter = |value: &&str| SentParameter {
            type_oid: 0,
            binary: false,
            value: Some(value.as_bytes().to_vec()),
        };
        SentText {
            sql: sql.into(),
            parameters: parameters.iter().map(parameter).collect(),
        }
    }

    fn rerun(children: Vec<SentText>, position: usize) -> Result<Rerun, &'static str> {
        Rerun::of(&GroupSample {
            database: 0,
            position: Some(position),
            children,
            parent: None,
        })
    }

    #[test]
    fn literals_and_parameters_are_told_apart_from_the_key() {
        let sql = "select lower(a) from t where b = $1 and c = 'x' limit 3";
        let rerun = rerun(
            vec![sent(sql, &["1"]), sent(sql, &["2"]), sent(sql, &["1"])],
            0,
        );
        let rerun = rerun.unwrap();
        assert_eq!(rerun.children.len(), 2);
        let literal = |text: &str| RerunValue::Literal(Some(text.to_owned()));
        assert_eq!(rerun.others, [literal("x"), literal("3")]);
        assert_eq!(rerun.functions, ["lower"]);
        let key = &rerun.children[1].1;
        assert!(matches!(key, RerunValue::Parameter(p) if p.value.as_deref() == Some(b"2")));
    }

    #[test]
    fn what_differs_otherwise_is_another_batch() {
        let texts = ["1 limit 5", "2 limit 5", "3 limit 9"];
        let children = texts.map(|end| sent(&format!("select a from t where b = {end}"), &[]));
        assert_eq!(rerun(children.to_vec(), 0).unwrap().children.len(), 2);
    }

    #[test]
    fn what_cannot_be_run_again_says_why() {
        let check = |texts: &[&str], expected: &str| {
            let children = texts.iter().map(|text| sent(text, &[])).collect();
            assert_eq!(rerun(children, 0).unwrap_err(), expected);
        };
        check(&["delete from t where a = 1"], "the statement writes");
        check(
            &["select a from t where b = $1"],
            "its values were not kept",
        );
        check(&[], "nothing was kept of what was sent");
        check(
            &["select a from t where b = 1"],
            "fewer than two different statements of the loop were kept",
        );
    }
}
