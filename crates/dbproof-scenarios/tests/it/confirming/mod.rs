//! Candidates run against each other: what deadlocks is confirmed every time, and nothing else is.

mod inside;
mod negatives;
mod statements;

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
    INSERT INTO label VALUES ('x1a'), ('x1b'), ('x2a'), ('x2b');
    CREATE TABLE \"User\" (id int PRIMARY KEY, \"n N\" int NOT NULL DEFAULT 0);
    INSERT INTO \"User\" VALUES (1), (2);
    CREATE TABLE part (name text PRIMARY KEY) PARTITION BY HASH (name);
    CREATE TABLE part_0 PARTITION OF part FOR VALUES WITH (MODULUS 1, REMAINDER 0);
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
        settings: Vec::new(),
        outside: false,
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
async fn a_role_without_rights_confirms_at_the_deadlock_timeout_of_the_server() {
    let (server, session) = server().await;
    let grants = "CREATE ROLE plain LOGIN PASSWORD 'plain'; \
                  GRANT ALL ON ALL TABLES IN SCHEMA public TO plain; \
                  GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO plain; \
                  ALTER SYSTEM SET deadlock_timeout = '200ms'";
    for grant in grants.split("; ") {
        session.run(grant).await.unwrap();
    }
    session.run("SELECT pg_reload_conf()").await.unwrap();
    let url = server.address().url_without_password();
    let url = url.replacen("//dbproof@", "//plain:plain@", 1);
    let plain = Address::parse(&url).unwrap();
    let confirmation = run(&plain, vec![transfer(1, 2), transfer(2, 1)], None).await;
    check_confirmed("a plain role", 2, &confirmation.outcome.unwrap());
    // Not the owner of the table, it cannot make the trigger that would pause an entry.
    let tags = |a: &str, b: &str| {
        let sql = format!("INSERT INTO tag VALUES ('{a}'), ('{b}')");
        at_once(&sql, name("tag", a), name("tag", b))
    };
    let confirmation = run(&plain, vec![tags("a", "b"), tags("b", "a")], None).await;
    let reasons = confirmation.outcome.unwrap_err();
    assert!(matches!(reasons[0], NotConfirmed::Gate(_)), "{reasons:?}");
    assert!(
        reasons[0].to_string().contains("SQLSTATE 42501"),
        "{reasons:?}"
    );
    assert_nothing_is_left(&session).await;
}

#[tokio::test]
async fn a_member_that_an_administrator_ends_proves_nothing() {
    let (server, session) = server().await;
    let sleeps = |a: u32, b: u32| {
        let statements = [&update(a).0, "SELECT pg_sleep(600)", &update(b).0];
        member(&statements, (0, account(a)), (2, account(b)))
    };
    let candidate = Candidate {
        members: vec![sleeps(1, 2), sleeps(2, 1)],
    };
    let sessions = sessions(2, None);
    let confirming = confirm(server.address(), &candidate, &sessions, OPTIONS);
    let ending = async {
        let administrator = connect(server.address()).await.unwrap();
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE wait_event = 'PgSleep'";
        loop {
            administrator.text(end).await.unwrap();
        }
    };
    let confirmation = tokio::select! {
        confirmation = confirming => confirmation.unwrap(),
        () = ending => unreachable!("it has no end"),
    };
    let reasons = confirmation.outcome.unwrap_err();
    let words = "ended in its statement 2: terminating connection due to administrator command";
    assert!(reasons[0].to_string().ends_with(words), "{reasons:?}");
    assert!(!reasons.iter().all(NotConfirmed::is_refutation));
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
