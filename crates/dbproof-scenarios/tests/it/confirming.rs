//! Candidates run against each other: what deadlocks is confirmed every time, and nothing else is.

use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::{
    Candidate, Lock, LockMode, LockObject, Member, RelationMode, RowMode, Taken,
};
use dbproof_analysis::traffic::{SentParameter, SentText};
use dbproof_postgres::{Address, Binaries, EphemeralServer, Session, connect};
use dbproof_scenarios::prediction::confirm::{
    ConfirmOptions, Confirmation, Confirmed, MemberSession, NotConfirmed, StepOutcome, confirm,
};

/// How often each candidate is run.
const TIMES: usize = 20;

const SETUP: &str = "
    CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL DEFAULT 100);
    INSERT INTO account SELECT i FROM generate_series(1, 9) i;
    CREATE TABLE transfer (id serial PRIMARY KEY, account int NOT NULL REFERENCES account);
    CREATE TABLE \"Later\" (account int REFERENCES account DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE tag (name text PRIMARY KEY);
    INSERT INTO tag VALUES ('old');
    CREATE TABLE label (name text UNIQUE);
    CREATE TABLE item (id int PRIMARY KEY, rank int NOT NULL, n int NOT NULL DEFAULT 0);
    INSERT INTO item SELECT i, 100000 - i FROM generate_series(1, 20000) i;
    CREATE UNIQUE INDEX item_rank ON item (rank);
    CREATE FUNCTION move(a int, b int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        UPDATE account SET amount = amount - 1 WHERE id = a;
        UPDATE account SET amount = amount + 1 WHERE id = b;
    END $$;
    ANALYZE;";

/// A server with the tables of all tests.
async fn server() -> (EphemeralServer, Session) {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).unwrap();
    let server = EphemeralServer::start(&binaries).await.unwrap();
    let session = connect(server.address()).await.unwrap();
    session.run(SETUP).await.unwrap();
    (server, session)
}

fn row(relation: &str, id: &str, mode: RowMode) -> Lock {
    Lock {
        object: LockObject::Row {
            relation: format!("public.{relation}"),
            key: vec![("id".to_owned(), id.to_owned())],
        },
        mode: LockMode::Row(mode),
    }
}

/// A row of `account` that is updated.
fn account(id: u32) -> Lock {
    row("account", &id.to_string(), RowMode::NoKeyUpdate)
}

fn name(relation: &str, name: &str) -> Lock {
    Lock {
        object: LockObject::UniqueKey {
            relation: format!("public.{relation}"),
            index: format!("public.{relation}_pkey"),
            key: vec![("name".to_owned(), name.to_owned())],
        },
        mode: LockMode::UniqueKey,
    }
}

fn relation(name: &str, mode: RelationMode) -> Lock {
    Lock {
        object: LockObject::Relation(format!("public.{name}")),
        mode: LockMode::Relation(mode),
    }
}

fn advisory(key: &str) -> Lock {
    Lock {
        object: LockObject::Advisory(key.to_owned()),
        mode: LockMode::AdvisoryExclusive,
    }
}

/// A transaction that takes `held` by its statement `held.0` and `asked` by `asked.0`.
fn member(statements: &[&str], held: (usize, Lock), asked: (usize, Lock)) -> Member {
    let taken = |(statement, lock)| Taken { statement, lock };
    Member {
        class: 0,
        statements: statements
            .iter()
            .map(|sql| SentText {
                sql: (*sql).into(),
                parameters: Vec::new(),
            })
            .collect(),
        held: taken(held),
        asked: taken(asked),
    }
}

/// One statement for each of two locks.
fn two(first: (&str, Lock), second: (&str, Lock)) -> Member {
    member(&[first.0, second.0], (0, first.1), (1, second.1))
}

/// Both locks by one statement.
fn at_once(statement: &str, held: Lock, asked: Lock) -> Member {
    member(&[statement], (0, held), (0, asked))
}

fn sessions(members: usize, begin: Option<&str>) -> Vec<MemberSession> {
    let session = |index: usize| MemberSession {
        name: format!("t{}", index + 1),
        begin: begin.map(str::to_owned),
    };
    (0..members).map(session).collect()
}

const OPTIONS: ConfirmOptions = ConfirmOptions {
    keep_values: false,
    limit: Duration::from_secs(60),
};

async fn run(address: &Address, members: Vec<Member>, begin: Option<&str>) -> Confirmation {
    let sessions = sessions(members.len(), begin);
    let candidate = Candidate { members };
    confirm(address, &candidate, &sessions, OPTIONS)
        .await
        .unwrap()
}

/// Nobody but this session is left, and nothing that the gate needed.
async fn assert_nothing_is_left(session: &Session) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
               AND pid <> pg_backend_pid()";
    let began = Instant::now();
    loop {
        // In a transaction, what was seen once would be seen again.
        session
            .run("SELECT pg_stat_clear_snapshot()")
            .await
            .unwrap();
        let left = session.text(sql).await.unwrap().unwrap();
        if left == "0" {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{left} sessions are left"
        );
    }
    let gate = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dbproof_gate'";
    assert_eq!(session.text(gate).await.unwrap().unwrap(), "0");
}

/// Every one of these deadlocks, every time.
async fn check_all_deadlock(cases: Vec<(&str, Vec<Member>)>) {
    let (server, session) = server().await;
    for (case, members) in cases {
        let count = members.len();
        for time in 1..=TIMES {
            let confirmation = run(server.address(), members.clone(), None).await;
            let confirmed = match confirmation.outcome {
                Ok(confirmed) => confirmed,
                Err(reasons) => {
                    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                    panic!("{case}, time {time}: {reasons:?}");
                }
            };
            check_confirmed(case, count, &confirmed);
        }
        assert_nothing_is_left(&session).await;
    }
}

fn check_confirmed(case: &str, members: usize, confirmed: &Confirmed) {
    assert_eq!(
        confirmed.members,
        (0..members).collect::<Vec<_>>(),
        "{case}"
    );
    let timeline = &confirmed.timeline;
    let victim = &timeline.sessions[confirmed.victim];
    assert!(
        victim.spans.iter().any(|span| span.outcome == "40P01"),
        "{case}: {victim:?}"
    );
    let closed = timeline.closed_ms.unwrap();
    let waits = |session: &dbproof_model::TimelineSession| {
        let mut spans = session.spans.iter();
        spans.any(|span| !span.blocked_by.is_empty() && span.to_ms > closed)
    };
    assert!(timeline.sessions.iter().all(waits), "{case}: {timeline:?}");
    assert!(timeline.closed_ms <= timeline.ended_ms, "{case}");
    let victims = confirmed.schedule.iter();
    assert_eq!(
        victims.filter(|s| s.outcome == StepOutcome::Victim).count(),
        1,
        "{case}"
    );
}

/// None of these deadlocks, ever; each for this reason.
async fn check_none_deadlocks(cases: Vec<(&str, Vec<Member>, Option<&str>, &str)>) {
    let (server, session) = server().await;
    for (case, members, begin, expected) in cases {
        for time in 1..=TIMES {
            let confirmation = run(server.address(), members.clone(), begin).await;
            let reasons = confirmation.outcome.unwrap_err();
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            assert_eq!(reasons.join("; "), expected, "{case}, time {time}");
        }
        assert_nothing_is_left(&session).await;
    }
}

fn update(id: u32) -> (String, Lock) {
    let sql = format!("UPDATE account SET amount = amount + 1 WHERE id = {id}");
    (sql, account(id))
}

fn transfer(from: u32, to: u32) -> Member {
    let (first, second) = (update(from), update(to));
    two((&first.0, first.1), (&second.0, second.1))
}

#[tokio::test]
async fn cycles_between_statements_are_confirmed_every_time() {
    use RelationMode::{AccessExclusive, AccessShare, Exclusive};
    use RowMode::{KeyShare, Share, Update};
    let refers = |id: u32| format!("INSERT INTO transfer (account) VALUES ({id})");
    let for_update = |id: u32| format!("SELECT 1 FROM account WHERE id = {id} FOR UPDATE");
    let lock_row = |id: &str, mode| row("account", id, mode);
    let crossed = |a: u32, b: u32| {
        two(
            (&refers(a), lock_row(&a.to_string(), KeyShare)),
            (&for_update(b), lock_row(&b.to_string(), Update)),
        )
    };
    let upgrade = || {
        two(
            (&refers(3), lock_row("3", KeyShare)),
            (&for_update(3), lock_row("3", Update)),
        )
    };
    let shared = || {
        two(
            (
                "SELECT 1 FROM account WHERE id = 4 FOR SHARE",
                lock_row("4", Share),
            ),
            (&update(4).0, account(4)),
        )
    };
    let tags = |a: &str, b: &str| {
        let insert = |tag: &str| format!("INSERT INTO tag VALUES ('{tag}')");
        two((&insert(a), name("tag", a)), (&insert(b), name("tag", b)))
    };
    let locks = |a: &str, b: &str| {
        let lock = |key: &str| format!("SELECT pg_advisory_lock({key})");
        two((&lock(a), advisory(a)), (&lock(b), advisory(b)))
    };
    let tables = |a: &str, b: &str| {
        let lock = |table: &str| format!("LOCK TABLE {table} IN EXCLUSIVE MODE");
        two(
            (&lock(a), relation(a, Exclusive)),
            (&lock(b), relation(b, Exclusive)),
        )
    };
    let alters = |reads: &str, alters: &str| {
        let alter = format!("ALTER TABLE {alters} ADD COLUMN extra int");
        two(
            (
                &format!("SELECT count(*) FROM {reads}"),
                relation(reads, AccessShare),
            ),
            (&alter, relation(alters, AccessExclusive)),
        )
    };
    let put_off = member(
        &["INSERT INTO \"Later\" VALUES (5)", &for_update(6)],
        (1, lock_row("6", Update)),
        (2, lock_row("5", KeyShare)),
    );
    let five_six = two(
        (&for_update(5), lock_row("5", Update)),
        (&for_update(6), lock_row("6", Update)),
    );
    let rescued = |a: u32, b: u32| {
        let statements = [
            "SAVEPOINT s",
            "INSERT INTO tag VALUES ('old')",
            "ROLLBACK TO SAVEPOINT s",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (3, account(a)), (4, account(b)))
    };
    check_all_deadlock(vec![
        ("transfer", vec![transfer(1, 2), transfer(2, 1)]),
        ("foreign keys crossed", vec![crossed(1, 2), crossed(2, 1)]),
        ("foreign key upgraded", vec![upgrade(), upgrade()]),
        ("share upgraded", vec![shared(), shared()]),
        ("unique keys", vec![tags("a", "b"), tags("b", "a")]),
        ("advisory", vec![locks("1", "2"), locks("2", "1")]),
        (
            "advisory of two keys",
            vec![locks("1, 7", "2, 7"), locks("2, 7", "1, 7")],
        ),
        (
            "tables",
            vec![tables("account", "tag"), tables("tag", "account")],
        ),
        (
            "DDL and readers",
            vec![alters("account", "tag"), alters("tag", "account")],
        ),
        ("checked by COMMIT", vec![put_off, five_six]),
        ("an error rescued", vec![rescued(1, 2), rescued(2, 1)]),
        (
            "three",
            vec![transfer(1, 2), transfer(2, 3), transfer(3, 1)],
        ),
        (
            "three, the other way round",
            vec![transfer(1, 2), transfer(3, 1), transfer(2, 3)],
        ),
        (
            "four",
            vec![
                transfer(1, 2),
                transfer(2, 3),
                transfer(3, 4),
                transfer(4, 1),
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn cycles_inside_of_statements_are_confirmed_every_time() {
    use RelationMode::AccessExclusive;
    use RowMode::{KeyShare, Update};
    let lock_row = |id: &str, mode| row("account", id, mode);
    // Index scans in opposite directions: the plan alone decides on the order.
    let by = |column: &str, low: u32, held: &str, asked: &str| {
        let sql = format!("UPDATE item SET n = n + 1 WHERE {column} BETWEEN {low} AND {low} + 1");
        let lock = |id: &str| row("item", id, RowMode::NoKeyUpdate);
        at_once(&sql, lock(held), lock(asked))
    };
    let ordered = |direction: &str, held: &str, asked: &str| {
        let sql =
            format!("SELECT id FROM account WHERE id IN (1, 2) ORDER BY id {direction} FOR UPDATE");
        at_once(&sql, lock_row(held, Update), lock_row(asked, Update))
    };
    let children = |first: u32, second: u32, mode| {
        let sql = format!("INSERT INTO transfer (account) VALUES ({first}), ({second})");
        at_once(
            &sql,
            lock_row(&first.to_string(), mode),
            lock_row(&second.to_string(), mode),
        )
    };
    let tags = |table: &str, a: &str, b: &str| {
        let sql = format!("INSERT INTO {table} VALUES ('{a}'), ('{b}')");
        at_once(&sql, name(table, a), name(table, b))
    };
    let tables = |a: &str, b: &str| {
        let sql = format!("LOCK TABLE {a}, {b}");
        at_once(
            &sql,
            relation(a, AccessExclusive),
            relation(b, AccessExclusive),
        )
    };
    let keys = |a: &str, b: &str| {
        let sql = format!("SELECT pg_advisory_xact_lock({a}), pg_advisory_xact_lock({b})");
        at_once(&sql, advisory(a), advisory(b))
    };
    let moved = |a: u32, b: u32| at_once(&format!("SELECT move({a}, {b})"), account(a), account(b));
    let deleted = |direction: &str, held: &str, asked: &str| {
        let sql = format!(
            "WITH gone AS (SELECT id FROM item WHERE id IN (1, 2) ORDER BY id {direction} FOR UPDATE) \
             DELETE FROM item USING gone WHERE item.id = gone.id"
        );
        at_once(&sql, row("item", held, Update), row("item", asked, Update))
    };
    let one_then_two = || {
        let clause = |id: u32| format!("SELECT 1 FROM account WHERE id = {id} FOR UPDATE");
        two(
            (&clause(1), lock_row("1", Update)),
            (&clause(2), lock_row("2", Update)),
        )
    };
    let upgrade = || {
        let sql = "WITH seen AS MATERIALIZED (SELECT id FROM account WHERE id = 7 FOR SHARE) \
                   UPDATE account SET amount = 1 FROM seen WHERE account.id = seen.id";
        at_once(sql, lock_row("7", RowMode::Share), account(7))
    };
    check_all_deadlock(vec![
        (
            "plans",
            vec![by("id", 1, "1", "2"), by("rank", 99998, "2", "1")],
        ),
        (
            "ORDER BY",
            vec![ordered("ASC", "1", "2"), ordered("DESC", "2", "1")],
        ),
        ("one side", vec![one_then_two(), ordered("DESC", "2", "1")]),
        (
            "children",
            vec![children(1, 2, KeyShare), ordered("DESC", "2", "1")],
        ),
        (
            "unique keys",
            vec![tags("tag", "a", "b"), tags("tag", "b", "a")],
        ),
        (
            "a constraint",
            vec![tags("label", "a", "b"), tags("label", "b", "a")],
        ),
        (
            "tables",
            vec![tables("account", "tag"), tables("tag", "account")],
        ),
        ("advisory", vec![keys("1", "2"), keys("2", "1")]),
        ("a function", vec![moved(1, 2), moved(2, 1)]),
        (
            "a CTE",
            vec![deleted("ASC", "1", "2"), deleted("DESC", "2", "1")],
        ),
        ("three", vec![moved(1, 2), moved(2, 3), moved(3, 1)]),
        (
            "three, one of them in two",
            vec![moved(1, 2), transfer(2, 3), moved(3, 1)],
        ),
        (
            "four",
            vec![moved(1, 2), moved(2, 3), moved(3, 4), moved(4, 1)],
        ),
        ("an upgrade", vec![upgrade(), upgrade()]),
    ])
    .await;
}

#[tokio::test]
async fn what_does_not_deadlock_is_never_confirmed_and_the_reason_is_told() {
    use RowMode::Update;
    let queue = "transactions wait in a queue and not in a cycle: 1, 2";
    let lock_row = |id: &str| row("account", id, Update);
    let sorted = || transfer(1, 2);
    let ordered = || {
        let sql = "SELECT id FROM account WHERE id IN (1, 2) ORDER BY id FOR UPDATE";
        at_once(sql, lock_row("1"), lock_row("2"))
    };
    // Whatever the candidate says of them.
    let misread = || {
        let sql = "SELECT id FROM account WHERE id IN (1, 2) ORDER BY id FOR UPDATE";
        at_once(sql, lock_row("2"), lock_row("1"))
    };
    let apart = |a: u32, b: u32| transfer(a, b);
    let gated = |a: u32, b: u32| {
        let statements = [
            "SELECT pg_advisory_xact_lock(1)",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (1, account(a)), (2, account(b)))
    };
    let fails = |a: u32, b: u32| {
        let statements = [&update(a).0, "INSERT INTO tag VALUES ('old')", &update(b).0];
        member(&statements, (0, account(a)), (2, account(b)))
    };
    let nowait = |a: u32, b: u32| {
        let asks = format!("SELECT 1 FROM account WHERE id = {b} FOR UPDATE NOWAIT");
        two(
            (&update(a).0, account(a)),
            (&asks, lock_row(&b.to_string())),
        )
    };
    let gives_up = |a: u32, b: u32| {
        let statements = [
            "SET LOCAL lock_timeout = '900ms'",
            &update(a).0,
            &update(b).0,
        ];
        member(&statements, (1, account(a)), (2, account(b)))
    };
    let changed = || {
        let statements = [
            "SELECT amount FROM account WHERE id = 8",
            "UPDATE account SET amount = amount + 1 WHERE id = 8",
        ];
        member(&statements, (1, account(8)), (1, account(8)))
    };
    let one_tag = || {
        at_once(
            "INSERT INTO tag VALUES ('c'), ('d')",
            name("tag", "c"),
            name("tag", "d"),
        )
    };
    let copies = || {
        two(
            ("COPY account FROM STDIN", account(1)),
            (&update(2).0, account(2)),
        )
    };
    check_none_deadlocks(vec![
        ("sorted", vec![sorted(), sorted()], None, queue),
        ("ordered", vec![ordered(), misread()], None, queue),
        ("keys in one order", vec![one_tag(), one_tag()], None, queue),
        ("apart", vec![apart(1, 2), apart(3, 4)], None, "no transaction waited for another one"),
        ("a gate lock", vec![gated(1, 2), gated(2, 1)], None, queue),
        ("an error", vec![fails(1, 2), fails(2, 1)], None, "statement 2 of transaction 1 failed with SQLSTATE 23505; statement 2 of transaction 2 failed with SQLSTATE 23505"),
        ("NOWAIT", vec![nowait(1, 2), nowait(2, 1)], None, "statement 2 of transaction 1 failed with SQLSTATE 55P03; statement 2 of transaction 2 failed with SQLSTATE 55P03"),
        ("lock_timeout", vec![gives_up(1, 2), gives_up(2, 1)], None, "every transaction's lock_timeout ends its wait before the server looks for a deadlock"),
        ("one row", vec![changed(), changed()], Some("BEGIN ISOLATION LEVEL SERIALIZABLE"), queue),
        ("COPY", vec![copies(), sorted()], None, "statement 1 of transaction 1 cannot be run again: its rows were not captured"),
    ])
    .await;
}

#[tokio::test]
async fn one_lock_timeout_alone_is_no_guard_and_a_savepoint_rescues_nobody() {
    let gives_up = {
        let statements = [
            "SET LOCAL lock_timeout = '900ms'",
            &update(1).0,
            &update(2).0,
        ];
        member(&statements, (1, account(1)), (2, account(2)))
    };
    let saved = {
        let statements = [
            &update(2).0,
            "SAVEPOINT s",
            &update(1).0,
            "ROLLBACK TO SAVEPOINT s",
        ];
        member(&statements, (0, account(2)), (2, account(1)))
    };
    check_all_deadlock(vec![("both", vec![gives_up, saved])]).await;
}

#[tokio::test]
async fn parameters_are_sent_as_they_were_and_values_are_masked() {
    let (server, session) = server().await;
    let transfer = |from: i32, to: i32| {
        let mut member = transfer(from.unsigned_abs(), to.unsigned_abs());
        let values = [from, to].into_iter().zip(&mut member.statements);
        for (id, statement) in values {
            *statement = SentText {
                sql: "UPDATE account SET amount = amount + 77 WHERE id = $1".into(),
                parameters: vec![SentParameter {
                    type_oid: 23,
                    binary: true,
                    value: Some(id.to_be_bytes().to_vec()),
                }],
            };
        }
        member
    };
    let members = vec![transfer(1, 2), transfer(2, 1)];
    let confirmation = run(server.address(), members, None).await;
    let confirmed = confirmation.outcome.unwrap();
    assert_eq!(
        (confirmation.orders_tried, confirmed.members.as_slice()),
        (1, [0, 1].as_slice())
    );
    let spans = confirmed.timeline.sessions.iter().flat_map(|s| &s.spans);
    let texts: Vec<&str> = spans.map(|span| span.statement.as_str()).collect();
    assert!(
        texts.contains(&"UPDATE account SET amount = amount + ? WHERE id = $1"),
        "{texts:?}"
    );
    assert!(texts.iter().all(|text| !text.contains("77")), "{texts:?}");
    let waits: Vec<&StepOutcome> = confirmed
        .schedule
        .iter()
        .map(|step| &step.outcome)
        .filter(|outcome| matches!(outcome, StepOutcome::Waits { .. }))
        .collect();
    assert!(!waits.is_empty(), "{:?}", confirmed.schedule);
    assert_nothing_is_left(&session).await;
    let amounts = session
        .text("SELECT sum(amount) FROM account")
        .await
        .unwrap();
    assert_eq!(amounts.as_deref(), Some("900"));
}

#[tokio::test]
async fn somebody_else_is_named_and_waited_for_no_longer_than_allowed() {
    let (server, session) = server().await;
    session
        .run("BEGIN; UPDATE account SET amount = 1 WHERE id = 1")
        .await
        .unwrap();
    let candidate = Candidate {
        members: vec![transfer(1, 2), transfer(2, 1)],
    };
    let options = ConfirmOptions {
        limit: Duration::from_secs(2),
        ..OPTIONS
    };
    let sessions = sessions(2, None);
    let confirming = confirm(server.address(), &candidate, &sessions, options);
    let confirmation = confirming.await.unwrap();
    assert_eq!(confirmation.orders_tried, 1);
    let reasons = confirmation.outcome.unwrap_err();
    let NotConfirmed::Stranger { by, .. } = &reasons[0] else {
        panic!("{reasons:?}");
    };
    assert!(by.starts_with("client backend"), "{by}");
    session.run("ROLLBACK").await.unwrap();
    assert_nothing_is_left(&session).await;
}

#[tokio::test]
async fn dropped_in_the_middle_it_leaves_no_session() {
    let (server, session) = server().await;
    // Not even where a statement would go on for a long time.
    let sleeps = |a: u32, b: u32| {
        let statements = [&update(a).0, "SELECT pg_sleep(600)", &update(b).0];
        member(&statements, (0, account(a)), (2, account(b)))
    };
    let sleeping = Candidate {
        members: vec![sleeps(1, 2), sleeps(2, 1)],
    };
    // Nor where it waits for a lock, while that is held by somebody else.
    session
        .run("BEGIN; UPDATE account SET amount = 1 WHERE id = 3")
        .await
        .unwrap();
    let blocked = Candidate {
        members: vec![transfer(3, 4), transfer(4, 3)],
    };
    let sessions = sessions(2, None);
    for (candidate, event) in [(sleeping, "PgSleep"), (blocked, "transactionid")] {
        let confirming = confirm(server.address(), &candidate, &sessions, OPTIONS);
        let seen = async {
            let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE wait_event = '{event}'");
            let observer = connect(server.address()).await.unwrap();
            while observer.text(&sql).await.unwrap().unwrap() == "0" {}
            observer.close().await;
        };
        tokio::select! {
            _ = confirming => panic!("it ends though a statement is at {event}"),
            () = seen => {}
        }
        assert_nothing_is_left(&session).await;
    }
}
