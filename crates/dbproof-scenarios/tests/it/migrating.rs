//! Migrations among the transactions of an application: which of them deadlock, on a real server.

use dbproof_analysis::transactions::Transactions;
use dbproof_model::DeadlockPrediction;
use dbproof_postgres::{Databases, connect};
use dbproof_scenarios::Silent;
use dbproof_scenarios::prediction::{MigrationPlan, PredictOptions, Predicted, predict};
use dbproof_scenarios::project::SourceFile;
use dbproof_scenarios::project::config::RegressConfig;
use dbproof_scenarios::project::migrations::Migration;

use crate::sandboxes::{RUN, databases_left, server, transactions};

/// An application that pays orders, looks at them before it changes them, and moves between lines.
const SHOP: &str = "
    a CREATE TABLE orders (id int PRIMARY KEY, status text)
    a CREATE TABLE lines (id int PRIMARY KEY, order_id int, n int)
    a CREATE TABLE users (id int PRIMARY KEY, name text)
    a INSERT INTO orders SELECT g, 'new' FROM generate_series(1, 20) g
    a INSERT INTO lines SELECT g, g, 0 FROM generate_series(1, 20) g
    a INSERT INTO users SELECT g, 'x' FROM generate_series(1, 20) g
    > pay a UPDATE orders SET status = 'paid' WHERE id = 1
    > pay a UPDATE lines SET n = 1 WHERE id = 1
    > look b . SELECT status FROM users u JOIN orders o ON o.id = u.id WHERE u.id = 4
    > look b UPDATE users SET name = 'y' WHERE id = 4
    > move a UPDATE lines SET n = n - 1 WHERE id = 9
    > move a UPDATE lines SET n = n + 1 WHERE id = 8
";

fn plan(text: &str, config: &RegressConfig) -> MigrationPlan {
    let file = SourceFile {
        name: "7.sql".to_owned(),
        text: text.to_owned(),
    };
    MigrationPlan::of(&[Migration::new(file)], config)
}

/// Each prediction with a migration in it: its verdict and its transactions.
fn told(predicted: &Predicted) -> Vec<String> {
    let has_migration = |p: &&DeadlockPrediction| p.members.iter().any(|m| m.migration.is_some());
    let with = predicted.predictions.iter().filter(has_migration);
    let line = |p: &DeadlockPrediction| {
        let mut names = p.transactions.clone();
        names.sort_unstable();
        let reason = p.reason.as_deref().unwrap_or_default();
        format!("{} {} {reason}", p.verdict, names.join(", "))
            .trim_end()
            .to_owned()
    };
    let mut told: Vec<String> = with.map(line).collect();
    told.sort_unstable();
    told
}

async fn predicted(
    databases: &Databases,
    server: &dbproof_postgres::EphemeralServer,
    mut transactions: Transactions,
    plan: &MigrationPlan,
) -> Predicted {
    plan.join(&mut transactions);
    let options = PredictOptions::default();
    predict(databases, server.address(), &transactions, options, &Silent).await
}

/// What each migration comes to beside the shop; `!` where it is kept apart by a guard.
#[tokio::test]
async fn a_migration_deadlocks_where_it_locks_in_another_order_than_the_application() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let config = RegressConfig::default();
    let lines_then_orders = "ALTER TABLE lines ADD x int;\nALTER TABLE orders ADD y int;";
    let guarded = format!("SET LOCAL lock_timeout = '200ms';\n{lines_then_orders}");
    let late = format!("SET LOCAL lock_timeout = '30s';\n{lines_then_orders}");
    let apart = format!("-- no-transaction\n{lines_then_orders}");
    let second = "BEGIN;\nALTER TABLE lines ADD x int;\nCOMMIT;\nBEGIN;\nCREATE INDEX ON lines (x);\n\
                  ALTER TABLE orders ADD y int;\nCOMMIT;";
    let check = [
        (lines_then_orders, &["confirmed 7.sql, pay"][..]),
        (
            "ALTER TABLE orders ADD y int;\nALTER TABLE lines ADD x int;",
            &[],
        ),
        ("ALTER TABLE lines ADD x int;", &[]),
        (&apart, &[]),
        (&guarded, &["!"]),
        (&late, &["confirmed 7.sql, pay"]),
        (second, &["confirmed 7.sql:5, pay"]),
        // One statement takes both tables, the referring one first.
        (
            "ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders;",
            &["confirmed 7.sql, pay"],
        ),
        // Its lock gets stronger, between a reader's two statements.
        (
            "CREATE INDEX ON users (name);\nALTER TABLE users ADD z int;",
            &["confirmed 7.sql, look"],
        ),
        ("CREATE INDEX ON users (name);", &[]),
        // A backfill goes through the rows as they stand; whoever goes backwards meets it.
        ("UPDATE lines SET n = 7;", &["confirmed 7.sql, move"]),
        (
            "CREATE INDEX CONCURRENTLY i ON lines (n);\nCREATE INDEX CONCURRENTLY j ON orders (status);",
            &[],
        ),
        // It reads the table, and keeps everybody from the index that a reader has open.
        ("REINDEX INDEX users_pkey;", &["confirmed 7.sql, look"]),
        ("REINDEX INDEX CONCURRENTLY users_pkey;", &[]),
        ("DROP TABLE lines, orders;", &["confirmed 7.sql, pay"]),
    ];
    for (sql, expected) in check {
        let plan = plan(sql, &config);
        let shop = transactions("gone", true, SHOP);
        let predicted = predicted(&databases, &server, shop, &plan).await;
        let coverage = &predicted.coverage;
        let mut seen = told(&predicted);
        if seen.is_empty() && coverage.guarded > 0 {
            seen.push("!".to_owned());
        }
        assert_eq!(seen, expected, "{sql}: {coverage:?}");
        let migration = &coverage.migrations[0];
        assert_eq!(
            migration.replayed, migration.transactions,
            "{sql}: {coverage:?}"
        );
        assert_eq!((coverage.classes, coverage.replayed), (3, 3));
        assert_eq!(databases_left(&server).await, [""; 0], "{sql}");
    }
}

/// What the deployment sets for its role is as good as what the file says.
#[tokio::test]
async fn the_lock_timeout_of_the_deployment_is_a_guard() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let config = RegressConfig {
        lock_timeout_ms: Some(100.0),
        ..RegressConfig::default()
    };
    let sql = "ALTER TABLE lines ADD x int;\nALTER TABLE orders ADD y int;";
    let plan = plan(sql, &config);
    let shop = transactions("gone", true, SHOP);
    let predicted = predicted(&databases, &server, shop, &plan).await;
    assert_eq!((told(&predicted).len(), predicted.coverage.guarded), (0, 1));
}

/// The line of the migration, the schedule and the remedy are told.
#[tokio::test]
async fn a_ring_of_three_is_told_step_by_step() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let shop = "
        a CREATE TABLE a (id int PRIMARY KEY, n int)
        a CREATE TABLE b (id int PRIMARY KEY, n int)
        a CREATE TABLE c (id int PRIMARY KEY, n int)
        a INSERT INTO a VALUES (1, 0), (2, 0)
        a INSERT INTO b VALUES (1, 0), (2, 0)
        a INSERT INTO c VALUES (1, 0), (2, 0)
        > first a UPDATE b SET n = 1 WHERE id = 1
        > first a UPDATE c SET n = 1 WHERE id = 1
        > second a UPDATE c SET n = 1 WHERE id = 2
        > second a UPDATE a SET n = 1 WHERE id = 2
    ";
    let plan = plan(
        "ALTER TABLE a ADD x int;\nALTER TABLE b ADD x int;",
        &RegressConfig::default(),
    );
    let shop = transactions("gone", true, shop);
    let predicted = predicted(&databases, &server, shop, &plan).await;
    assert_eq!(told(&predicted), ["confirmed 7.sql, first, second"]);
    let prediction = &predicted.predictions[0];
    let migration = prediction.members.iter().find(|m| m.migration.is_some());
    let migration = migration.unwrap();
    let origin = migration.statements[1].origin.as_ref().unwrap();
    assert_eq!(
        (origin.file.as_deref(), origin.line),
        (Some("7.sql"), Some(2))
    );
    assert_eq!(migration.asks.mode, "ACCESS EXCLUSIVE");
    assert!(
        prediction.remedy.contains("commit between"),
        "{}",
        prediction.remedy
    );
    let sessions = &prediction.timeline.as_ref().unwrap().sessions;
    assert_eq!(sessions.len(), 3);
}

/// A test suite makes its database with all migrations, the one that is asked for among them.
#[tokio::test]
async fn a_migration_that_the_history_has_is_left_out_of_the_sandbox() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let sql = "ALTER TABLE lines ADD x int;\nALTER TABLE orders ADD y int;";
    let applied = SHOP.replacen(
        "    a INSERT",
        "    a alter table lines add x int\n    a ALTER TABLE orders  ADD y int\n    a INSERT",
        1,
    );
    let mut shop = transactions("gone", true, &applied);
    let plan = plan(sql, &RegressConfig::default());
    assert_eq!(plan.join(&mut shop), 2);
    let options = PredictOptions::default();
    let predicted = predict(&databases, server.address(), &shop, options, &Silent).await;
    assert_eq!(told(&predicted), ["confirmed 7.sql, pay"]);
}

/// A database that is there is copied; what it has of the migration already is told, and no pass.
#[tokio::test]
async fn a_migration_that_does_not_run_is_told_with_the_words_of_the_server() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let session = connect(server.address()).await.unwrap();
    session.run("CREATE DATABASE shop").await.unwrap();
    let shop = connect(&server.address().with_database("shop"))
        .await
        .unwrap();
    let lines = SHOP
        .lines()
        .filter_map(|line| line.trim().strip_prefix("a "));
    for statement in lines {
        shop.run(statement).await.unwrap();
    }
    shop.close().await;
    let exemplars: String = SHOP
        .split_inclusive('\n')
        .filter(|line| line.trim().starts_with('>'))
        .collect();
    let config = RegressConfig::default();
    for (sql, expected, why) in [
        (
            "ALTER TABLE lines ADD x int;\nALTER TABLE orders ADD y int;",
            &["confirmed 7.sql, pay"][..],
            None,
        ),
        (
            "ALTER TABLE lines ADD x int;\nALTER TABLE lines ADD n int;",
            &[],
            Some(
                "statement 2 (line 2) fails on the schema that the application's transactions met: \
                  column \"n\" of relation \"lines\" already exists (SQLSTATE 42701); it seems to be applied",
            ),
        ),
        (
            "ALTER TABLE nowhere ADD x int;",
            &[],
            Some("relation \"nowhere\" does not exist (SQLSTATE 42P01)"),
        ),
        (
            "CREATE INDEX CONCURRENTLY ON nowhere (x);",
            &[],
            Some("relation \"nowhere\" does not exist (SQLSTATE 42P01)"),
        ),
        (
            "CREATE ROLE somebody;\nALTER TABLE lines ADD x int;",
            &[],
            Some("statement 1 is never run again: it changes what belongs to the whole server"),
        ),
    ] {
        let plan = plan(sql, &config);
        let shop = transactions("shop", false, &exemplars);
        let predicted = predicted(&databases, &server, shop, &plan).await;
        assert_eq!(told(&predicted), expected, "{sql}");
        let coverage = &predicted.coverage;
        let is_read = coverage.migrations[0].replayed == coverage.migrations[0].transactions;
        assert_eq!(is_read, why.is_none(), "{sql}: {coverage:?}");
        if let Some(why) = why {
            let mut reasons = coverage.not_checked.iter();
            let found = reasons.any(|not| not.what.starts_with("7.sql") && not.why.contains(why));
            assert!(found, "{sql}: {:?}", coverage.not_checked);
        }
        assert_eq!(databases_left(&server).await, [""; 0]);
    }
}

/// A concurrent build holds its table, and waits for whoever has written to it: a transaction that then
/// asks for more of the table than writing closes the cycle.
#[tokio::test]
async fn a_concurrent_build_deadlocks_with_whoever_locks_its_table_after_writing() {
    let server = server().await;
    let databases = Databases::new(server.address(), RUN);
    let job = "
    > job a UPDATE lines SET n = 1 WHERE id = 3
    > job a LOCK TABLE lines IN SHARE ROW EXCLUSIVE MODE
    ";
    let config = RegressConfig::default();
    for (sql, expected) in [
        (
            "CREATE INDEX CONCURRENTLY i ON lines (n);",
            &["confirmed 7.sql, job"][..],
        ),
        ("CREATE INDEX CONCURRENTLY i ON orders (status);", &[]),
    ] {
        let plan = plan(sql, &config);
        let shop = transactions("gone", true, &format!("{SHOP}{job}"));
        let predicted = predicted(&databases, &server, shop, &plan).await;
        assert_eq!(
            told(&predicted),
            expected,
            "{sql}: {:?}",
            predicted.coverage
        );
        let migration = &predicted.coverage.migrations[0];
        assert_eq!((migration.transactions, migration.replayed), (1, 1));
    }
    assert_eq!(databases_left(&server).await, [""; 0]);
}
