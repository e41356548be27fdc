//! Which relation a statement writes to: [`written_relation`].

use super::scope::RelationName;
use super::token::tokenize;
use super::{StatementKind, template};

/// The relation that an INSERT, UPDATE, DELETE or MERGE writes to, also behind WITH; `None` where the
/// statement only reads.
#[must_use]
pub fn written_relation(sql: &str) -> Option<RelationName> {
    let mut depth = 0_usize;
    for token in tokenize(sql).iter().filter(|t| t.is_significant()) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            if token.is_word("select") || token.is_word("values") || token.is_word("table") {
                return None;
            }
            let writes = ["insert", "update", "delete", "merge"];
            if writes.iter().any(|word| token.is_word(word)) {
                let template = template(&sql[token.offset..], &[]);
                let first = template.relations.into_iter().next();
                return first.filter(|_| template.kind != StatementKind::Select);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_found_behind_with_and_not_in_what_is_read() {
        let cases = [
            ("INSERT INTO shop.orders SELECT * FROM cart", Some("orders")),
            ("UPDATE orders SET x = 1 FROM users", Some("orders")),
            ("DELETE FROM ONLY orders USING users", Some("orders")),
            (
                "WITH old AS (SELECT id FROM users) DELETE FROM orders USING old",
                Some("orders"),
            ),
            ("SELECT * FROM orders FOR UPDATE", None),
            ("WITH old AS (SELECT 1) SELECT * FROM orders", None),
        ];
        for (sql, expected) in cases {
            let found = written_relation(sql).map(|relation| relation.name);
            assert_eq!(found.as_deref(), expected, "{sql}");
        }
    }
}
