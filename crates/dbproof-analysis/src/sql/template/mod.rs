//! A statement with its literals and parameters taken out: [`template`].

mod compared;
mod render;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::ops::Range;

use dbproof_model::{Column, Relation, Schema};

pub(crate) use self::compared::{Operand, path_after};
use self::render::Renderer;
use super::scope::{RelationName, Scopes};
use super::tags::tags_of_comment;
use super::token::{Token, TokenKind, tokenize};

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// `SELECT`, and `WITH`, `VALUES` and `TABLE` that read only.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// Anything else.
    Other,
}

/// A statement with its literals and parameters taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The statement in lower case and without comments, each value written as `?`. The same for
    /// inlined literals and bound parameters, and for lists of any length.
    pub shape: String,
    /// The values, in the order in which they stand in the statement.
    pub slots: Vec<Slot>,
    /// The tags of its sqlcommenter comments.
    pub tags: Vec<(String, String)>,
    /// What it does.
    pub kind: StatementKind,
    /// The relations that it names, common table expressions left out.
    pub relations: Vec<RelationName>,
}

/// A value taken out of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The value in text form; `None` is NULL, or a parameter that was not bound.
    pub value: Option<String>,
    /// The column that the value is compared with or written to.
    pub compared: Option<ComparedColumn>,
    /// What the value is used for.
    pub kind: SlotKind,
    /// Which `?` of the shape it stands for, counted from 0; all values of a list share one.
    pub position: usize,
    /// Where it stands in the statement, in bytes.
    pub span: Range<usize>,
}

/// What a value is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// A value of an expression or comparison.
    Value,
    /// An element of an `IN (…)` list.
    Element,
    /// The array in `= ANY(…)`.
    Array,
    /// The row count of `LIMIT` or `FETCH FIRST`.
    Limit,
    /// The row count of `OFFSET`.
    Offset,
    /// A value of `UPDATE … SET`.
    Assigned,
    /// A value of an `INSERT` row.
    Inserted,
}

/// How a value is compared with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`, `IN` or `= ANY`.
    Equal,
    /// `<`, `<=`, `>`, `>=`.
    Range,
    /// Not compared: written to the column.
    Written,
}

/// A column that a value is compared with or written to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComparedColumn {
    /// The relation, where the statement alone tells which one it is.
    pub relation: Option<RelationName>,
    /// The relations that it can belong to, where the column stands without a qualifier.
    pub candidates: Vec<RelationName>,
    /// The column's name.
    pub column: String,
    /// How the value is compared.
    pub comparison: Comparison,
}

impl ComparedColumn {
    /// The relation and the column, where schema and statement tell.
    #[must_use]
    pub fn find_in<'a>(&self, schema: &'a Schema) -> Option<(&'a Relation, &'a Column)> {
        let find = |name: &RelationName| {
            let relation = schema.relation_named(name.schema.as_deref(), &name.name)?;
            Some((relation, relation.column_named(&self.column)?))
        };
        if let Some(relation) = &self.relation {
            return find(relation);
        }
        let mut found = self.candidates.iter().filter_map(find);
        let only = found.next();
        only.filter(|_| found.next().is_none())
    }
}

/// Takes literals and parameters out of a statement. `parameters` are the bound values, `$1`
/// first.
#[must_use]
pub fn template(sql: &str, parameters: &[Option<String>]) -> Template {
    let parsed = ParsedTemplate::of(sql);
    let slots = parsed
        .slots
        .iter()
        .map(|slot| slot.bound(parameters))
        .collect();
    let ParsedTemplate {
        shape,
        tags,
        kind,
        relations,
        ..
    } = parsed;
    Template {
        shape,
        slots,
        tags,
        kind,
        relations,
    }
}

/// A parameter that a statement compares with a column for equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EqualityParameter {
    /// The parameter's number, counted from 0.
    pub parameter: usize,
    /// The column.
    pub column: ComparedColumn,
    /// Whether the parameter is the array of `= ANY($1)`, and not a single value.
    pub array: bool,
}

/// The parameters that are compared with a column by `=`, `IN` or `= ANY`, in the order in which
/// they stand; values that are written (`INSERT`, `SET`) are none of them.
#[must_use]
pub fn equality_parameters(sql: &str) -> Vec<EqualityParameter> {
    let slots = ParsedTemplate::of(sql).slots;
    slots
        .into_iter()
        .filter_map(|slot| {
            let ValueSource::Parameter(parameter) = slot.source else {
                return None;
            };
            let reads = matches!(
                slot.kind,
                SlotKind::Value | SlotKind::Element | SlotKind::Array
            );
            let column = slot
                .compared
                .filter(|c| c.comparison == Comparison::Equal)?;
            reads.then_some(EqualityParameter {
                parameter,
                column,
                array: slot.kind == SlotKind::Array,
            })
        })
        .collect()
}

/// A [`Template`] whose parameters are not bound yet: what is the same for all executions of one
/// text, and therefore worth keeping.
#[derive(Debug, Clone)]
pub(crate) struct ParsedTemplate {
    pub(crate) shape: String,
    pub(crate) slots: Vec<ParsedSlot>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) kind: StatementKind,
    pub(crate) relations: Vec<RelationName>,
}

/// A [`Slot`] whose value may be a parameter.
#[derive(Debug, Clone)]
pub(crate) struct ParsedSlot {
    pub(crate) source: ValueSource,
    pub(crate) compared: Option<ComparedColumn>,
    pub(crate) kind: SlotKind,
    pub(crate) position: usize,
    /// Whether it is the only value at its position: no list of several, no row among others.
    pub(crate) alone: bool,
    /// Whether it is compared by `=` with what a function makes of a column.
    pub(crate) with_call: bool,
    pub(crate) span: Range<usize>,
}

/// Where a slot's value is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// In the text; `None` is NULL.
    Literal(Option<String>),
    /// In this parameter, counted from 0.
    Parameter(usize),
}

impl ParsedTemplate {
    /// Takes a statement apart.
    pub(crate) fn of(sql: &str) -> Self {
        let all = tokenize(sql);
        let tags = all
            .iter()
            .filter(|t| matches!(t.kind, TokenKind::LineComment | TokenKind::BlockComment))
            .flat_map(|t| tags_of_comment(t.text))
            .collect();
        let mut tokens: Vec<_> = all.into_iter().filter(Token::is_significant).collect();
        while tokens.last().is_some_and(|t| t.is_symbol(";")) {
            tokens.pop();
        }
        let scopes = Scopes::of(&tokens);
        let kind = statement_kind(&tokens);
        let (shape, mut slots) = Renderer::new(&tokens, &scopes, kind).render();
        let mut at_position: HashMap<usize, usize> = HashMap::new();
        for slot in &slots {
            *at_position.entry(slot.position).or_default() += 1;
        }
        for slot in &mut slots {
            slot.alone = at_position[&slot.position] == 1;
        }
        Self {
            shape,
            slots,
            tags,
            kind,
            relations: scopes.relations,
        }
    }
}

impl ParsedSlot {
    /// The slot with its value.
    pub(crate) fn bound(&self, parameters: &[Option<String>]) -> Slot {
        Slot {
            value: self.value(parameters).map(str::to_owned),
            compared: self.compared.clone(),
            kind: self.kind,
            position: self.position,
            span: self.span.clone(),
        }
    }

    /// The slot's value.
    pub(crate) fn value<'a>(&'a self, parameters: &'a [Option<String>]) -> Option<&'a str> {
        match &self.source {
            ValueSource::Literal(value) => value.as_deref(),
            ValueSource::Parameter(number) => parameters.get(*number)?.as_deref(),
        }
    }
}

/// What a statement does: the first of these words outside of parentheses.
fn statement_kind(tokens: &[Token<'_>]) -> StatementKind {
    let first = |word: &str| tokens.first().is_some_and(|t| t.is_word(word));
    let opens = tokens.iter().find(|t| !t.is_symbol("("));
    let reads = ["select", "values", "table"];
    if opens.is_some_and(|t| reads.iter().any(|w| t.is_word(w))) {
        return StatementKind::Select;
    }
    if !["with", "insert", "update", "delete", "merge"]
        .iter()
        .any(|w| first(w))
    {
        return StatementKind::Other;
    }
    let mut depth = 0_usize;
    for token in tokens {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            match token.text.to_ascii_lowercase().as_str() {
                "select" | "values" | "table" => return StatementKind::Select,
                "insert" => return StatementKind::Insert,
                "update" => return StatementKind::Update,
                "delete" => return StatementKind::Delete,
                "merge" => return StatementKind::Other,
                _ => {}
            }
        }
    }
    StatementKind::Other
}
