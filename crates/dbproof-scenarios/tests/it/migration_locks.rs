//! What migrations lock, and whom they block, as `regress` finds it on a real server.
//!
//! The limit in milliseconds is out of reach, or below every duration, so that no timing decides.

use std::fs;
use std::path::Path;

use dbproof_model::{Finding, MigrationRecord, MigrationWork, Scenario, Severity};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunError, RunOptions, ServerChoice, Silent};

/// Twelve thousand orders of two hundred users, and a partitioned table.
const BASE: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text, code varchar(10));
CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, note text, total int);
CREATE TABLE events (day int NOT NULL, what text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
CREATE TABLE hollow (id int);
INSERT INTO users SELECT i, 'name', 'code' FROM generate_series(1, 200) i;
INSERT INTO orders SELECT i, 1 + i % 200, 'note', i FROM generate_series(1, 12000) i;
INSERT INTO events SELECT i % 20, 'what' FROM generate_series(1, 12000) i;
";

const QUERIES: &str = "
-- name: user
SELECT name FROM users WHERE id = 7;

-- name: spend
UPDATE orders SET total = total + 1 WHERE id = 7;
";

const OUT_OF_REACH: &str = "lock_limit_ms = 1e9\n";

async fn record_of(
    change: &str,
    configuration: &str,
) -> Result<(MigrationRecord, Vec<Finding>), RunError> {
    let project = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = project.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("migrations/1_base.sql", BASE);
    write("migrations/2_change.sql", change);
    write("queries/all.sql", QUERIES);
    let configuration =
        format!("[regress]\nbudget_s = 0\nsessions = 2\npairs = 2\n{configuration}");
    write("dbproof.toml", &configuration);
    let options = RunOptions {
        project: Project::open(Path::new(&project.path().join("dbproof.toml"))).unwrap(),
        scenarios: vec![Scenario::Regress],
        server: ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(Into::into),
        },
        in_place: false,
        seed: 7,
        keep_values: false,
        threshold: None,
        change: None,
        deadlock: DeadlockChoice::default(),
        trace: None,
        cleaner: None,
    };
    let record = dbproof_scenarios::run(&options, &Silent).await?;
    let migration = record.scenarios.regress.unwrap().migration.unwrap();
    Ok((migration, record.findings))
}

/// The findings about locks but for the one about `lock_timeout`, as `code severity subject`.
fn told(findings: &[Finding]) -> Vec<String> {
    let mut told: Vec<String> = findings
        .iter()
        .filter(|f| f.code.starts_with("migration-") && f.code != "migration-no-lock-timeout")
        .map(|f| {
            let code = f.code.trim_start_matches("migration-");
            format!("{code} {} {}", f.severity.as_str(), f.subject)
        })
        .collect();
    told.sort();
    told
}

async fn check(change: &str, expected: &[&str]) {
    let (record, findings) = record_of(change, OUT_OF_REACH).await.unwrap();
    assert_eq!(told(&findings), expected, "{change}\n{record:#?}");
}

#[tokio::test]
async fn work_that_grows_with_the_table_is_found_by_its_kind() {
    check(
        "ALTER TABLE orders ALTER id TYPE bigint;",
        &["rewrites-table warning orders"],
    )
    .await;
    check(
        "ALTER TABLE orders ADD at timestamptz DEFAULT clock_timestamp();",
        &["rewrites-table warning orders"],
    )
    .await;
    check(
        "CREATE INDEX orders_user ON orders (user_id);",
        &["index-blocks-writes warning orders"],
    )
    .await;
    check(
        "ALTER TABLE orders ADD UNIQUE (total);",
        &["index-blocks-writes warning orders"],
    )
    .await;
    check(
        "ALTER TABLE orders ALTER note SET NOT NULL;",
        &["lock-held warning orders"],
    )
    .await;
    check(
        "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;",
        &["lock-held warning orders"],
    )
    .await;
    check(
        "ALTER TABLE orders ADD state text; UPDATE orders SET state = 'x';",
        &["backfill-in-transaction warning orders"],
    )
    .await;
    check(
        "CREATE INDEX events_day ON events (day);",
        &["index-blocks-writes warning events"],
    )
    .await;
    check(
        "CREATE INDEX events_day ON ONLY events (day);",
        &["invalid-index warning events_day"],
    )
    .await;
}

#[tokio::test]
async fn what_blocks_nobody_for_long_is_not_found() {
    for change in [
        "ALTER TABLE orders ADD state text DEFAULT 'new' NOT NULL;",
        "ALTER TABLE users ALTER code TYPE varchar(20);",
        "ALTER TABLE users ALTER code TYPE text;",
        "CREATE INDEX CONCURRENTLY orders_user ON orders (user_id);",
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID;",
        // Validation lets others read and write, apart from the statement before it.
        "-- no-transaction\nALTER TABLE orders ADD CONSTRAINT c CHECK (note IS NOT NULL) NOT VALID;\n\
         ALTER TABLE orders VALIDATE CONSTRAINT c;\nALTER TABLE orders ALTER note SET NOT NULL;",
        "CREATE TABLE fresh (id int PRIMARY KEY, user_id int REFERENCES users);\n\
         INSERT INTO fresh SELECT i, 1 FROM generate_series(1, 5) i;\n\
         CREATE INDEX ON fresh (user_id);\nALTER TABLE fresh ALTER id TYPE bigint;\nDROP TABLE fresh;",
        "CREATE INDEX ON hollow (id);\nALTER TABLE hollow ALTER id TYPE bigint;",
        "UPDATE orders SET note = 'x' WHERE id < 9000;",
        "TRUNCATE orders;",
        "DO $$ BEGIN EXECUTE 'TRUNCATE orders'; END $$;",
        "DROP TABLE orders;",
    ] {
        check(change, &[]).await;
    }
}

#[tokio::test]
async fn small_tables_are_told_and_fail_nothing() {
    check(
        "ALTER TABLE users ALTER id TYPE bigint;\nCREATE INDEX ON users (name);\n\
         UPDATE users SET name = 'x';",
        &[
            "backfill-in-transaction info users",
            "index-blocks-writes info users",
            "rewrites-table info users",
        ],
    )
    .await;
}

#[tokio::test]
async fn beyond_the_limit_a_lock_is_an_error_where_rows_are_worked_on() {
    let limit = "lock_limit_ms = 1e-6\n";
    let index = "CREATE INDEX orders_user ON orders (user_id);";
    let (_, findings) = record_of(index, limit).await.unwrap();
    assert!(told(&findings).contains(&"lock-held error orders".to_owned()));
    let column = "ALTER TABLE orders ADD state text;";
    let (_, findings) = record_of(column, limit).await.unwrap();
    assert_eq!(told(&findings), ["lock-held warning orders"]);
}

#[tokio::test]
async fn locks_are_seen_exactly_also_those_that_the_statement_does_not_name() {
    let change = "CREATE TABLE fresh (user_id int);\n\
                  ALTER TABLE fresh ADD FOREIGN KEY (user_id) REFERENCES users;\n\
                  ALTER TABLE events ADD more int;\n\
                  DROP TABLE orders;";
    let (record, findings) = record_of(change, OUT_OF_REACH).await.unwrap();
    let lock = |statement: usize, relation: &str| {
        let details = &record.statements[statement].lock_details;
        let lock = details.iter().find(|l| l.relation == relation);
        lock.unwrap_or_else(|| panic!("{relation}: {details:#?}"))
    };
    let named = |statement, relation: &str| {
        let lock = lock(statement, relation);
        (lock.mode.as_str(), lock.named, lock.until_commit)
    };
    assert_eq!(named(1, "users"), ("ShareRowExclusiveLock", true, true));
    assert_eq!(named(2, "events_1"), ("AccessExclusiveLock", false, true));
    assert_eq!(named(3, "orders"), ("AccessExclusiveLock", true, true));
    assert_eq!(
        named(3, "orders_pkey"),
        ("AccessExclusiveLock", false, true)
    );
    // All of one transaction: what is locked first is held longest.
    assert!(record.statements.iter().all(|s| s.transaction == Some(1)));
    assert!(lock(1, "users").held_ms >= lock(2, "events").held_ms);
    assert!(lock(2, "events").held_ms >= record.statements[3].duration_ms);
    let timeout = findings
        .iter()
        .filter(|f| f.code == "migration-no-lock-timeout");
    assert_eq!(timeout.count(), 1);
    let sampling = record.sampling.unwrap();
    assert!(sampling.samples > 0 && sampling.asked_ms <= 5.0);
    let events = record
        .relations
        .iter()
        .find(|r| r.name == "events")
        .unwrap();
    assert_eq!((events.rows, events.made_here), (Some(12_000), false));
    assert!(
        record
            .relations
            .iter()
            .any(|r| r.name == "fresh" && r.made_here)
    );
}

#[tokio::test]
async fn work_is_counted_and_rewrites_are_told_by_their_files() {
    let change = "ALTER TABLE orders ALTER total TYPE bigint;\n\
                  UPDATE users SET name = 'x';\n\
                  ALTER TABLE users ADD x int;";
    let (record, _) = record_of(change, OUT_OF_REACH).await.unwrap();
    let works: Vec<Option<MigrationWork>> = record.statements.iter().map(|s| s.work).collect();
    let expected = [
        MigrationWork::Rewrite,
        MigrationWork::Rows,
        MigrationWork::Catalog,
    ];
    assert_eq!(works, expected.map(Some));
    let rewrite = &record.statements[0].rewrites[0];
    assert_eq!(rewrite.toast, Some(true));
    assert_ne!(rewrite.from_filenode, rewrite.to_filenode);
    assert_eq!(record.statements[1].rows[0].written, 200);
    let wal = |at: usize| record.statements[at].wal_bytes.unwrap();
    assert!(wal(0) > wal(2), "{} and {}", wal(0), wal(2));
    let orders = record
        .relations
        .iter()
        .find(|r| r.name == "orders")
        .unwrap();
    assert_eq!(orders.written_by, ["spend"]);
}

#[tokio::test]
async fn a_timeout_is_seen_whoever_sets_it() {
    let alter = "ALTER TABLE orders ADD state text;";
    let own = format!("SET LOCAL lock_timeout = '1s';\n{alter}");
    let by_role = format!("{OUT_OF_REACH}lock_timeout_ms = 2000\n");
    for (change, configuration) in [(own.as_str(), OUT_OF_REACH), (alter, &by_role)] {
        let (_, findings) = record_of(change, configuration).await.unwrap();
        let missing = findings
            .iter()
            .any(|f| f.code == "migration-no-lock-timeout");
        assert!(!missing, "{change}");
    }
}

#[tokio::test]
async fn what_cannot_run_in_one_transaction_runs_statement_by_statement_and_says_so() {
    let change = "ALTER TABLE users ADD x int;\n\
                  CREATE INDEX CONCURRENTLY users_name ON users (name);\nSELECT 1;";
    let (record, findings) = record_of(change, OUT_OF_REACH).await.unwrap();
    assert_eq!(told(&findings), [""; 0]);
    assert!(
        record.notes[0].contains("does not run in one transaction"),
        "{:?}",
        record.notes
    );
    let transactions: Vec<Option<u32>> = record.statements.iter().map(|s| s.transaction).collect();
    assert_eq!(transactions, [Some(1), None, Some(2)]);
    assert_eq!(record.statements[1].work, Some(MigrationWork::Index));
}

#[tokio::test]
async fn a_concurrent_build_that_fails_names_the_index_that_it_leaves() {
    let change = "CREATE UNIQUE INDEX CONCURRENTLY orders_note ON orders (note);";
    let error = record_of(change, OUT_OF_REACH)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("could not create unique index"), "{error}");
    assert!(error.contains("index orders_note on orders"), "{error}");
    assert!(error.contains("migrations/2_change.sql:1"), "{error}");
}

#[tokio::test]
async fn behind_a_long_transaction_others_wait_unless_there_is_a_timeout() {
    let configuration = format!("{OUT_OF_REACH}with_traffic = true\n");
    let change = "ALTER TABLE orders ADD state text;\nCREATE INDEX ON users (name);";
    let (record, findings) = record_of(change, &configuration).await.unwrap();
    let traffic = record.traffic.unwrap();
    let [alone, behind, with_timeout] = &traffic.passes[..] else {
        panic!("{traffic:#?}");
    };
    assert!(
        alone.applied && behind.applied && with_timeout.applied,
        "{traffic:#?}"
    );
    assert_eq!((alone.attempts, behind.attempts), (1, 1));
    // It gave up while the transaction in front was open, and came again.
    assert!(with_timeout.attempts > 1 && !with_timeout.errors.is_empty());
    let longest = |subject: &str| {
        let probe = behind.probes.iter().find(|p| p.subject == subject).unwrap();
        probe.during_ms.max.unwrap()
    };
    // The transaction stays open for so long after the migration was seen to wait, and a probe is due
    // every 20 ms: this is the order of things, not a measurement.
    assert!(longest("orders") > traffic.in_front_ms / 2.0, "{behind:#?}");
    let spend = behind.probes.iter().find(|p| p.subject == "spend").unwrap();
    assert!(spend.during_ms.max > Some(traffic.in_front_ms / 2.0));
    let timeout = findings
        .iter()
        .find(|f| f.code == "migration-no-lock-timeout");
    assert_eq!(timeout.unwrap().severity, Severity::Warning);
}

#[tokio::test]
async fn rows_before_the_lock_deadlock_with_writers() {
    let configuration = format!("{OUT_OF_REACH}with_traffic = true\n");
    // The pause is a second of work, in which a write comes that waits for the row.
    let change =
        "UPDATE orders SET note = 'x';\nSELECT pg_sleep(1);\nALTER TABLE orders ADD s text;";
    let (record, findings) = record_of(change, &configuration).await.unwrap();
    let found = findings.iter().find(|f| f.code == "migration-deadlocks");
    assert_eq!(
        found.unwrap().severity,
        Severity::Error,
        "{:#?}",
        record.traffic
    );
}

#[tokio::test]
async fn where_nobody_is_kept_out_there_is_no_traffic_to_measure() {
    let configuration = format!("{OUT_OF_REACH}with_traffic = true\n");
    let change = "CREATE INDEX CONCURRENTLY orders_user ON orders (user_id);";
    let (record, _) = record_of(change, &configuration).await.unwrap();
    assert!(record.traffic.is_none());
    assert!(
        record
            .notes
            .iter()
            .any(|note| note.starts_with("with traffic"))
    );
}
