//! One statement for all values of a loop: [`batched`].

use crate::sql::{
    Operand, ParsedTemplate, SlotKind, StatementKind, Token, TokenKind, path_after, tokenize,
};

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
    /// The bytes of the value, of a list's parentheses with it, and of the operator; of a reversed
    /// comparison, those of the column as well.
    value: (usize, usize),
    is_reversed: bool,
    /// The column as it is written.
    column: &'l str,
    /// The type that the value is cast to.
    cast: Option<&'l str>,
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
        // `column = value`, `value = column` or `column IN (value)`; anything else is left to the
        // reader.
        let value_end = tokens.iter().position(|t| t.end() == slot.span.end)? + 1;
        let operand = Operand::around(tokens, at, value_end, usize::MAX);
        let cast = operand
            .cast
            .map(|(from, to)| &sql[tokens[from].offset..tokens[to - 1].end()]);
        if operand.is_cast_twice || (cast.is_some() && slot.kind != SlotKind::Value) {
            return None;
        }
        let (at, after) = (operand.start, tokens.get(operand.end));
        if slot.kind == SlotKind::Value && after.is_some_and(|t| t.is_symbol("=")) {
            let (first, end) = path_after(tokens, operand.end)?;
            let is_last = tokens.get(end).is_none_or(|t| {
                let ends = ["and", "group", "order", "limit", "fetch", "for"];
                t.is_symbol(";") || ends.iter().any(|word| t.is_word(word))
            });
            let before = tokens.get(at.checked_sub(1)?)?;
            let stands_alone = is_last && (before.is_word("where") || before.is_word("and"));
            return (stands_alone && depth_at(tokens, at) == 0).then(|| Self {
                sql,
                tokens,
                parsed,
                value: (tokens[at].offset, tokens[end - 1].end()),
                is_reversed: true,
                column: &sql[tokens[first].offset..tokens[end - 1].end()],
                cast,
            });
        }
        let (operator, end) = match slot.kind {
            SlotKind::Value if tokens[at.checked_sub(1)?].is_symbol("=") => {
                (at - 1, tokens[operand.end - 1].end())
            }
            SlotKind::Element if at > 2 && tokens[at - 2].is_word("in") => {
                (at - 2, after.filter(|t| t.is_symbol(")"))?.end())
            }
            _ => return None,
        };
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
            is_reversed: false,
            column,
            cast,
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
            return self.lateral(self.cast.or(key_type)?);
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
        match self.cast {
            Some(cast) => self.edited(edits, &format!("= ANY($1::{cast}[])")),
            None => self.edited(edits, "= ANY($1)"),
        }
    }

    /// The statement with the comparison replaced, the other values numbered from 2 on, and
    /// comments left out.
    fn edited(&self, edits: &[Edit], comparison: &str) -> String {
        let (start, end) = self.value;
        let comparison = if self.is_reversed {
            format!("{} {comparison}", self.column)
        } else {
            comparison.to_owned()
        };
        let mut all = vec![(start, end, comparison)];
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
    fn casts_parentheses_and_the_other_side_are_no_hindrance() {
        check(
            "select id, name from users where id = ('7'::int8) and name <> ('x')",
            Some("select id, name from users where id = ANY($1::int8[]) and name <> ($2)"),
        );
        check(
            "select id from users where id = CAST($1 AS bigint)",
            Some("select id from users where id = ANY($1::bigint[])"),
        );
        check(
            "select o.id from orders o where $1 = o.user_id and o.status = 'x'",
            Some(
                "select o.id, o.user_id from orders o where o.user_id = ANY($1) and o.status = $2",
            ),
        );
        check(
            "select x from t where $1::uuid = a order by x limit 3",
            Some(
                "SELECT wanted.key, found.* FROM unnest($1::uuid[]) AS wanted (key) CROSS JOIN \
                 LATERAL (select x from t where a = wanted.key order by x limit $2) AS found",
            ),
        );
        check("select x from t where a = $1::text::uuid", None);
        check("select x from t where $1 = a + 1", None);
        check("select x from t where a in ($1::int8)", None);
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
