//! One statement for all values of a loop: [`batched`].

use crate::sql::{ParsedTemplate, SlotKind, StatementKind, Token, TokenKind, tokenize};

/// Words that make it unsafe to rewrite a statement without a parser.
const TOO_MUCH: &[&str] = &[
    "or",
    "not",
    "union",
    "intersect",
    "except",
    "with",
    "having",
    "window",
    "over",
    "case",
    "returning",
    "offset",
    "exists",
];

/// Functions that make one row of many.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
];

/// Words before a string that make it a typed literal, which a parameter cannot take the place of.
const TYPED: &[&str] = &[
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "zone",
    "precision",
];

/// The statement that asks for all values at once, `$1` being the array of them; the other values
/// become `$2`, `$3`, …, so that none of them is shown. `None` where it cannot be written safely.
pub(super) fn batched(
    sql: &str,
    parsed: &ParsedTemplate,
    position: usize,
    key_type: Option<&str>,
) -> Option<String> {
    let tokens: Vec<_> = tokenize(sql)
        .into_iter()
        .filter(Token::is_significant)
        .collect();
    let loop_of = Loop::of(sql, &tokens, parsed, position)?;
    match parsed.kind {
        StatementKind::Select => loop_of.select(key_type),
        StatementKind::Update | StatementKind::Delete => Some(loop_of.text(&[])),
        StatementKind::Insert | StatementKind::Other => None,
    }
}

/// A statement whose `column = value` is to become `column = ANY($1)`.
struct Loop<'l> {
    sql: &'l str,
    tokens: &'l [Token<'l>],
    parsed: &'l ParsedTemplate,
    /// The bytes of the value, of a list's parentheses with it, and of the operator.
    value: (usize, usize),
    /// The column as it is written.
    column: &'l str,
}

/// Text that is put in, and the bytes that it takes the place of.
type Edit = (usize, usize, String);

impl<'l> Loop<'l> {
    fn of(
        sql: &'l str,
        tokens: &'l [Token<'l>],
        parsed: &'l ParsedTemplate,
        position: usize,
    ) -> Option<Self> {
        let has = |word: &&str| tokens.iter().any(|t| t.is_word(word));
        if TOO_MUCH.iter().any(has) || count(tokens, "select") > 1 {
            return None;
        }
        let typed = tokens.windows(2).any(|pair| {
            TYPED.iter().any(|w| pair[0].is_word(w)) && pair[1].kind == TokenKind::String
        });
        let slot = parsed.slots.iter().find(|slot| slot.position == position)?;
        let at = tokens.iter().position(|t| t.offset == slot.span.start)?;
        let where_at = tokens.iter().position(|t| t.is_word("where"))?;
        if typed || at < where_at || has(&"null") {
            return None;
        }
        let after = tokens.get(at + 1);
        // `column = value`, or `column IN (value)`; anything else is left to the reader.
        let (operator, end) = match slot.kind {
            SlotKind::Value if tokens[at - 1].is_symbol("=") => (at - 1, slot.span.end),
            SlotKind::Element if at > 2 && tokens[at - 2].is_word("in") => {
                (at - 2, after.filter(|t| t.is_symbol(")"))?.end())
            }
            _ => return None,
        };
        if after.is_some_and(|t| t.kind == TokenKind::Cast) {
            return None;
        }
        let mut first = operator.checked_sub(1)?;
        let last = first;
        while first >= 2 && tokens[first - 1].is_symbol(".") {
            first -= 2;
        }
        // The condition has to stand on its own, joined by AND and in no parentheses.
        let before = tokens.get(first.checked_sub(1)?)?;
        if !(before.is_word("where") || before.is_word("and")) || depth_at(tokens, first) > 0 {
            return None;
        }
        let column = &sql[tokens[first].offset..tokens[last].end()];
        Some(Self {
            sql,
            tokens,
            parsed,
            value: (tokens[operator].offset, end),
            column,
        })
    }

    fn select(&self, key_type: Option<&str>) -> Option<String> {
        let select = self.tokens.iter().position(|t| t.is_word("select"))?;
        let from = self.top_level("from")?;
        if select != 0 || self.tokens.iter().any(|t| t.is_word("into")) {
            return None;
        }
        let list = &self.tokens[select + 1..from];
        if self.has_window() {
            return self.lateral(key_type?);
        }
        let is_aggregate = list.windows(2).any(|pair| {
            AGGREGATES.iter().any(|name| pair[0].is_word(name)) && pair[1].is_symbol("(")
        });
        let group = self.top_level("group");
        if is_aggregate || group.is_some() {
            return self.grouped(select, group);
        }
        if list.first().is_some_and(|t| t.is_word("distinct")) {
            return None;
        }
        if self.selects_key(list) {
            return Some(self.text(&[]));
        }
        let end = list.last()?.end();
        Some(self.text(&[(end, end, format!(", {}", self.column))]))
    }

    /// One group a value. An aggregate without one row a key has to say which key it is of.
    fn grouped(&self, select: usize, group: Option<usize>) -> Option<String> {
        let start = self.tokens.get(select + 1)?.offset;
        let mut edits = vec![(start, start, format!("{}, ", self.column))];
        match group {
            Some(group) => {
                // Ordinals would count the new column.
                let ordinal = self.tokens[group..]
                    .iter()
                    .any(|t| t.kind == TokenKind::Number);
                let first = self.tokens.get(group + 2).filter(|_| !ordinal)?.offset;
                edits.push((first, first, format!("{}, ", self.column)));
            }
            None if self.top_level("order").is_some() => return None,
            None => {
                let end = self.tokens.iter().rfind(|t| !t.is_symbol(";"))?.end();
                edits.push((end, end, format!(" GROUP BY {}", self.column)));
            }
        }
        Some(self.text(&edits))
    }

    /// The statement once a value, within one statement: LIMIT counts per value there.
    fn lateral(&self, key_type: &str) -> Option<String> {
        let taken = ["wanted", "key", "found"];
        if taken
            .iter()
            .any(|name| self.tokens.iter().any(|t| t.is_word(name)))
        {
            return None;
        }
        let inner = self.edited(&[], "= wanted.key");
        Some(format!(
            "SELECT wanted.key, found.* FROM unnest($1::{key_type}[]) AS wanted (key) \
             CROSS JOIN LATERAL ({inner}) AS found"
        ))
    }

    fn has_window(&self) -> bool {
        ["limit", "fetch"]
            .iter()
            .any(|word| self.top_level(word).is_some())
    }

    /// Whether the select list holds the compared column already.
    fn selects_key(&self, list: &[Token<'_>]) -> bool {
        let name = tokenize(self.column).last().and_then(Token::identifier);
        let qualifier = tokenize(self.column).first().and_then(Token::identifier);
        let items = list.split(|t| t.is_symbol(","));
        items.into_iter().any(|item| match item {
            [only] => only.is_symbol("*") || only.identifier() == name,
            [of, dot, column] if dot.is_symbol(".") => {
                of.identifier() == qualifier
                    && (column.is_symbol("*") || column.identifier() == name)
            }
            _ => false,
        })
    }

    fn top_level(&self, word: &str) -> Option<usize> {
        let at = self.tokens.iter().position(|t| t.is_word(word))?;
        (depth_at(self.tokens, at) == 0).then_some(at)
    }

    fn text(&self, edits: &[Edit]) -> String {
        self.edited(edits, "= ANY($1)")
    }

    /// The statement with the comparison replaced, the other values numbered from 2 on, and
    /// comments left out.
    fn edited(&self, edits: &[Edit], comparison: &str) -> String {
        let (start, end) = self.value;
        let mut all = vec![(start, end, comparison.to_owned())];
        let others = self
            .parsed
            .slots
            .iter()
            .filter(|s| s.span.start < start || s.span.end > end);
        all.extend(
            (2..)
                .zip(others)
                .map(|(n, s)| (s.span.start, s.span.end, format!("${n}"))),
        );
        all.extend(edits.iter().cloned());
        all.sort_by_key(|(start, end, _)| (*start, *end));
        let mut text = String::new();
        let mut edits = all.into_iter().peekable();
        let mut done = 0;
        for token in tokenize(self.sql) {
            while let Some((_, stop, put)) = edits.next_if(|(at, ..)| *at <= token.offset) {
                text.push_str(&put);
                done = done.max(stop);
            }
            if token.offset < done || token.is_symbol(";") {
                continue;
            }
            if token.is_significant() {
                text.push_str(token.text);
            } else if !text.ends_with(' ') {
                text.push(' ');
            }
        }
        text.truncate(text.trim_end().len());
        text.extend(edits.map(|(_, _, put)| put));
        text
    }
}

fn count(tokens: &[Token<'_>], word: &str) -> usize {
    tokens.iter().filter(|t| t.is_word(word)).count()
}

fn depth_at(tokens: &[Token<'_>], at: usize) -> usize {
    tokens[..at].iter().fold(0_usize, |depth, token| {
        if token.is_symbol("(") {
            depth + 1
        } else if token.is_symbol(")") {
            depth.saturating_sub(1)
        } else {
            depth
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: Option<&str>) {
        let parsed = ParsedTemplate::of(sql);
        let position = parsed
            .slots
            .iter()
            .find(|s| s.compared.is_some() && matches!(s.kind, SlotKind::Value | SlotKind::Element))
            .map_or(0, |slot| slot.position);
        assert_eq!(
            batched(sql, &parsed, position, Some("bigint")).as_deref(),
            expected,
            "{sql}"
        );
    }

    #[test]
    fn lookups_become_lists() {
        check(
            "select id, name from users where id = 7 -- one",
            Some("select id, name from users where id = ANY($1)"),
        );
        check(
            "SELECT o.total FROM orders o WHERE o.user_id=$1 AND o.status = 'open' ORDER BY o.id;",
            Some(
                "SELECT o.total, o.user_id FROM orders o WHERE o.user_id= ANY($1) AND o.status = $2 ORDER BY o.id",
            ),
        );
        check(
            "select * from t where id in (5)",
            Some("select * from t where id = ANY($1)"),
        );
        check(
            "delete from t where id = $1",
            Some("delete from t where id = ANY($1)"),
        );
        check(
            "update t set a = 'x' where id = 5",
            Some("update t set a = $2 where id = ANY($1)"),
        );
    }

    #[test]
    fn aggregates_are_grouped_and_limits_are_lateral() {
        check(
            "select count(*) from t where a = 1",
            Some("select a, count(*) from t where a = ANY($1) GROUP BY a"),
        );
        check(
            "select s, count(*) from t where a = 1 group by s",
            Some("select a, s, count(*) from t where a = ANY($1) group by a, s"),
        );
        check(
            "select x from t where a = 1 order by x limit 3",
            Some(
                "SELECT wanted.key, found.* FROM unnest($1::bigint[]) AS wanted (key) CROSS JOIN \
                 LATERAL (select x from t where a = wanted.key order by x limit $2) AS found",
            ),
        );
    }

    #[test]
    fn what_is_not_safe_is_not_written() {
        for sql in [
            "select * from t where a = 1 or b = 2",
            "select * from t where (a = 1)",
            "select * from t where a = 1 union select 2",
            "select * from t where a = 1 and d > interval '1 day'",
            "select distinct x from t where a = 1",
            "select a, count(*) from t where a = 1 group by 1",
            "select * from t join u on t.a = 1",
            "insert into t (a) values (1)",
        ] {
            check(sql, None);
        }
    }
}
