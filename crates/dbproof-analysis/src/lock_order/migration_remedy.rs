//! What to do against a cycle that a migration is in: [`remedy`].

use dbproof_model::PredictedTransaction;

use super::remedy::statement;
use super::{LockMode, LockObject, Member};
use crate::sql::{Token, tokenize};

/// The advice for the migration of a cycle, and a statement that shows it.
pub(super) fn remedy(member: &Member, told: &PredictedTransaction) -> (String, Option<String>) {
    let (held, asked) = (&member.held, &member.asked);
    let is_one_statement = held.statement >= asked.statement;
    let relation = |object: &LockObject| object.relation().map(str::to_owned);
    let (of_held, of_asked) = (relation(&held.lock.object), relation(&asked.lock.object));
    let (mut text, sql) = match (&of_held, &of_asked) {
        (Some(held), Some(wanted)) if held == wanted => same_relation(member, told, wanted),
        (Some(held), Some(wanted)) if is_one_statement => one_statement(member, told, held, wanted),
        _ => (
            format!(
                "commit between {} and {}, so that the migration waits for {} without holding {}",
                statement(told, told.holds.statement),
                statement(told, told.asks.statement),
                told.asks.object,
                told.holds.object
            ),
            None,
        ),
    };
    for advice in [told.holds.statement, told.asks.statement]
        .into_iter()
        .filter_map(|number| of_statement(&statement(told, number)))
    {
        if !text.contains(advice) {
            text.push_str("; ");
            text.push_str(advice);
        }
    }
    text.push_str(
        ". In any case give the migration a lock_timeout below the deadlock_timeout (1 s, unless set \
         otherwise) and another try after SQLSTATE 55P03: then it gives way, and no request is ended",
    );
    (
        text,
        sql.or_else(|| Some("SET LOCAL lock_timeout = '500ms'".to_owned())),
    )
}

/// Both are of one relation: its lock gets stronger, or rows of it are changed beside those who change
/// some too.
fn same_relation(
    member: &Member,
    told: &PredictedTransaction,
    relation: &str,
) -> (String, Option<String>) {
    if let (LockMode::Relation(held), LockMode::Relation(asked)) =
        (member.held.lock.mode, member.asked.lock.mode)
    {
        let strongest = held.max(asked).as_clause();
        let sql = format!("LOCK TABLE {relation} IN {strongest} MODE");
        let text = format!(
            "take the strongest lock of {relation} ({strongest}) with the first statement, before {}, or \
             commit between the two",
            statement(told, told.holds.statement)
        );
        return (text, Some(sql));
    }
    let text = format!(
        "change the rows of {relation} in small batches, each in a transaction of its own and in the order \
         of the key, and apart from what changes its schema"
    );
    (text, None)
}

/// One statement locks both: it can be made to lock them in the application's order.
fn one_statement(
    member: &Member,
    told: &PredictedTransaction,
    held: &str,
    wanted: &str,
) -> (String, Option<String>) {
    let LockMode::Relation(mode) = member.asked.lock.mode else {
        let text = format!(
            "do what {} does with {held} and with {wanted} in transactions of their own",
            statement(told, told.asks.statement)
        );
        return (text, None);
    };
    let text = format!(
        "lock {wanted} before {held}, as the application does: {} takes both in its own order",
        statement(told, told.asks.statement)
    );
    let sql = format!("LOCK TABLE {wanted} IN {} MODE", mode.as_clause());
    (text, Some(sql))
}

/// What a kind of statement can be done with instead.
fn of_statement(sql: &str) -> Option<&'static str> {
    let tokens = tokenize(sql.trim_matches('`')).into_iter();
    let words: Vec<String> = tokens
        .filter(Token::is_significant)
        .filter_map(|token| token.identifier())
        .collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    let begins = |word: &str| words.first().is_some_and(|w| w == word);
    if begins("create") && has("index") && !has("concurrently") {
        return Some(
            "CREATE INDEX CONCURRENTLY, outside of a transaction, keeps nobody from writing meanwhile",
        );
    }
    let is_constraint = has("foreign") || has("references") || has("check");
    if begins("alter") && is_constraint && !has("not") {
        return Some(
            "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own, hold the \
             lock for a moment only",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use dbproof_model::Schema;

    use super::super::describe;
    use super::super::tests::{Told, migration, search_of, searched, told};

    /// The remedy for the first candidate: what its text must say, and the statement.
    #[track_caller]
    fn check(told: &[Told], says: &[&str], sql: &str) {
        let found = search_of(told, &Schema::default());
        let prediction = describe(&found.groups[0].alternatives[0], &searched(told), false);
        for word in says.iter().chain(&["lock_timeout", "55P03"]) {
            assert!(prediction.remedy.contains(word), "{}", prediction.remedy);
        }
        assert_eq!(prediction.remedy_sql.as_deref(), Some(sql));
    }

    #[test]
    fn two_tables_belong_into_two_transactions() {
        let app = told(
            "pay",
            &[
                ("update a set n = 1 where id = 1", "a RowExclusiveLock"),
                ("update b set n = 1 where id = 1", "b RowExclusiveLock"),
            ],
        );
        let files = migration(&[
            ("CREATE INDEX ON b (n)", "b ShareLock"),
            ("ALTER TABLE a ADD x int", "a AccessExclusiveLock"),
        ]);
        check(
            &[app, files],
            &[
                "commit between `CREATE INDEX ON b (n)` and `ALTER TABLE a ADD x int`",
                "without holding relation public.b",
                "CREATE INDEX CONCURRENTLY",
            ],
            "SET LOCAL lock_timeout = '500ms'",
        );
    }

    #[test]
    fn one_statement_is_made_to_lock_in_the_order_of_the_application() {
        let app = told(
            "order",
            &[
                ("insert into p values (1)", "p RowExclusiveLock"),
                ("insert into c values (1, 1)", "c RowExclusiveLock"),
            ],
        );
        let key = "ALTER TABLE c ADD FOREIGN KEY (p_id) REFERENCES p";
        let files = migration(&[(key, "c ShareRowExclusiveLock; p ShareRowExclusiveLock")]);
        check(
            &[app, files],
            &["lock public.p before public.c", "NOT VALID"],
            "LOCK TABLE public.p IN SHARE ROW EXCLUSIVE MODE",
        );
    }

    #[test]
    fn a_lock_that_gets_stronger_is_taken_at_once() {
        let app = told(
            "read",
            &[
                ("select 1 from a", "a AccessShareLock"),
                ("update a set n = 1 where id = 1", "a RowExclusiveLock"),
            ],
        );
        let files = migration(&[
            ("CREATE INDEX ON a (n)", "a ShareLock"),
            ("ALTER TABLE a ADD x int", "a AccessExclusiveLock"),
        ]);
        check(
            &[app, files],
            &[
                "strongest lock of public.a",
                "before `CREATE INDEX ON a (n)`",
            ],
            "LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE",
        );
    }

    #[test]
    fn rows_are_changed_in_batches() {
        let app = told(
            "swap",
            &[
                ("update a set n = 1 where id = 2", "a 2 n"),
                ("update a set n = 1 where id = 1", "a 1 n"),
            ],
        );
        let files = migration(&[("UPDATE a SET x = 0", "> a 1 n; a 2 n")]);
        check(
            &[app, files],
            &["small batches"],
            "SET LOCAL lock_timeout = '500ms'",
        );
    }
}
