//! The results store: runs are there whole and once, whoever writes at the same time, and old ones go.

use std::time::{Duration, Instant};

use dbproof_model::RunRecord;
use dbproof_postgres::store::{Keep, RunOutcome, StoreError, export};
use dbproof_postgres::{Address, PostgresError, Session, connect};

use crate::server;

const PATIENCE: Duration = Duration::from_secs(60);

/// Every table that holds something of a run, in alphabetical order.
const TABLES: [&str; 13] = [
    "captures",
    "changes",
    "deadlock_predictions",
    "deadlock_shapes",
    "findings",
    "nplusone_groups",
    "plan_changes",
    "regress_results",
    "runs",
    "scenarios",
    "slow_results",
    "store_versions",
    "watched_statements",
];

fn sample() -> RunRecord {
    let text = include_str!("../../../dbproof-report/tests/it/sample.json");
    serde_json::from_str(text).unwrap()
}

fn watched() -> RunRecord {
    let text = include_str!("../../../dbproof-report/tests/it/watch.json");
    serde_json::from_str(text).unwrap()
}

/// The sample as another run, begun so many days ago.
fn run(name: &str, days_ago: i64) -> RunRecord {
    let mut record = sample();
    name.clone_into(&mut record.run_id);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let began = i64::try_from(now.unwrap().as_secs()).unwrap() - days_ago * 86_400;
    record.started_at = rfc3339(began);
    record
}

/// Howard Hinnant's `civil_from_days`, for which no crate is needed here.
fn rfc3339(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

async fn put(address: &Address, record: &RunRecord) -> RunOutcome {
    export(address, record, None, PATIENCE).await.unwrap().run
}

async fn count(session: &Session, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM dbproof.{table}");
    session.query_one(&sql, &[]).await.unwrap().get(0)
}

async fn counts(session: &Session) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push((table, count(session, table).await));
    }
    counts
}

#[tokio::test]
async fn a_run_is_there_whole_and_once_however_often_it_is_exported() {
    let server = server().await;
    let address = server.address();
    assert_eq!(put(address, &sample()).await, RunOutcome::Stored);
    assert_eq!(put(address, &watched()).await, RunOutcome::Stored);
    let session = connect(address).await.unwrap();
    let first = counts(&session).await;
    let record = sample();
    let scenarios = &record.scenarios;
    let (slow, regress) = (
        scenarios.slow.as_ref().unwrap(),
        scenarios.regress.as_ref().unwrap(),
    );
    let of = |table: &str| first.iter().find(|(name, _)| *name == table).unwrap().1;
    let as_i64 = |count: usize| i64::try_from(count).unwrap();
    assert_eq!(of("slow_results"), as_i64(slow.queries.len()));
    assert_eq!(of("regress_results"), as_i64(regress.queries.len()));
    let findings = record.findings.len() + watched().findings.len();
    assert_eq!(of("findings"), as_i64(findings));
    assert!(first.iter().all(|(_, count)| *count > 0), "{first:?}");

    assert_eq!(put(address, &sample()).await, RunOutcome::AlreadyThere);
    assert_eq!(counts(&session).await, first);
    // The figures come back as they were.
    let rows = session
        .query(
            "SELECT q.name, r.p95_ms, r.threshold_ms FROM dbproof.slow_results r
             JOIN dbproof.queries q USING (query_id) WHERE q.project = 'shop'",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        let query = slow
            .queries
            .iter()
            .find(|q| q.name == row.get::<_, &str>(0))
            .unwrap();
        assert_eq!(row.get::<_, Option<f64>>(1), query.p95_ms);
        assert_eq!(row.get::<_, Option<f64>>(2), Some(query.threshold_ms));
    }
    let seed = session
        .text("SELECT seed::text FROM dbproof.runs LIMIT 1")
        .await
        .unwrap();
    assert_eq!(seed, Some(record.seed.to_string()));
}

#[tokio::test]
async fn what_no_text_of_the_server_can_hold_is_replaced_and_large_numbers_stay() {
    let server = server().await;
    let mut record = watched();
    record.seed = u64::MAX;
    record.findings[0].message = "a\0b".to_owned();
    record.findings[0]
        .evidence
        .insert("\0".to_owned(), "\0".into());
    record.scenarios.watch.as_mut().unwrap().templates[0].template = "select '\0'".repeat(9000);
    assert_eq!(put(server.address(), &record).await, RunOutcome::Stored);
    let session = connect(server.address()).await.unwrap();
    let seed = session
        .text("SELECT seed::text FROM dbproof.runs")
        .await
        .unwrap();
    assert_eq!(seed, Some(u64::MAX.to_string()));
    let message = session
        .text("SELECT message FROM dbproof.findings")
        .await
        .unwrap();
    assert_eq!(message.as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn another_run_under_the_same_name_and_a_newer_store_are_refused() {
    let server = server().await;
    let address = server.address();
    put(address, &sample()).await;
    let mut other = sample();
    other.duration_ms += 1.0;
    let error = export(address, &other, None, PATIENCE).await.unwrap_err();
    assert!(matches!(error, StoreError::OtherRun { .. }), "{error}");

    let session = connect(address).await.unwrap();
    session
        .run("INSERT INTO dbproof.store_versions VALUES (1000)")
        .await
        .unwrap();
    let before = counts(&session).await;
    let error = export(address, &run("new", 0), None, PATIENCE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 1000, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("update this one"), "{error}");
    assert_eq!(counts(&session).await, before);
}

#[tokio::test]
async fn old_runs_of_the_same_project_go_and_what_they_alone_named_goes_with_them() {
    let server = server().await;
    let address = server.address();
    let keep: Option<Keep> = Some("90d".parse().unwrap());
    let mut elsewhere = run("elsewhere", 200);
    elsewhere.project = Some("another".to_owned());
    let mut renamed = run("old", 91);
    renamed.scenarios.slow.as_mut().unwrap().queries[0].name = "gone".to_owned();
    renamed.scenarios.nplusone.as_mut().unwrap().groups[0].template = "select gone".to_owned();
    for record in [&elsewhere, &renamed, &run("young", 89)] {
        assert_eq!(put(address, record).await, RunOutcome::Stored);
    }
    let session = connect(address).await.unwrap();
    let gone = "SELECT name FROM dbproof.queries WHERE name = 'gone'
                UNION ALL SELECT template FROM dbproof.templates WHERE template = 'select gone'";
    assert_eq!(session.texts(gone).await.unwrap().len(), 2);

    let export_kept = async |record: &RunRecord| {
        let done = export(address, record, keep, PATIENCE).await.unwrap();
        (done.run, done.removed)
    };
    assert_eq!(export_kept(&run("new", 0)).await, (RunOutcome::Stored, 1));
    assert_eq!(export_kept(&run("new2", 0)).await, (RunOutcome::Stored, 0));
    assert_eq!(
        export_kept(&run("older", 100)).await,
        (RunOutcome::TooOld, 0)
    );
    let left = session
        .texts("SELECT run_id FROM dbproof.runs ORDER BY 1")
        .await
        .unwrap();
    assert_eq!(left, ["elsewhere", "new", "new2", "young"]);
    assert_eq!(session.texts(gone).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_grant_and_one_that_may_only_write_can() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE ROLE ci LOGIN PASSWORD 's3cret'")
        .await
        .unwrap();
    let ci = Address::parse(&server.address().url_without_password().replacen(
        &format!("{}@", server.address().user()),
        "ci:s3cret@",
        1,
    ))
    .unwrap();
    let error = export(&ci, &sample(), None, PATIENCE).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::MayNotCreate { .. }), "{text}");
    assert!(
        text.contains("GRANT CREATE ON DATABASE \"postgres\" TO \"ci\""),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");

    // Once the owner has made the tables, writing takes no right to make anything.
    put(server.address(), &sample()).await;
    session
        .run(
            "GRANT USAGE ON SCHEMA dbproof TO ci;
             GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA dbproof TO ci",
        )
        .await
        .unwrap();
    assert_eq!(put(&ci, &run("of ci", 0)).await, RunOutcome::Stored);
}

#[tokio::test]
async fn a_server_without_a_place_is_asked_again_and_then_told() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE ROLE ci LOGIN CONNECTION LIMIT 0 PASSWORD 's3cret'; GRANT CREATE ON DATABASE postgres TO ci")
        .await
        .unwrap();
    let url = server.address().url_without_password();
    let url = url.replacen(&format!("{}@", server.address().user()), "ci:s3cret@", 1);
    let ci = Address::parse(&url).unwrap();
    let error = export(&ci, &sample(), None, Duration::from_secs(1))
        .await
        .unwrap_err();
    let text = error.to_string();
    let StoreError::Busy { attempts, last, .. } = error else {
        panic!("{text}");
    };
    assert!(
        attempts > 1 && matches!(last, PostgresError::NoPlace { .. }),
        "{text}"
    );
    assert!(
        text.contains("53300") && text.contains("max_connections"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");

    // A place that comes free is taken.
    let record = sample();
    let exporting = export(&ci, &record, None, PATIENCE);
    let making_room = async { session.run("ALTER ROLE ci CONNECTION LIMIT 1").await };
    let (exported, room) = tokio::join!(exporting, making_room);
    room.unwrap();
    assert_eq!(exported.unwrap().run, RunOutcome::Stored);
}

/// Ten thousand runs of the sample, and how long the store then takes for another one and for a
/// history. The times are printed (`--no-capture`), and bounded only so far that a missing index would
/// be noticed.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_runs_are_stored_and_their_history_is_found_at_once() {
    const RUNS: usize = 10_000;
    let server = server().await;
    let address = server.address().clone();
    put(&address, &run("first", 0)).await;
    let began = Instant::now();
    // Eight at a time, as runners of a CI would.
    let writers = (0..8).map(|writer| {
        let address = address.clone();
        tokio::spawn(async move {
            for number in (writer..RUNS).step_by(8) {
                let days_ago = i64::try_from(number / 28).unwrap();
                let mut record = run(&format!("{number:016x}"), days_ago);
                record.project = Some(format!("project {}", number % 5));
                put(&address, &record).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    println!(
        "{RUNS} runs stored in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let session = connect(&address).await.unwrap();
    assert_eq!(
        count(&session, "runs").await,
        i64::try_from(RUNS).unwrap() + 1
    );
    for table in TABLES {
        println!("{table}: {} rows", count(&session, table).await);
    }
    let size = session
        .text(
            "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class
               WHERE relnamespace = 'dbproof'::regnamespace AND relkind = 'r'",
        )
        .await
        .unwrap();
    println!("size: {}", size.unwrap());

    let began = Instant::now();
    put(&address, &run("another", 0)).await;
    println!(
        "one more run: {:.1} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    let history = "SELECT r.started_at, s.p95_ms, s.threshold_ms FROM dbproof.runs r
                   JOIN dbproof.slow_results s USING (run_id)
                   JOIN dbproof.queries q USING (query_id)
                   WHERE r.project = 'project 1' AND q.name = 'order_history'
                     AND r.started_at > now() - interval '90 days' ORDER BY 1";
    let began = Instant::now();
    let rows = session.query(history, &[]).await.unwrap();
    let took = began.elapsed();
    println!(
        "a query's history of 90 days: {} rows in {:.1} ms",
        rows.len(),
        took.as_secs_f64() * 1e3
    );
    assert!(rows.len() > 400, "{}", rows.len());
    assert!(took < Duration::from_secs(5), "{took:?}");

    let began = Instant::now();
    let mut last = run("last", 0);
    last.project = Some("project 1".to_owned());
    let done = export(&address, &last, Some("90d".parse().unwrap()), PATIENCE)
        .await
        .unwrap();
    println!(
        "{} old runs removed in {:.1} s",
        done.removed,
        began.elapsed().as_secs_f64()
    );
    assert!(done.removed > 1000, "{done:?}");
}

#[tokio::test]
async fn a_schema_that_the_owner_has_made_beforehand_is_used() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE ROLE ci LOGIN PASSWORD 's3cret'; CREATE SCHEMA dbproof AUTHORIZATION ci;
             REVOKE CREATE ON DATABASE postgres FROM ci",
        )
        .await
        .unwrap();
    let url = server.address().url_without_password();
    let url = url.replacen(&format!("{}@", server.address().user()), "ci:s3cret@", 1);
    let ci = Address::parse(&url).unwrap();
    assert_eq!(put(&ci, &sample()).await, RunOutcome::Stored);
}
