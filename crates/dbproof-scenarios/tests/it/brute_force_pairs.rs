//! The search over interleavings itself, on pairs whose end is known.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dbproof_postgres::{Binaries, EphemeralServer, connect};

use crate::brute_force::{BruteForce, Transaction};

const SETUP: &str = "
    CREATE TABLE account (id int PRIMARY KEY, amount int NOT NULL);
    INSERT INTO account SELECT i, 100 FROM generate_series(1, 9) i;
    CREATE TABLE transfer (id serial PRIMARY KEY, account int NOT NULL REFERENCES account);
    CREATE TABLE later (account int REFERENCES account DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE tag (name text PRIMARY KEY);
    CREATE TABLE apart (id int PRIMARY KEY);
    INSERT INTO apart VALUES (1), (2);";

/// Names and statements; what deadlocks is said by name.
const TRANSACTIONS: &[(&str, &[&str])] = &[
    (
        "1 then 2",
        &[
            "UPDATE account SET amount = 1 WHERE id = 1",
            "UPDATE account SET amount = 1 WHERE id = 2",
        ],
    ),
    (
        "2 then 1",
        &[
            "UPDATE account SET amount = 1 WHERE id = 2",
            "UPDATE account SET amount = 1 WHERE id = 1",
        ],
    ),
    (
        "1 then 2, gives up",
        &[
            "SET LOCAL lock_timeout = '50ms'",
            "UPDATE account SET amount = 1 WHERE id = 1",
            "UPDATE account SET amount = 1 WHERE id = 2",
        ],
    ),
    (
        "refers to 3, then locks it",
        &[
            "INSERT INTO transfer (account) VALUES (3)",
            "SELECT 1 FROM account WHERE id = 3 FOR UPDATE",
        ],
    ),
    (
        "share of 4, then update",
        &[
            "SELECT 1 FROM account WHERE id = 4 FOR SHARE",
            "UPDATE account SET amount = 1 WHERE id = 4",
        ],
    ),
    (
        "tags a, b",
        &[
            "INSERT INTO tag VALUES ('a')",
            "INSERT INTO tag VALUES ('b')",
        ],
    ),
    (
        "tags b, a",
        &[
            "INSERT INTO tag VALUES ('b')",
            "INSERT INTO tag VALUES ('a')",
        ],
    ),
    (
        "advisory 1, 2",
        &[
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_advisory_xact_lock(2)",
        ],
    ),
    (
        "advisory 2, 1",
        &[
            "SELECT pg_advisory_xact_lock(2)",
            "SELECT pg_advisory_xact_lock(1)",
        ],
    ),
    (
        "1 goes back, then 2",
        &[
            "SAVEPOINT s",
            "UPDATE account SET amount = 1 WHERE id = 1",
            "ROLLBACK TO s",
            "UPDATE account SET amount = 1 WHERE id = 2",
        ],
    ),
    (
        "2 then 1 at once",
        &[
            "UPDATE account SET amount = 1 WHERE id = 2",
            "SELECT 1 FROM account WHERE id = 1 FOR UPDATE NOWAIT",
        ],
    ),
    (
        "reads account, changes apart",
        &[
            "SELECT 1 FROM account",
            "UPDATE apart SET id = id WHERE id = 1",
        ],
    ),
    (
        "reads apart, alters account",
        &[
            "SELECT 1 FROM apart",
            "ALTER TABLE account ADD COLUMN c int",
        ],
    ),
    (
        "put off: refers to 5, then 6",
        &[
            "INSERT INTO later VALUES (5)",
            "SELECT 1 FROM account WHERE id = 6 FOR UPDATE",
        ],
    ),
    (
        "5, then 6",
        &[
            "SELECT 1 FROM account WHERE id = 5 FOR UPDATE",
            "SELECT 1 FROM account WHERE id = 6 FOR UPDATE",
        ],
    ),
    (
        "reads account, alters apart",
        &[
            "SELECT 1 FROM account",
            "ALTER TABLE apart ADD COLUMN c int",
        ],
    ),
];

#[tokio::test]
async fn exactly_the_pairs_that_deadlock_are_found() {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).unwrap();
    let server = EphemeralServer::start(&binaries).await.unwrap();
    let session = connect(server.address()).await.unwrap();
    session.run(SETUP).await.unwrap();
    let transactions: Vec<Transaction> = TRANSACTIONS
        .iter()
        .map(|(name, statements)| Transaction {
            name: (*name).to_owned(),
            statements: statements.iter().map(|s| (*s).to_owned()).collect(),
        })
        .collect();
    let searched = BruteForce::search(server.address(), &transactions).await;
    let named: Vec<String> = searched
        .deadlocks
        .iter()
        .map(|((a, b), schedule)| {
            format!(
                "{} / {}: {schedule:?}",
                transactions[*a].name, transactions[*b].name
            )
        })
        .collect();
    insta::assert_snapshot!(named.join("\n"), @r"
    1 then 2 / 2 then 1: [0, 1, 0, 1]
    refers to 3, then locks it / refers to 3, then locks it: [0, 1, 0, 1]
    share of 4, then update / share of 4, then update: [0, 1, 0, 1]
    tags a, b / tags b, a: [0, 1, 0, 1]
    advisory 1, 2 / advisory 2, 1: [0, 1, 0, 1]
    reads apart, alters account / reads account, alters apart: [0, 1, 0, 1]
    put off: refers to 5, then 6 / 5, then 6: [0, 0, 1, 0, 1]
    ");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE xact_start IS NOT NULL \
                AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    assert_eq!(session.text(open).await.unwrap().as_deref(), Some("0"));
    // Those without a lock in common were left out.
    let all = transactions.len() * (transactions.len() + 1) / 2;
    assert!(
        searched.pairs * 2 < all,
        "{} of {all} pairs",
        searched.pairs
    );
    let pairs = BruteForce::pairs(server.address(), &transactions[..2]).await;
    assert_eq!(pairs, BTreeSet::from([(0, 1)]));
}
