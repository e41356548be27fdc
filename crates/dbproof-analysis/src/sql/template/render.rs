//! Tokens as a shape and its slots: [`Renderer`].

use super::compared::{Operand, column_before, compared_with, is_compared_with_call};
use super::words::{KEYWORDS, collapsed, insert_columns, spelling};
use super::{ComparedColumn, Comparison, ParsedSlot, SlotKind, StatementKind, ValueSource};
use crate::sql::literal::string_value;
use crate::sql::scope::{Scopes, closing, is_query};
use crate::sql::token::{Token, TokenKind};

/// Lists nested deeper than this are written out, so that no input exhausts the stack.
const DEEPEST_LIST: usize = 32;

/// The part of a statement that is being rendered, as far as it matters to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// Where numbers are positions of the select list.
    Ordinals,
    /// `UPDATE … SET`.
    Assignments,
    /// A row of `INSERT`, and the number of its value.
    Row(usize),
    Other,
}

/// Renders one statement.
pub(super) struct Renderer<'a> {
    tokens: &'a [Token<'a>],
    scopes: &'a Scopes,
    kind: StatementKind,
    shape: String,
    slots: Vec<ParsedSlot>,
    position: usize,
    clauses: Vec<Clause>,
    insert_columns: Vec<String>,
    lists: usize,
}

impl<'a> Renderer<'a> {
    /// A renderer of a statement's significant tokens.
    pub(super) fn new(tokens: &'a [Token<'a>], scopes: &'a Scopes, kind: StatementKind) -> Self {
        Self {
            tokens,
            scopes,
            kind,
            shape: String::new(),
            slots: Vec::new(),
            position: 0,
            clauses: vec![Clause::Other],
            insert_columns: insert_columns(tokens),
            lists: 0,
        }
    }

    /// The shape and the slots.
    pub(super) fn render(mut self) -> (String, Vec<ParsedSlot>) {
        self.range(0, self.tokens.len());
        (self.shape, self.slots)
    }

    fn range(&mut self, start: usize, end: usize) {
        let mut at = start;
        while at < end {
            at = self.one(at).max(at + 1);
        }
    }

    /// Renders what begins at `at`, and says where it ends.
    fn one(&mut self, at: usize) -> usize {
        if let Some((source, end)) = self.value_at(at) {
            self.slot(at, end, source);
            return end;
        }
        let token = &self.tokens[at];
        self.follow_clause(at);
        self.write(at, &spelling(token));
        let opens = self.tokens.get(at + 1).is_some_and(|t| t.is_symbol("("));
        if opens && self.lists < DEEPEST_LIST {
            if token.is_word("in") && !is_query(self.tokens.get(at + 2)) {
                return self.list(at + 1);
            }
            if token.is_word("values") && self.kind == StatementKind::Insert {
                return self.rows(at + 1);
            }
        }
        at + 1
    }

    /// The value that begins at `at`, and where it ends.
    fn value_at(&self, at: usize) -> Option<(ValueSource, usize)> {
        let token = &self.tokens[at];
        let literal = |value: String| Some((ValueSource::Literal(Some(value)), at + 1));
        match token.kind {
            TokenKind::String => literal(string_value(token.text)),
            TokenKind::Number if !self.is_part_of_shape(at) => literal(token.text.to_owned()),
            TokenKind::Positional => {
                let number = token.text[1..].parse::<usize>().unwrap_or(usize::MAX);
                Some((ValueSource::Parameter(number.wrapping_sub(1)), at + 1))
            }
            TokenKind::Operator if matches!(token.text, "-" | "+") => {
                let number = self
                    .tokens
                    .get(at + 1)
                    .filter(|t| t.kind == TokenKind::Number)?;
                let sign = if token.text == "-" { "-" } else { "" };
                self.value_can_begin(at).then(|| {
                    (
                        ValueSource::Literal(Some(format!("{sign}{}", number.text))),
                        at + 2,
                    )
                })
            }
            TokenKind::Word if self.value_word(at) => {
                let value = (!token.is_word("null")).then(|| token.text.to_ascii_lowercase());
                Some((ValueSource::Literal(value), at + 1))
            }
            _ => None,
        }
    }

    /// Whether the word at `at` is `TRUE`, `FALSE` or `NULL` where a parameter could stand.
    fn value_word(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        let is_value = ["true", "false", "null"].iter().any(|w| token.is_word(w));
        let before = at.checked_sub(1).map(|before| &self.tokens[before]);
        let in_row = matches!(self.clauses.last(), Some(Clause::Row(_)));
        is_value
            && self.kind != StatementKind::Other
            && before.is_some_and(|t| {
                t.kind == TokenKind::Operator || (in_row && (t.is_symbol("(") || t.is_symbol(",")))
            })
    }

    /// Whether a number is no value: an ordinal of `ORDER BY 1`, or the length in `varchar(20)`.
    fn is_part_of_shape(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).map(|before| &self.tokens[before]);
        if self.clauses.last() == Some(&Clause::Ordinals) {
            return before(1).is_some_and(|t| t.is_word("by") || t.is_symbol(","));
        }
        let is_type = |t: &Token<'_>| {
            [
                "varchar",
                "char",
                "numeric",
                "decimal",
                "bit",
                "varying",
                "timestamp",
                "time",
            ]
            .iter()
            .any(|w| t.is_word(w))
        };
        let scale = before(1).is_some_and(|t| t.is_symbol(","));
        let back = if scale { 4 } else { 2 };
        before(back - 1).is_some_and(|t| t.is_symbol("(")) && before(back).is_some_and(is_type)
    }

    fn value_can_begin(&self, at: usize) -> bool {
        at.checked_sub(1).is_none_or(|before| {
            let before = &self.tokens[before];
            match before.kind {
                TokenKind::Operator => true,
                TokenKind::Punctuation => matches!(before.text, "(" | "[" | "," | ":"),
                TokenKind::Word => KEYWORDS.iter().any(|w| before.is_word(w)),
                _ => false,
            }
        })
    }

    fn slot(&mut self, at: usize, end: usize, source: ValueSource) {
        let (kind, compared) = self.use_of(at, end);
        let span = self.tokens[at].offset..self.tokens[end - 1].end();
        let is_free = kind == SlotKind::Value && compared.is_none();
        self.slots.push(ParsedSlot {
            source,
            with_call: is_free && is_compared_with_call(self.tokens, at),
            compared,
            kind,
            position: self.position,
            alone: true,
            span,
        });
        self.position += 1;
        self.write(at, "?");
    }

    /// What the value in `tokens[at..end]` is used for.
    fn use_of(&self, at: usize, end: usize) -> (SlotKind, Option<ComparedColumn>) {
        // The parenthesis of a row is not the value's.
        let open = self.clauses.iter().rev();
        let open = open.take_while(|clause| !matches!(clause, Clause::Row(_)));
        let most_depth = open.count().min(self.clauses.len() - 1);
        let operand = Operand::around(self.tokens, at, end, most_depth);
        let (at, end) = (operand.start, operand.end);
        let before = |back: usize| at.checked_sub(back).map(|before| &self.tokens[before]);
        let follows = |back, words: &[&str]| {
            before(back).is_some_and(|t: &Token<'_>| words.iter().any(|w| t.is_word(w)))
        };
        if follows(1, &["limit"]) || (follows(2, &["fetch"]) && follows(1, &["first", "next"])) {
            return (SlotKind::Limit, None);
        }
        if follows(1, &["offset"]) {
            return (SlotKind::Offset, None);
        }
        if before(1).is_some_and(|t| t.is_symbol("(")) && follows(2, &["any", "some"]) {
            let compared = before(3)
                .is_some_and(|t| t.is_symbol("="))
                .then(|| column_before(self.tokens, self.scopes, at - 3, Comparison::Equal));
            return (SlotKind::Array, compared.flatten());
        }
        let compared = compared_with(self.tokens, self.scopes, at, end);
        // Each parenthesis of the operand has put a clause of its own over the one it stands in.
        match self.clauses.iter().nth_back(operand.depth) {
            Some(Clause::Assignments) => (
                SlotKind::Assigned,
                compared.map(|c| ComparedColumn {
                    comparison: Comparison::Written,
                    ..c
                }),
            ),
            Some(Clause::Row(nth)) => {
                let alone = self.tokens.get(end);
                let alone = before(1).is_some_and(|t| t.is_symbol("(") || t.is_symbol(","))
                    && alone.is_some_and(|t| t.is_symbol(")") || t.is_symbol(","));
                let column = self.insert_columns.get(*nth).filter(|_| alone);
                (
                    SlotKind::Inserted,
                    column.map(|column| self.inserted(column)),
                )
            }
            _ => (SlotKind::Value, compared),
        }
    }

    fn inserted(&self, column: &str) -> ComparedColumn {
        ComparedColumn {
            relation: self.scopes.relations.first().cloned(),
            candidates: Vec::new(),
            column: column.to_owned(),
            comparison: Comparison::Written,
        }
    }

    /// Renders the list whose parenthesis opens at `open`; equal elements become one and `...`.
    fn list(&mut self, open: usize) -> usize {
        let close = closing(self.tokens, open);
        let compared = open
            .checked_sub(1)
            .filter(|at| !self.tokens[at.saturating_sub(1)].is_word("not"))
            .and_then(|at| column_before(self.tokens, self.scopes, at, Comparison::Equal));
        self.write(open, "(");
        let first_slot = self.slots.len();
        self.lists += 1;
        self.clauses.push(Clause::Other);
        self.elements(&self.elements_between(open, close));
        self.clauses.pop();
        self.lists -= 1;
        for slot in &mut self.slots[first_slot..] {
            if slot.kind == SlotKind::Value && slot.compared.is_none() {
                slot.kind = SlotKind::Element;
                slot.compared.clone_from(&compared);
            }
        }
        self.write(close, ")");
        close + 1
    }

    /// Renders the rows of `VALUES`; equal rows become one and `...`.
    fn rows(&mut self, first: usize) -> usize {
        let mut rows = Vec::new();
        let mut next = first;
        while self.tokens.get(next).is_some_and(|t| t.is_symbol("(")) {
            let close = closing(self.tokens, next);
            rows.push((next, close + 1));
            next = close + 1;
            if !self.tokens.get(next).is_some_and(|t| t.is_symbol(",")) {
                break;
            }
            next += 1;
        }
        let end = rows.last().map_or(first, |(_, end)| *end);
        self.lists += 1;
        let shape = std::mem::take(&mut self.shape);
        let written = self.each(&rows, Self::row);
        self.shape = shape;
        self.shape.push(' ');
        self.shape.push_str(&collapsed(&written, false));
        self.lists -= 1;
        end
    }

    fn row(&mut self, open: usize, end: usize) {
        self.shape.push('(');
        for (nth, (start, stop)) in self.elements_between(open, end - 1).into_iter().enumerate() {
            self.clauses.push(Clause::Row(nth));
            if nth > 0 {
                self.shape.push(',');
            }
            self.range(start, stop);
            self.clauses.pop();
        }
        self.shape.push(')');
    }

    fn elements(&mut self, elements: &[(usize, usize)]) {
        let shape = std::mem::take(&mut self.shape);
        let written = self.each(elements, Self::range);
        self.shape = shape;
        self.shape.push_str(&collapsed(&written, true));
    }

    /// Renders each piece on its own, all of them from the same position on.
    fn each(
        &mut self,
        pieces: &[(usize, usize)],
        render: fn(&mut Self, usize, usize),
    ) -> Vec<String> {
        let from = self.position;
        let mut furthest = from;
        let mut written: Vec<String> = Vec::new();
        for (start, end) in pieces {
            self.position = from;
            render(self, *start, *end);
            let piece = std::mem::take(&mut self.shape).trim_start().to_owned();
            // A piece unlike the others keeps positions of its own.
            if written.first().is_some_and(|first| *first != piece) {
                self.position = furthest + (self.position - from);
            }
            furthest = furthest.max(self.position);
            written.push(piece);
        }
        self.position = furthest;
        written
    }

    /// The elements between two parentheses, as ranges of tokens.
    fn elements_between(&self, open: usize, close: usize) -> Vec<(usize, usize)> {
        let mut elements = Vec::new();
        let mut start = open + 1;
        let mut depth = 0_usize;
        for at in open + 1..close {
            let token = &self.tokens[at];
            if token.is_symbol("(") || token.is_symbol("[") {
                depth += 1;
            } else if token.is_symbol(")") || token.is_symbol("]") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && token.is_symbol(",") {
                elements.push((start, at));
                start = at + 1;
            }
        }
        if start < close {
            elements.push((start, close));
        }
        elements
    }

    fn follow_clause(&mut self, at: usize) {
        let token = &self.tokens[at];
        if token.is_symbol("(") {
            self.clauses.push(Clause::Other);
            return;
        }
        if token.is_symbol(")") {
            if self.clauses.len() > 1 {
                self.clauses.pop();
            }
            return;
        }
        let clause = match token.text.to_ascii_lowercase().as_str() {
            "by" => Clause::Ordinals,
            "set" if self.kind != StatementKind::Other => Clause::Assignments,
            "where" | "from" | "select" | "limit" | "offset" | "fetch" | "having" | "returning"
            | "for" | "on" => Clause::Other,
            _ => return,
        };
        if let Some(last) = self.clauses.last_mut()
            && token.kind == TokenKind::Word
            && !matches!(last, Clause::Row(_))
        {
            *last = clause;
        }
    }

    /// Appends a piece that stands for the token at `at`, with the blank before it that belongs
    /// there, however it was written.
    fn write(&mut self, at: usize, piece: &str) {
        if !self.shape.is_empty() && self.is_apart(at, piece) {
            self.shape.push(' ');
        }
        self.shape.push_str(piece);
    }

    fn is_apart(&self, at: usize, piece: &str) -> bool {
        let Some(before) = at.checked_sub(1).map(|before| &self.tokens[before]) else {
            return false;
        };
        if self.shape.ends_with(['(', '[', '.']) && !self.shape.ends_with("...") {
            return false;
        }
        if before.kind == TokenKind::Cast
            || matches!(piece, "," | ")" | "]" | "." | ";" | "::" | "[" | ":")
        {
            return false;
        }
        if piece == "(" {
            // A function's parenthesis touches its name; a keyword's or a table's does not.
            let is_name = matches!(before.kind, TokenKind::Word | TokenKind::QuotedIdentifier)
                && !KEYWORDS.iter().any(|w| before.is_word(w));
            return !is_name || self.is_insert_target(at - 1);
        }
        !self.shape.ends_with("::")
    }

    fn is_insert_target(&self, at: usize) -> bool {
        let mut first = at;
        while first >= 2 && self.tokens[first - 1].is_symbol(".") {
            first -= 2;
        }
        first
            .checked_sub(1)
            .is_some_and(|before| self.tokens[before].is_word("into"))
    }
}
