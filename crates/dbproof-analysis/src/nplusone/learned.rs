//! What a result tells of a relation that no catalog tells of: [`Learned`].
//!
//! A test suite makes tables in a transaction that is never committed, so that no other session ever
//! sees them in the catalog. A result names the OID and the attributes that its columns come from; a
//! statement with a single relation names the relation and the columns.

use crate::sql::{RelationName, StatementKind, Token, TokenKind, tokenize};
use crate::traffic::{ResultShape, Statement};

/// A relation as one result tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) oid: u32,
    pub(super) relation: RelationName,
    pub(super) columns: Vec<(i16, String)>,
}

impl Learned {
    /// What the result of a statement tells, if anything.
    pub(super) fn of(statement: &Statement, shape: &ResultShape) -> Option<Self> {
        let [relation] = statement.parsed().relations.as_slice() else {
            return None;
        };
        let mut oids = shape
            .columns
            .iter()
            .filter_map(|c| c.relation_oid.filter(|o| *o != 0));
        let oid = oids.next()?;
        if oids.any(|other| other != oid) {
            return None;
        }
        let names = selected(statement, shape)?;
        let columns = shape
            .columns
            .iter()
            .zip(names)
            .filter_map(|(column, name)| {
                let attribute = column.attribute.filter(|a| *a > 0)?;
                column.relation_oid.filter(|o| *o == oid)?;
                Some((attribute, name?))
            });
        Some(Self {
            oid,
            relation: relation.clone(),
            columns: columns.collect(),
        })
    }
}

/// The name of each column of the result in its relation, where it is a plain column.
fn selected(statement: &Statement, shape: &ResultShape) -> Option<Vec<Option<String>>> {
    let all = tokenize(statement.sql());
    let tokens: Vec<Token<'_>> = all.into_iter().filter(Token::is_significant).collect();
    if tokens.iter().filter(|t| t.is_word("select")).count() > 1 {
        return None;
    }
    let items = if statement.kind() == StatementKind::Select {
        select_list(&tokens)?
    } else {
        let returning = tokens.iter().position(|t| t.is_word("returning"))?;
        &tokens[returning + 1..]
    };
    let items = split_at_commas(items);
    if let [only] = items.as_slice()
        && only
            .last()
            .is_some_and(|t| t.kind == TokenKind::Operator && t.text == "*")
    {
        return Some(shape.columns.iter().map(|c| Some(c.name.clone())).collect());
    }
    let names: Vec<Option<String>> = items.iter().map(|item| plain_column(item)).collect();
    (names.len() == shape.columns.len()).then_some(names)
}

fn select_list<'t>(tokens: &'t [Token<'t>]) -> Option<&'t [Token<'t>]> {
    let from = tokens.iter().position(|t| t.is_word("from"))?;
    let list = tokens
        .first()
        .filter(|t| t.is_word("select"))
        .map(|_| &tokens[1..from])?;
    let list = match list.first() {
        Some(first) if first.is_word("distinct") || first.is_word("all") => &list[1..],
        _ => list,
    };
    Some(list)
}

fn split_at_commas<'t>(tokens: &'t [Token<'t>]) -> Vec<&'t [Token<'t>]> {
    let mut depth = 0_usize;
    tokens
        .split(|t| {
            if t.is_symbol("(") || t.is_symbol("[") {
                depth += 1;
            } else if t.is_symbol(")") || t.is_symbol("]") {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && t.is_symbol(",")
        })
        .collect()
}

/// `column`, `relation.column`, either with an alias.
fn plain_column(item: &[Token<'_>]) -> Option<String> {
    let item = match item {
        [.., alias] if alias.is_symbol(";") => &item[..item.len() - 1],
        _ => item,
    };
    let dots = item
        .iter()
        .skip(1)
        .step_by(2)
        .take_while(|t| t.is_symbol("."))
        .count();
    let column = item.get(2 * dots)?.identifier()?;
    match &item[2 * dots + 1..] {
        [] => Some(column),
        [alias] if alias.identifier().is_some() => Some(column),
        [r#as, alias] if r#as.is_word("as") && alias.identifier().is_some() => Some(column),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dbproof_model::ResultColumn;

    use super::*;
    use crate::traffic::{HashKey, Statements};

    /// `columns` are name and attribute; 0 is an expression.
    fn learned(sql: &str, columns: &[(&str, i16)]) -> Option<String> {
        let statement = Statements::new(HashKey(1, 2)).read(sql).statement;
        let columns = columns.iter().map(|(name, attribute)| ResultColumn {
            name: (*name).to_owned(),
            type_oid: 20,
            relation_oid: (*attribute > 0).then_some(9),
            attribute: (*attribute > 0).then_some(*attribute),
        });
        let shape = ResultShape {
            columns: columns.collect(),
            hashed: vec![],
        };
        let learned = Learned::of(&statement, &shape)?;
        let columns: Vec<_> = learned
            .columns
            .iter()
            .map(|(a, name)| format!("{a}={name}"))
            .collect();
        Some(format!("{} {}", learned.relation.name, columns.join(" ")))
    }

    #[test]
    fn plain_columns_are_told_by_the_statement_and_not_by_their_alias() {
        type Case<'c> = (&'c str, &'c [(&'c str, i16)], Option<&'c str>);
        let cases: &[Case<'_>] = &[
            (
                "select id, name from t",
                &[("id", 1), ("name", 2)],
                Some("t 1=id 2=name"),
            ),
            (
                "select * from t where a = 1",
                &[("id", 1), ("a", 4)],
                Some("t 1=id 4=a"),
            ),
            (
                "SELECT t.id AS t_id, \"t\".\"Name\" x FROM t",
                &[("t_id", 1), ("x", 2)],
                Some("t 1=id 2=Name"),
            ),
            (
                "select count(*) over (partition by a, b), id from t",
                &[("count", 0), ("id", 1)],
                Some("t 1=id"),
            ),
            (
                "insert into t (a) values (1) returning id;",
                &[("id", 1)],
                Some("t 1=id"),
            ),
            ("select a, * from t", &[("a", 2), ("id", 1), ("a", 2)], None),
            (
                "select id from (select user_id as id from t) x",
                &[("id", 3)],
                None,
            ),
            ("select id from a join b using (id)", &[("id", 1)], None),
            ("select 1 as x from t", &[("x", 0)], None),
        ];
        for (sql, columns, expected) in cases {
            assert_eq!(learned(sql, columns).as_deref(), *expected, "{sql}");
        }
    }
}
