//! What to do against a cycle, by what conflicts in it: [`remedy`].

use dbproof_model::PredictedTransaction;

use super::{Candidate, LockMode, LockObject, RelationMode, RowMode, migration_remedy};

/// The advice, and a statement that shows it where one can be written.
pub(super) fn remedy(
    candidate: &Candidate,
    members: &[PredictedTransaction],
) -> (String, Option<String>) {
    if let Some(at) = members.iter().position(|m| m.migration.is_some()) {
        return migration_remedy::remedy(&candidate.members[at], &members[at]);
    }
    let members_of = &candidate.members;
    let objects: Vec<&LockObject> = members_of
        .iter()
        .flat_map(|m| [&m.held.lock.object, &m.asked.lock.object])
        .collect();
    let modes: Vec<LockMode> = members_of
        .iter()
        .flat_map(|m| [m.held.lock.mode, m.asked.lock.mode])
        .collect();
    let is_one = objects.iter().all(|object| *object == objects[0]);
    let (text, sql) = if is_one {
        stronger_first(candidate, members)
    } else if let Some(advice) = weaker(&modes, candidate, members) {
        advice
    } else if let Some(advice) = migration(&modes) {
        advice
    } else {
        one_order(&objects, candidate, members)
    };
    let text = format!(
        "{text}. Where that cannot be, let all of them take one advisory lock first, and try again after \
         the error 40P01"
    );
    (text, sql)
}

/// A statement of a member, as code.
pub(super) fn statement(member: &PredictedTransaction, number: u64) -> String {
    let statement = usize::try_from(number).ok();
    let statement = statement.and_then(|at| member.statements.get(at));
    statement.map_or_else(String::new, |s| format!("`{}`", s.statement))
}

/// All of them hold one object in a mode that they share, and want it for themselves.
fn stronger_first(
    candidate: &Candidate,
    members: &[PredictedTransaction],
) -> (String, Option<String>) {
    let (first, told) = (&candidate.members[0], &members[0]);
    let text = format!(
        "take the stronger lock ({}) with the first statement: {}",
        super::describe::mode(first.asked.lock.mode),
        statement(told, told.holds.statement)
    );
    let sql = match (&first.asked.lock.object, first.asked.lock.mode) {
        (LockObject::Row { relation, key }, LockMode::Row(mode)) => {
            let columns: Vec<String> = (1..)
                .zip(key)
                .map(|(nth, (column, _))| format!("{column} = ${nth}"))
                .collect();
            let condition = columns.join(" AND ");
            Some(format!(
                "SELECT 1 FROM {relation} WHERE {condition} {}",
                mode.as_clause()
            ))
        }
        (LockObject::Relation(relation), LockMode::Relation(mode)) => Some(format!(
            "LOCK TABLE {relation} IN {} MODE",
            mode.as_clause()
        )),
        _ => None,
    };
    (text, sql)
}

/// FOR UPDATE keeps out the checks of foreign keys, which FOR NO KEY UPDATE lets pass.
fn weaker(
    modes: &[LockMode],
    candidate: &Candidate,
    members: &[PredictedTransaction],
) -> Option<(String, Option<String>)> {
    let has_check = modes.contains(&LockMode::Row(RowMode::KeyShare));
    let mut taken = candidate.members.iter().zip(members).flat_map(|(m, told)| {
        [
            (&m.held, told, told.holds.statement),
            (&m.asked, told, told.asks.statement),
        ]
    });
    let (_, told, number) = taken.find(|(taken, told, number)| {
        let text = statement(told, *number).to_lowercase();
        taken.lock.mode == LockMode::Row(RowMode::Update) && text.contains("for update")
    })?;
    has_check.then(|| {
        let text = format!(
            "lock with FOR NO KEY UPDATE instead of FOR UPDATE in {}: it lets the checks of foreign keys \
             that refer to the row pass, and keeps out all who change it",
            statement(told, number)
        );
        (text, None)
    })
}

/// A relation that is locked as DDL does.
fn migration(modes: &[LockMode]) -> Option<(String, Option<String>)> {
    let is_strong = |mode: &LockMode| matches!(mode, LockMode::Relation(mode) if *mode >= RelationMode::ShareUpdateExclusive);
    modes.iter().any(is_strong).then(|| {
        let text = "lock one relation a transaction where that can be: commit after each statement of a \
                    migration, and give it a short lock_timeout and another try, so that it never waits \
                    while it holds a lock"
            .to_owned();
        (text, Some("SET LOCAL lock_timeout = '500ms'".to_owned()))
    })
}

/// The locks in one order.
fn one_order(
    objects: &[&LockObject],
    candidate: &Candidate,
    members: &[PredictedTransaction],
) -> (String, Option<String>) {
    let relation = objects[0].relation();
    let is_one_relation = objects.iter().all(|object| object.relation() == relation);
    let (first, last) = (&members[0], &members[members.len() - 1]);
    if is_one_relation && matches!(objects[0], LockObject::Advisory(_)) {
        let text =
            "take the advisory locks in the order of their keys in every transaction".to_owned();
        return (text, None);
    }
    let is_entered = |object: &&LockObject| matches!(object, LockObject::UniqueKey { .. });
    if is_one_relation && objects.iter().all(is_entered) {
        let text = format!(
            "sort the keys before they are entered, or enter them with one statement in that order: {} and \
             {}",
            statement(first, first.holds.statement),
            statement(last, last.holds.statement)
        );
        return (text, None);
    }
    if is_one_relation {
        let relation = relation.unwrap_or_default();
        let column = objects.iter().find_map(|object| match object {
            LockObject::Row { key, .. } => match key.as_slice() {
                [(column, _)] => Some(column.as_str()),
                _ => None,
            },
            _ => None,
        });
        let is_within = candidate
            .members
            .iter()
            .any(|member| member.held.statement == member.asked.statement);
        let before = if is_within {
            "A statement that changes many rows locks them in the order of its plan; so lock them first, \
             with ORDER BY"
        } else {
            "Lock all rows first, in the order of their key, or sort the keys in the application"
        };
        let text = format!(
            "lock the rows of {relation} in one order. {before}: before {} and {}",
            statement(first, first.holds.statement),
            statement(last, last.holds.statement)
        );
        let taken = candidate.members.iter().flat_map(|m| [&m.held, &m.asked]);
        let strongest = taken.filter_map(|taken| match taken.lock.mode {
            LockMode::Row(mode) => Some(mode),
            _ => None,
        });
        let strongest = strongest.max().unwrap_or(RowMode::NoKeyUpdate).as_clause();
        let sql = column.map(|column| {
            format!(
                "SELECT 1 FROM {relation} WHERE {column} = ANY($1) ORDER BY {column} {strongest}"
            )
        });
        return (text, sql);
    }
    let text = format!(
        "take the locks in one order in all of them. `{}` takes {} first, with {}, and then {}, with {}; \
         `{}` begins with {}, with {}. Let one of them do it the other way round",
        first.name,
        first.holds.object,
        statement(first, first.holds.statement),
        first.asks.object,
        statement(first, first.asks.statement),
        last.name,
        last.holds.object,
        statement(last, last.holds.statement)
    );
    (text, None)
}

#[cfg(test)]
mod tests {
    use dbproof_model::Schema;

    use super::super::describe;
    use super::super::tests::{Told, search_of, searched, told};

    /// The remedy of the first candidate: what its text must say, and the statement.
    #[track_caller]
    fn check(told: &[Told], says: &[&str], sql: Option<&str>) {
        let found = search_of(told, &Schema::default());
        let prediction = describe(&found.groups[0].alternatives[0], &searched(told), false);
        for word in says {
            assert!(prediction.remedy.contains(word), "{}", prediction.remedy);
        }
        assert!(prediction.remedy.contains("40P01"));
        assert_eq!(prediction.remedy_sql.as_deref(), sql);
    }

    fn two(name: &str, first: (&str, &str), second: (&str, &str)) -> Told {
        told(name, &[first, second])
    }

    #[test]
    fn rows_of_one_relation_are_locked_in_order() {
        let a = ("update accounts set n = 0 where id = 1", "accounts 1 n");
        let b = ("update accounts set n = 0 where id = 2", "accounts 2 n");
        let delete = ("delete from accounts where id = 1", "accounts 1 u");
        check(
            &[two("up", a, b), two("down", b, a)],
            &["in one order", "update accounts set n = ? where id = ?"],
            Some("SELECT 1 FROM public.accounts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"),
        );
        check(
            &[two("up", a, b), two("down", b, delete)],
            &["in one order"],
            Some("SELECT 1 FROM public.accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE"),
        );
    }

    #[test]
    fn of_two_relations_the_statements_are_named() {
        let a = ("update accounts set n = 0 where id = 1", "accounts 1 n");
        let b = ("update orders set n = 0 where id = 2", "orders 2 n");
        check(
            &[two("up", a, b), two("down", b, a)],
            &[
                "update accounts set n = ? where id = ?",
                "update orders set n = ? where id = ?",
                "other way round",
            ],
            None,
        );
    }

    #[test]
    fn an_upgrade_takes_the_stronger_lock_first() {
        check(
            &[two(
                "count",
                (
                    "select 1 from accounts where id = 5 for share",
                    "accounts 5 s",
                ),
                ("update accounts set n = 0 where id = 5", "accounts 5 n"),
            )],
            &["stronger lock (FOR NO KEY UPDATE)"],
            Some("SELECT 1 FROM public.accounts WHERE id = $1 FOR NO KEY UPDATE"),
        );
    }

    #[test]
    fn for_update_of_a_row_that_others_refer_to_is_too_strong() {
        check(
            &[
                two(
                    "insert",
                    ("insert into lines (order_id) values (7)", "orders 7 k"),
                    ("update accounts set n = 0 where id = 1", "accounts 1 n"),
                ),
                two(
                    "touch",
                    ("update accounts set n = 0 where id = 1", "accounts 1 n"),
                    ("select 1 from orders where id = 7 for update", "orders 7 u"),
                ),
            ],
            &[
                "FOR NO KEY UPDATE instead of FOR UPDATE in `select ? from orders where id = ? for update`",
            ],
            None,
        );
    }

    #[test]
    fn migrations_keys_and_advisory_locks_have_advice_of_their_own() {
        check(
            &[
                two(
                    "read",
                    ("select 1 from a", "a AccessShareLock"),
                    ("select 1 from b", "b AccessShareLock"),
                ),
                two(
                    "alter",
                    ("alter table b", "b AccessExclusiveLock"),
                    ("alter table a", "a AccessExclusiveLock"),
                ),
            ],
            &["lock_timeout", "migration"],
            Some("SET LOCAL lock_timeout = '500ms'"),
        );
        let enter = |key: &str| {
            (
                format!("insert into tags (name) values ('{key}')"),
                format!("!tags_name name={key}"),
            )
        };
        let (x, y) = (enter("x"), enter("y"));
        check(
            &[
                two("up", (&x.0, &x.1), (&y.0, &y.1)),
                two("down", (&y.0, &y.1), (&x.0, &x.1)),
            ],
            &["sort the keys before they are entered"],
            None,
        );
        let (x, y) = (
            ("select pg_advisory_xact_lock(1)", "#1"),
            ("select pg_advisory_xact_lock(2)", "#2"),
        );
        check(
            &[two("up", x, y), two("down", y, x)],
            &["order of their keys"],
            None,
        );
    }
}
