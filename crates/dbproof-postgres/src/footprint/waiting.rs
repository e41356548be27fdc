//! Whether a statement waits for a lock that is not free.

use dbproof_analysis::lock_order::Waiting;
use dbproof_analysis::sql::{TokenKind, tokenize};

/// What the text says: NOWAIT, SKIP LOCKED, or an advisory lock that is only tried.
pub(super) fn of(sql: &str) -> Waiting {
    let tokens = tokenize(sql);
    let words = tokens.iter().filter(|token| token.is_significant());
    let words: Vec<_> = words.collect();
    let mut waiting = Waiting::Waits;
    for (at, word) in words.iter().enumerate() {
        if word.kind != TokenKind::Word {
            continue;
        }
        let next = words.get(at + 1);
        let text = word.text.to_ascii_lowercase();
        let is_call = next.is_some_and(|next| next.is_symbol("("));
        if text == "skip" && next.is_some_and(|next| next.is_word("locked")) {
            return Waiting::Skips;
        }
        if text == "nowait" || (text.starts_with("pg_try_advisory_") && is_call) {
            waiting = Waiting::Fails;
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_that_do_not_wait_are_read() {
        for (sql, expected) in [
            ("SELECT 1 FROM t FOR UPDATE", Waiting::Waits),
            ("SELECT 'nowait' FROM t -- NOWAIT", Waiting::Waits),
            ("select id from t for update nowait", Waiting::Fails),
            ("LOCK TABLE t IN SHARE MODE NOWAIT", Waiting::Fails),
            (
                "SELECT pg_catalog.pg_try_advisory_xact_lock(1)",
                Waiting::Fails,
            ),
            (
                "UPDATE t SET n = 1 WHERE id IN (SELECT id FROM t LIMIT 1 FOR UPDATE SKIP LOCKED)",
                Waiting::Skips,
            ),
        ] {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}
