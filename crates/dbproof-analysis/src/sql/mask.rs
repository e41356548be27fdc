//! Taking the literals out of a statement before it is kept: [`mask_literals`].

use super::token::{TokenKind, tokenize};

/// The statement on one line, with `?` in the place of each string and number, and without its
/// comments, since these may hold values too.
#[must_use]
pub fn mask_literals(sql: &str) -> String {
    let mut masked = String::with_capacity(sql.len());
    for token in tokenize(sql) {
        match token.kind {
            TokenKind::String | TokenKind::Number => masked.push('?'),
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment => {
                if !masked.ends_with(' ') {
                    masked.push(' ');
                }
            }
            _ => masked.push_str(token.text),
        }
    }
    masked.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_are_gone_and_names_stay() {
        let check = |sql: &str, expected: &str| assert_eq!(mask_literals(sql), expected);
        check(
            "UPDATE t1\n  SET a = 'secret' -- key 7\nWHERE id = 42",
            "UPDATE t1 SET a = ? WHERE id = ?",
        );
        check(
            "SELECT $1, $$x$$, E'\\'y', \"Z 9\"",
            "SELECT $1, ?, ?, \"Z 9\"",
        );
        check("SELECT 'never closed", "SELECT ?");
    }
}
