//! A loop and its batched statement, run side by side.

use dbproof_analysis::nplusone::{GroupSample, Rerun};
use dbproof_analysis::traffic::{SentParameter, SentText};
use dbproof_postgres::proof::{Proof, ProofError, prove};
use dbproof_postgres::{EphemeralServer, Session, connect};

use crate::server;

async fn shop(server: &EphemeralServer) -> Session {
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE users (id int PRIMARY KEY, code char(8), name text);
             CREATE TABLE orders (id int PRIMARY KEY, user_id bigint, total numeric, note text);
             CREATE SEQUENCE counter;
             CREATE FUNCTION touch(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT $1';
             INSERT INTO users SELECT i, 'c' || i, 'user ' || i FROM generate_series(1, 9) i;
             INSERT INTO orders SELECT i, i % 3 + 1, i, NULLIF(i % 2, 1) FROM generate_series(1, 30) i",
        )
        .await
        .unwrap();
    session
}

fn text(value: &str) -> SentParameter {
    SentParameter {
        type_oid: 0,
        binary: false,
        value: Some(value.as_bytes().to_vec()),
    }
}

fn children(sql: &str, keys: &[&str]) -> Vec<SentText> {
    let child = |key: &&str| SentText {
        sql: sql.replace("KEY", key).as_str().into(),
        parameters: Vec::new(),
    };
    keys.iter().map(child).collect()
}

async fn proof(
    session: &Session,
    children: Vec<SentText>,
    position: usize,
    batched: &str,
) -> Result<Proof, ProofError> {
    let rerun = Rerun::of(&GroupSample {
        database: 0,
        position: Some(position),
        children,
        parent: None,
    });
    prove(session, &rerun.unwrap(), batched).await
}

#[tokio::test]
async fn the_same_rows_agree_whatever_the_form_of_the_statement() {
    let server = server().await;
    let session = shop(&server).await;
    let cases = [
        // The value among the columns, behind them, as a group, and as what a lateral join is for.
        (
            "SELECT id, name FROM users WHERE id = KEY",
            0,
            "SELECT id, name FROM users WHERE id = ANY($1)",
            3,
        ),
        (
            "SELECT total, note FROM orders WHERE total < 99 AND user_id = KEY",
            1,
            "SELECT total, note, user_id FROM orders WHERE total < $2 AND user_id = ANY($1)",
            30,
        ),
        (
            "SELECT count(*), max(note) FROM orders WHERE user_id = KEY",
            0,
            "SELECT user_id, count(*), max(note) FROM orders WHERE user_id = ANY($1) GROUP BY user_id",
            3,
        ),
        (
            "SELECT id FROM orders WHERE user_id = KEY ORDER BY id LIMIT 2",
            0,
            "SELECT wanted.key, found.* FROM unnest($1::bigint[]) AS wanted (key) CROSS JOIN \
             LATERAL (SELECT id FROM orders WHERE user_id = wanted.key ORDER BY id LIMIT $2) AS found",
            6,
        ),
    ];
    for (sql, position, batched, rows) in cases {
        let proof = proof(&session, children(sql, &["1", "2", "3"]), position, batched).await;
        let proof = proof.unwrap();
        assert!(proof.agrees, "{batched}");
        assert_eq!(
            (proof.statements, proof.rows, proof.empty_groups),
            (3, rows, 0),
            "{batched}"
        );
    }
}

#[tokio::test]
async fn other_rows_differ() {
    let server = server().await;
    let session = shop(&server).await;
    let cases = [
        // A condition lost, a row too few, values at the wrong rows, a value too many.
        (
            "SELECT id FROM orders WHERE user_id = KEY AND total < 9",
            "SELECT id, user_id FROM orders WHERE user_id = ANY($1) AND total < $2 + 5",
        ),
        (
            "SELECT id FROM orders WHERE user_id = KEY",
            "SELECT id, user_id FROM orders WHERE user_id = ANY($1) LIMIT 5",
        ),
        (
            "SELECT count(*) FROM orders WHERE user_id = KEY AND id <> 3",
            "SELECT 4 - user_id, count(*) FROM orders WHERE user_id = ANY($1) AND id <> $2 GROUP BY user_id",
        ),
        (
            "SELECT id, name FROM users WHERE id = KEY",
            "SELECT id, name FROM users WHERE id = ANY($1) OR id = 9",
        ),
    ];
    for (sql, batched) in cases {
        let proof = proof(&session, children(sql, &["1", "2", "3"]), 0, batched).await;
        assert!(!proof.unwrap().agrees, "{batched}");
    }
}

#[tokio::test]
async fn parameters_are_sent_as_they_were_and_blanks_of_char_mean_nothing() {
    let server = server().await;
    let session = shop(&server).await;
    let child = |id: i32, oid: u32| SentText {
        sql: "SELECT name FROM users WHERE id = $1 AND name <> $2".into(),
        parameters: vec![
            SentParameter {
                type_oid: oid,
                binary: true,
                value: Some(id.to_be_bytes().to_vec()),
            },
            text("nobody"),
        ],
    };
    let batched = "SELECT name, id FROM users WHERE id = ANY($1) AND name <> $2";
    for oid in [0, 23] {
        let children = vec![child(1, oid), child(2, oid), child(77, oid)];
        let proof = proof(&session, children, 0, batched).await.unwrap();
        assert!(proof.agrees && proof.rows == 2, "{proof:?}");
    }
    let sql = "SELECT id FROM users WHERE code = 'KEY'";
    let batched = "SELECT id, code FROM users WHERE code = ANY($1)";
    let proof = proof(&session, children(sql, &["c1", "c2"]), 0, batched)
        .await
        .unwrap();
    assert!(proof.agrees && proof.rows == 2, "{proof:?}");
}

#[tokio::test]
async fn counts_of_nothing_are_told() {
    let server = server().await;
    let session = shop(&server).await;
    let sql = "SELECT count(*) FROM orders WHERE user_id = KEY";
    let batched = "SELECT user_id, count(*) FROM orders WHERE user_id = ANY($1) GROUP BY user_id";
    let proof = proof(&session, children(sql, &["1", "77", "78"]), 0, batched)
        .await
        .unwrap();
    assert!(proof.agrees);
    assert_eq!(proof.empty_groups, 2);
}

#[tokio::test]
async fn nothing_that_may_write_is_run() {
    let server = server().await;
    let session = shop(&server).await;
    let run = async |sql: &str| {
        let batched = sql.replace("= KEY", "= ANY($1)");
        let position = sql.matches('\'').count() / 2;
        proof(&session, children(sql, &["1", "2"]), position, &batched).await
    };
    let volatile = run("SELECT touch(id) FROM users WHERE id = KEY").await;
    assert!(matches!(volatile, Err(ProofError::Volatile(name)) if name == "touch"));
    let volatile = run("SELECT nextval('counter') FROM users WHERE id = KEY").await;
    assert!(matches!(volatile, Err(ProofError::Volatile(_))));
    let locking = run("SELECT id FROM users WHERE id = KEY FOR UPDATE").await;
    assert!(matches!(locking, Err(ProofError::Loop(_))), "{locking:?}");
    let refused = run("SELECT id FROM users WHERE id = KEY").await;
    assert!(refused.unwrap().agrees, "the session is usable afterwards");
    let wrong = proof(
        &session,
        children("SELECT id FROM users WHERE id = KEY", &["1", "2"]),
        0,
        "SELECT id FROM nowhere WHERE id = ANY($1)",
    );
    assert!(matches!(wrong.await, Err(ProofError::Batched(_))));
    let called = session
        .texts("SELECT is_called FROM counter")
        .await
        .unwrap();
    assert_eq!(called, ["f"]);
}
