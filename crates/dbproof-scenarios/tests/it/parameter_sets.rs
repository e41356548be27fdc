//! What the parameter sets of `regress` show that one set of values would not.

use std::fs;
use std::path::PathBuf;

use dbproof_model::{Finding, PlanChoice, RegressQuery, RegressVerdict, Scenario, Severity};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunError, RunOptions, ServerChoice, Silent};

/// A run of `regress` on a project of one base, one query and one change.
pub(crate) async fn regress(
    base: &str,
    query: &str,
    change: &str,
    seed: u64,
) -> Result<(RegressQuery, Vec<Finding>), RunError> {
    let project = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = project.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("migrations/1_base.sql", base);
    write("migrations/2_change.sql", change);
    write("queries/q.sql", query);
    write("dbproof.toml", "[regress]\nbudget_s = 0\n");
    let options = RunOptions {
        project: Project::open(&project.path().join("dbproof.toml")).unwrap(),
        scenarios: vec![Scenario::Regress],
        server: ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from),
        },
        in_place: false,
        seed,
        keep_values: true,
        threshold: None,
        change: None,
        deadlock: DeadlockChoice::default(),
        trace: None,
        cleaner: None,
    };
    let record = dbproof_scenarios::run(&options, &Silent).await?;
    let query = record.scenarios.regress.unwrap().queries.remove(0);
    Ok((query, record.findings))
}

fn labels(query: &RegressQuery) -> Vec<&str> {
    query.sets.iter().map(|set| set.label.as_str()).collect()
}

const COMMENT: &str = "COMMENT ON TABLE t IS 'nothing changed';";

/// Kind 1 in nine rows of ten, and other kinds once each.
const SKEWED: &str = "
    CREATE TABLE u (id int PRIMARY KEY, name text);
    INSERT INTO u SELECT i, repeat('u', 40) FROM generate_series(1, 20000) i;
    CREATE TABLE t (id int PRIMARY KEY, kind int, u_id int, filler text);
    INSERT INTO t SELECT i, CASE WHEN i % 10 = 0 THEN i ELSE 1 END, 1 + (i * 7919) % 20000, repeat('x', 50)
    FROM generate_series(1, 20000) i;
    CREATE INDEX t_kind ON t (kind);";

#[tokio::test]
async fn the_most_common_value_and_an_absent_one_are_compared_too() {
    let query = "-- name: q\n-- param kind: uniform(1, 20000)\nSELECT * FROM t WHERE kind = :kind;";
    let (query, _) = regress(SKEWED, query, COMMENT, 1).await.unwrap();
    let custom: Vec<&str> = labels(&query)
        .into_iter()
        .filter(|label| !label.ends_with("prepared"))
        .collect();
    assert_eq!(
        custom,
        ["typical", "typical 2", "typical 3", "heavy", "none"]
    );
    let rows = |label: &str| {
        let set = query.sets.iter().find(|set| set.label == label).unwrap();
        set.after.rows
    };
    assert!((rows("heavy") - 18_000.0).abs() < 0.5, "{}", rows("heavy"));
    assert!(rows("none").abs() < 0.5, "{}", rows("none"));
    assert_eq!(query.verdict, RegressVerdict::Unchanged);
}

#[tokio::test]
async fn values_that_the_project_rules_out_are_not_tried() {
    // Neither 1, the most common value, nor one that no row has is in the list.
    let query = "-- name: q\n-- param kind: one_of(10, 20)\nSELECT * FROM t WHERE kind = :kind;";
    let (listed, _) = regress(SKEWED, query, COMMENT, 1).await.unwrap();
    assert!(
        labels(&listed)
            .iter()
            .all(|label| label.starts_with("typical")),
        "{:?}",
        labels(&listed)
    );
    let query = "-- name: q\n-- param kind: uniform(2, 20000)\nSELECT * FROM t WHERE kind = :kind;";
    let (ranged, _) = regress(SKEWED, query, COMMENT, 1).await.unwrap();
    assert!(!labels(&ranged).contains(&"heavy"), "{:?}", labels(&ranged));
    assert!(labels(&ranged).contains(&"none"), "{:?}", labels(&ranged));
}

#[tokio::test]
async fn a_generic_plan_that_reads_more_is_told_and_not_blamed_on_the_change() {
    // For an average kind a loop over `u` is best; for kind 1 it looks up 18,000 rows one by one.
    let query = "-- name: q\n-- param kind: one_of(1, 10, 20, 30)\n\
                 SELECT t.id, u.name FROM t JOIN u ON u.id = t.u_id WHERE t.kind = :kind;";
    let mut told = 0;
    // Whether the server settles on the generic plan depends on the first values that it sees.
    for seed in 0..4 {
        let (query, findings) = regress(SKEWED, query, COMMENT, seed).await.unwrap();
        assert_eq!(query.verdict, RegressVerdict::Unchanged);
        let finding = findings.iter().find(|f| f.code == "generic-plan-worse");
        let settled = query.prepared.unwrap();
        match finding {
            Some(finding) => {
                assert_eq!(settled.after, PlanChoice::Generic);
                assert_eq!(finding.severity, Severity::Info);
                // The first typical value may be 1 as well.
                let set = finding.evidence["parameter_set"].as_str().unwrap();
                assert!(["heavy", "typical"].contains(&set), "{set}");
                let prepared = format!("{set}, prepared");
                assert!(labels(&query).contains(&prepared.as_str()));
                told += 1;
            }
            None => assert_eq!(settled.after, PlanChoice::Custom),
        }
    }
    assert!(told > 0);
}

#[tokio::test]
async fn a_generic_plan_like_the_custom_one_is_not_worth_a_word() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, note text);
                INSERT INTO t SELECT i, 'n' FROM generate_series(1, 5000) i;";
    let query = "-- name: q\n-- param id: uniform(1, 5000)\nSELECT * FROM t WHERE id = :id;";
    let (query, findings) = regress(base, query, COMMENT, 1).await.unwrap();
    assert_eq!(query.prepared.unwrap().after, PlanChoice::Generic);
    assert!(
        labels(&query)
            .iter()
            .all(|label| !label.ends_with("prepared"))
    );
    assert!(findings.is_empty(), "{findings:?}");
}

/// With so small a sample chance decides between the key's index and a sort.
const WAVERING: &str = "
    CREATE TABLE t (id int PRIMARY KEY, kind int, filler text);
    INSERT INTO t SELECT i, CASE WHEN i > 19880 THEN 1 ELSE 2 END, repeat('x', 100)
    FROM generate_series(1, 20000) i;
    CREATE INDEX t_kind ON t (kind);
    ALTER TABLE t ALTER kind SET STATISTICS 1, ALTER id SET STATISTICS 1, ALTER filler SET STATISTICS 1;";

#[tokio::test]
async fn a_plan_that_wavers_blames_nobody() {
    let query = "-- name: q\nSELECT * FROM t WHERE kind = 1 ORDER BY id LIMIT 10;";
    // Until the two sides happen to have different plans, which they have every second time.
    for _ in 0..12 {
        let (query, findings) = regress(WAVERING, query, COMMENT, 1).await.unwrap();
        let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
        match query.verdict {
            RegressVerdict::Unchanged => {}
            RegressVerdict::Changed => {
                assert!(codes.contains(&"plan-wavers"), "{codes:?}");
                assert!(
                    findings.iter().all(|f| f.severity != Severity::Error),
                    "{codes:?}"
                );
                return;
            }
            verdict => panic!("{verdict:?}, {:?}: {codes:?}", query.reasons),
        }
    }
    panic!("the two sides had the same plan in every run");
}

#[tokio::test]
async fn an_index_that_is_dropped_is_no_wavering() {
    let base = WAVERING.replace("19880", "19990");
    let query = "-- name: q\nSELECT * FROM t WHERE kind = 1 ORDER BY id LIMIT 10;";
    let (query, findings) = regress(&base, query, "DROP INDEX t_kind;", 1)
        .await
        .unwrap();
    assert_eq!(query.verdict, RegressVerdict::Regressed);
    assert!(findings.iter().all(|f| f.code != "plan-wavers"));
}

#[tokio::test]
async fn a_query_that_fails_without_the_change_is_not_blamed_on_it() {
    let base = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10);";
    let query =
        "-- name: q\n-- param id: uniform(1, 9)\nSELECT 1 / (id - id) FROM t WHERE id = :id;";
    let (query, findings) = regress(base, query, COMMENT, 1).await.unwrap();
    assert_eq!(query.verdict, RegressVerdict::Inconclusive);
    assert!(findings.iter().any(|f| f.code == "query-failed"));
}

#[tokio::test]
async fn a_statement_that_no_longer_writes_its_rows_has_another_result() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, note text);
                CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';";
    let query = "-- name: q\nINSERT INTO t VALUES (1, 'one'), (2, 'two');";
    let change =
        "CREATE TRIGGER swallow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION nothing();";
    let (hurt, findings) = regress(base, query, change, 1).await.unwrap();
    assert_eq!(hurt.verdict, RegressVerdict::Regressed);
    let differs = findings
        .iter()
        .find(|f| f.code == "result-rows-differ")
        .unwrap();
    assert_eq!(differs.message, "writes 0 rows where it wrote 2");
    let (same, findings) = regress(base, query, COMMENT, 1).await.unwrap();
    assert_eq!(same.verdict, RegressVerdict::Unchanged);
    assert!(findings.iter().all(|f| f.code != "result-rows-differ"));
}
