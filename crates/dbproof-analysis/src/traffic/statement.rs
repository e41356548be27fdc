//! Statement texts, read once for all that differ in their literals alone: [`Statements`].

use std::collections::HashMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use super::value::{HashKey, ValueHash, ValueHasher};
use super::{SentParameter, SentText, Tags};
use crate::sql::{
    ParsedTemplate, StatementKind, Token, TokenKind, ValueSource, string_value, tags_of_comment,
    tokenize,
};

/// Statements are forgotten, all at once, when there are more than this: an application that makes
/// up its statements must not fill the memory. Those in use live on.
const MOST_STATEMENTS: usize = 20_000;
/// The same for the bytes of their texts.
const MOST_BYTES: usize = 8 << 20;

/// A statement without its values.
#[derive(Debug)]
pub struct Statement {
    /// One text of it, with the literals that it had.
    sql: Box<str>,
    parsed: ParsedTemplate,
    /// Where the value of each slot is found, in the order of the slots.
    sources: Vec<Source>,
    /// The literals that belong to the shape (`ORDER BY 1`), by their number among all literals.
    constants: Vec<(usize, Box<str>)>,
    positions: usize,
}

/// Where the value of a slot is found.
#[derive(Debug, Clone)]
enum Source {
    /// In this literal of the text, counted from 0.
    Literal { number: usize, negative: bool },
    /// In this parameter, counted from 0.
    Parameter(usize),
    /// In the statement itself: `NULL`, `TRUE`.
    Constant(Option<Box<str>>),
}

/// A text as it was sent: a statement and the values that were written into it.
#[derive(Debug, Clone)]
pub struct StatementText {
    /// The statement.
    pub statement: Arc<Statement>,
    /// The tags of its comments.
    pub tags: Option<Arc<Tags>>,
    /// The value of each slot that is no parameter.
    literals: Box<[Option<ValueHash>]>,
}

/// A value as it was sent.
#[derive(Debug)]
pub(crate) enum SentValue<'a> {
    /// NULL, or a value that was not kept.
    Null,
    /// Written into the text; quotes and escapes taken off.
    Text(String),
    /// A parameter.
    Parameter(&'a SentParameter),
}

/// The statements that were seen.
#[derive(Debug)]
pub struct Statements {
    hasher: ValueHasher,
    key: HashKey,
    by_skeleton: HashMap<u64, Vec<Arc<Statement>>>,
    count: usize,
    bytes: usize,
    last_comment: Option<(Box<str>, Arc<Tags>)>,
}

impl Statement {
    /// The statement in lower case and without comments, each value written as `?`.
    #[must_use]
    pub fn shape(&self) -> &str {
        &self.parsed.shape
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        self.parsed.kind
    }

    /// One text of it, with values: never to be shown.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn parsed(&self) -> &ParsedTemplate {
        &self.parsed
    }

    /// A text that is read as this statement again, and holds none of the values: strings are empty
    /// and numbers 0.
    #[must_use]
    pub fn masked_sql(&self) -> String {
        let mut text = String::with_capacity(self.sql.len());
        let mut end = 0;
        for (slot, source) in self.parsed.slots.iter().zip(&self.sources) {
            let Source::Literal { .. } = source else {
                continue;
            };
            let literal = &self.sql[slot.span.clone()];
            let blank = match literal.trim_start_matches(['-', '+', ' ']) {
                number if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') => "0",
                _ => "''",
            };
            text.push_str(&self.sql[end..slot.span.start]);
            if literal.starts_with(['-', '+']) {
                text.push_str(&literal[..1]);
            }
            text.push_str(blank);
            end = slot.span.end;
        }
        text.push_str(&self.sql[end..]);
        without_comments(&text)
    }

    /// The values of the slots as they were sent in a text of this statement, one for each slot. The
    /// text is only read again where a value stands in it.
    pub(crate) fn sent_values<'a>(&'a self, sent: &'a SentText) -> Vec<SentValue<'a>> {
        let reads = |source: &Source| matches!(source, Source::Literal { .. });
        let tokens = if self.sources.iter().any(reads) {
            tokenize(&sent.sql)
        } else {
            Vec::new()
        };
        let is_literal =
            |token: &&Token<'_>| matches!(token.kind, TokenKind::String | TokenKind::Number);
        let literals: Vec<_> = tokens.iter().filter(is_literal).collect();
        let value = |source: &Source| match source {
            Source::Parameter(number) => match sent.parameters.get(*number) {
                Some(parameter) => SentValue::Parameter(parameter),
                None => SentValue::Null,
            },
            Source::Constant(text) => match text {
                Some(text) => SentValue::Text(text.to_string()),
                None => SentValue::Null,
            },
            Source::Literal { number, negative } => match literals.get(*number) {
                Some(token) if token.kind == TokenKind::String => {
                    SentValue::Text(string_value(token.text))
                }
                Some(token) if *negative => SentValue::Text(format!("-{}", token.text)),
                Some(token) => SentValue::Text(token.text.to_owned()),
                None => SentValue::Null,
            },
        };
        self.sources.iter().map(value).collect()
    }

    /// How many `?` its shape has.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    fn of(sql: &str, literals: &[Token<'_>]) -> Self {
        let parsed = ParsedTemplate::of(sql);
        let mut used = vec![false; literals.len()];
        let sources = parsed
            .slots
            .iter()
            .map(|slot| match &slot.source {
                ValueSource::Parameter(number) => Source::Parameter(*number),
                ValueSource::Literal(value) => {
                    let number = literals.partition_point(|t| t.offset < slot.span.start);
                    match literals.get(number).filter(|t| t.end() <= slot.span.end) {
                        Some(_) => {
                            used[number] = true;
                            let negative = sql[slot.span.clone()].starts_with('-');
                            Source::Literal { number, negative }
                        }
                        None => Source::Constant(value.as_deref().map(Into::into)),
                    }
                }
            })
            .collect();
        let constants = literals
            .iter()
            .enumerate()
            .filter(|(number, _)| !used[*number])
            .map(|(number, token)| (number, token.text.into()))
            .collect();
        let positions = parsed.slots.iter().map(|s| s.position + 1).max();
        Self {
            sql: sql.into(),
            sources,
            constants,
            positions: positions.unwrap_or(0),
            parsed,
        }
    }

    fn is_of(&self, literals: &[Token<'_>]) -> bool {
        let mut constants = self.constants.iter();
        constants.all(|(number, text)| literals.get(*number).is_some_and(|t| *t.text == **text))
    }

    fn literals(&self, literals: &[Token<'_>], hasher: &ValueHasher) -> Box<[Option<ValueHash>]> {
        let value = |source: &Source| match source {
            Source::Parameter(_) => None,
            Source::Constant(text) => hasher.text(text.as_ref()?.as_bytes()),
            Source::Literal { number, negative } => {
                let token = literals.get(*number)?;
                match (token.kind, negative) {
                    (TokenKind::String, _) => hasher.text(string_value(token.text).as_bytes()),
                    (_, true) => hasher.text(format!("-{}", token.text).as_bytes()),
                    (_, false) => hasher.text(token.text.as_bytes()),
                }
            }
        };
        self.sources.iter().map(value).collect()
    }
}

/// Comments may hold anything; each becomes a blank.
fn without_comments(sql: &str) -> String {
    let kept = tokenize(sql).into_iter().map(|token| match token.kind {
        TokenKind::LineComment | TokenKind::BlockComment => " ",
        _ => token.text,
    });
    kept.collect()
}

impl StatementText {
    /// The values at the positions of the statement, parameters (`$1` first) put in; of several
    /// values at one position, one hash over all of them.
    #[must_use]
    pub fn values(
        &self,
        hasher: &ValueHasher,
        parameters: &[Option<ValueHash>],
    ) -> Box<[Option<ValueHash>]> {
        let value = |slot: usize| match self.statement.sources[slot] {
            Source::Parameter(number) => parameters.get(number).copied().flatten(),
            Source::Literal { .. } | Source::Constant(_) => self.literals[slot],
        };
        let slots = &self.statement.parsed.slots;
        if slots.len() == self.statement.positions {
            return (0..slots.len()).map(value).collect();
        }
        let mut at: Vec<Vec<Option<ValueHash>>> = vec![Vec::new(); self.statement.positions];
        for (number, slot) in slots.iter().enumerate() {
            at[slot.position].push(value(number));
        }
        let folded = at.into_iter().map(|values| match *values {
            [] => None,
            [only] => only,
            _ => Some(hasher.list(values)),
        });
        folded.collect()
    }
}

impl Statements {
    /// No statements yet; their values will be hashed with this secret.
    #[must_use]
    pub fn new(key: HashKey) -> Self {
        Self {
            hasher: ValueHasher::new(key),
            key,
            by_skeleton: HashMap::new(),
            count: 0,
            bytes: 0,
            last_comment: None,
        }
    }

    /// Hashes values with the same secret.
    pub fn hasher(&mut self) -> &mut ValueHasher {
        &mut self.hasher
    }

    /// What a text is, which holds one statement. Cheap where another text of the statement was
    /// read before.
    pub fn read(&mut self, sql: &str) -> StatementText {
        let mut skeleton = SipHasher13::new_with_keys(self.key.0, self.key.1);
        let mut literals: Vec<Token<'_>> = Vec::new();
        let mut tags: Option<Arc<Tags>> = None;
        for token in tokenize(sql) {
            match token.kind {
                TokenKind::Whitespace => {}
                TokenKind::LineComment | TokenKind::BlockComment => {
                    tags = self.tags(token.text, tags);
                }
                TokenKind::String | TokenKind::Number => {
                    skeleton.write_u8(b'?');
                    literals.push(token);
                }
                _ => {
                    skeleton.write(token.text.as_bytes());
                    skeleton.write_u8(0xff);
                }
            }
        }
        let known = self.by_skeleton.get(&skeleton.finish());
        let known = known.and_then(|alike| alike.iter().find(|s| s.is_of(&literals)).cloned());
        let statement = known
            .unwrap_or_else(|| self.remember(skeleton.finish(), Statement::of(sql, &literals)));
        StatementText {
            literals: statement.literals(&literals, &self.hasher),
            statement,
            tags,
        }
    }

    fn remember(&mut self, skeleton: u64, statement: Statement) -> Arc<Statement> {
        if self.count >= MOST_STATEMENTS || self.bytes >= MOST_BYTES {
            self.by_skeleton.clear();
            self.count = 0;
            self.bytes = 0;
        }
        self.count += 1;
        self.bytes += statement.sql.len();
        let statement = Arc::new(statement);
        let alike = self.by_skeleton.entry(skeleton).or_default();
        alike.push(Arc::clone(&statement));
        statement
    }

    /// The tags of a comment beside those of the comments before it. One request sends the same
    /// comment again and again.
    fn tags(&mut self, comment: &str, before: Option<Arc<Tags>>) -> Option<Arc<Tags>> {
        if before.is_none()
            && let Some((text, tags)) = &self.last_comment
            && **text == *comment
        {
            return Some(Arc::clone(tags));
        }
        let pairs = tags_of_comment(comment);
        if pairs.is_empty() {
            return before;
        }
        let mut all = before.as_deref().cloned().unwrap_or_default();
        let is_first = all.pairs.is_empty();
        all.pairs.extend(pairs);
        let tags = Arc::new(all);
        if is_first {
            self.last_comment = Some((comment.into(), Arc::clone(&tags)));
        }
        Some(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements() -> Statements {
        Statements::new(HashKey(1, 2))
    }

    /// Reads both texts: whether they are one statement, and have the same values.
    fn alike(a: &str, b: &str) -> (bool, bool) {
        let mut statements = statements();
        let (a, b) = (statements.read(a), statements.read(b));
        let hasher = statements.hasher();
        (
            Arc::ptr_eq(&a.statement, &b.statement),
            a.values(hasher, &[]) == b.values(hasher, &[]),
        )
    }

    #[test]
    fn texts_that_differ_in_literals_are_one_statement() {
        let same_values = |a: &str, b: &str| assert_eq!(alike(a, b), (true, true), "{a} | {b}");
        let other_values = |a: &str, b: &str| assert_eq!(alike(a, b), (true, false), "{a} | {b}");
        same_values(
            "select * from a where id = 1",
            "select * from a where id = 1",
        );
        same_values(
            "select * from a where id = 1",
            "select  *\nfrom a where id = '1'",
        );
        same_values("select 1 -- x\n", "/* a='b' */ select 1");
        same_values(
            "select a from b where c = 'it''s'",
            "select a from b where c = $$it's$$",
        );
        other_values(
            "select * from a where id = 1",
            "select * from a where id = 2",
        );
    }

    #[test]
    fn texts_that_differ_in_more_are_not() {
        let differ = |a: &str, b: &str| assert!(!alike(a, b).0, "{a} | {b}");
        differ(
            "select * from a where id = 1",
            "select * from a where id = -1",
        );
        differ("select a from b order by 1", "select a from b order by 2");
        differ("select a1 from b", "select a 1 from b");
    }

    #[test]
    fn every_literal_has_its_own_value() {
        let mut statements = statements();
        let one = statements.read("update t set a = -5, b = null, c = 'x' where id = 7 limit 3");
        let two = statements.read("update t set a = -6, b = null, c = 'y' where id = 7 limit 3");
        let one = one.values(statements.hasher(), &[]);
        let two = two.values(statements.hasher(), &[]);
        let expect = |text: &str| ValueHasher::new(HashKey(1, 2)).text(text.as_bytes());
        assert_eq!(
            *one,
            [expect("-5"), None, expect("x"), expect("7"), expect("3")]
        );
        assert_eq!(
            *two,
            [expect("-6"), None, expect("y"), expect("7"), expect("3")]
        );
    }

    #[test]
    fn parameters_and_literals_are_the_same_thing() {
        let mut statements = statements();
        let literal = statements.read("select * from a where id = 42 and b = 'x'");
        let bound = statements.read("select * from a where id = $2 and b = $1");
        assert_eq!(literal.statement.shape(), bound.statement.shape());
        let literal = literal.values(statements.hasher(), &[]);
        let parameters = [
            statements.hasher().text(b"x"),
            statements.hasher().binary(23, &42_i32.to_be_bytes()),
        ];
        assert_eq!(literal, bound.values(statements.hasher(), &parameters));
    }

    #[test]
    fn a_masked_text_is_the_same_statement_without_values() {
        for sql in [
            "select a from t where b = 'secret' and c = -5 and d in (1, 2) order by 1 limit 10",
            "insert into t values (1, E'se\\'cret', null, $1), (2, $$secret$$, true, $2)",
            "select 1 /* secret */ -- secret\n, .5, +7, x'1f', 'a'::varchar(20)",
            "update t set a = a + 1 where b = date '2020-01-01'",
        ] {
            let mut statements = statements();
            let text = statements.read(sql);
            let masked = text.statement.masked_sql();
            assert!(!masked.contains("secret"), "{masked}");
            let again = statements.read(&masked).statement;
            assert_eq!(again.shape(), text.statement.shape());
            assert_eq!(again.positions(), text.statement.positions());
        }
    }

    #[test]
    fn a_list_is_one_position() {
        let mut statements = statements();
        let mut values = |sql: &str| {
            let text = statements.read(sql);
            text.values(statements.hasher(), &[]).to_vec()
        };
        let two = values("select * from a where b in (1, 2) and c = 3");
        let three = values("select * from a where b in (1, 2, 4) and c = 3");
        assert_eq!((two.len(), three.len()), (2, 2));
        assert_ne!(two[0], three[0]);
        assert_eq!(two[1], three[1]);
        let one = values("select * from a where b in (3) and c = 3");
        assert_eq!(one[0], one[1]);
    }

    #[test]
    fn tags_of_all_comments_are_kept() {
        let mut statements = statements();
        let text = statements.read("/*test='a'*/ select 1 /*route='/x'*/ -- plain");
        let tags = text.tags.unwrap();
        assert_eq!((tags.unit(), tags.get("route")), (Some("a"), Some("/x")));
        assert_eq!(statements.read("select 1 -- plain").tags, None);
        let again = statements.read("/*test='a'*/ select 2");
        assert_eq!(again.tags.unwrap().pairs.len(), 1);
    }

    #[test]
    fn made_up_statements_do_not_fill_the_memory() {
        let mut statements = statements();
        for n in 0..2 * MOST_STATEMENTS {
            statements.read(&format!("select c{n} from t"));
            assert!(statements.count <= MOST_STATEMENTS);
        }
    }
}
