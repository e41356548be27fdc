//! EXPLAIN with parameters, and without leaving a trace.

use dbproof_model::PlanChoice;
use dbproof_postgres::explain::{
    Mode, explain, explain_plan, replan, settled_plan, statement_work, uses_workers,
};
use dbproof_postgres::{catalog, connect};

use crate::server;

#[tokio::test]
async fn a_writing_statement_is_analysed_and_rolled_back() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run("CREATE TABLE t (id int, name text)")
        .await
        .unwrap();
    let values = [Some("7".to_owned()), Some("O'Hara".to_owned())];
    let sql = "INSERT INTO t VALUES ($1, $2)";
    let plan = explain(&session, sql, &values, Mode::Analyze)
        .await
        .unwrap();
    assert_eq!(plan[0]["Plan"]["Operation"], "Insert");
    assert!(plan[0]["Plan"]["Shared Hit Blocks"].is_number());
    assert_eq!(catalog::row_count(&session, "t").await.unwrap(), 0);
    let planned = explain(&session, sql, &values, Mode::Plan).await.unwrap();
    assert!(planned[0]["Plan"]["Actual Rows"].is_null());
}

#[tokio::test]
async fn an_error_counts_its_position_from_the_users_first_character() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    let error = explain(&session, "SELECT colour FROM pg_class", &[], Mode::Plan)
        .await
        .unwrap_err();
    assert_eq!(error.server_error().unwrap().position, Some(8));
    session.run("SELECT 1").await.unwrap();
}

/// A column that has one value in most rows, and an index that serves all others.
async fn skewed() -> (dbproof_postgres::EphemeralServer, dbproof_postgres::Session) {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE t (kind int, filler text);
             INSERT INTO t SELECT CASE WHEN i % 10 = 0 THEN i ELSE 1 END, repeat('x', 50)
             FROM generate_series(1, 20000) i;
             CREATE INDEX t_kind ON t (kind);
             ANALYZE t",
        )
        .await
        .unwrap();
    (server, session)
}

#[tokio::test]
async fn the_settled_plan_is_the_one_that_the_server_itself_settles_on() {
    let (_server, session) = skewed().await;
    let sql = "SELECT * FROM t WHERE kind = $1";
    let (rare, frequent) = ([Some("20".to_owned())], [Some("1".to_owned())]);
    for (sets, expected) in [
        // Five cheap custom plans: the generic one is dearer than their average.
        (vec![&rare[..]], PlanChoice::Custom),
        // Five dear ones: it is cheaper.
        (vec![&frequent[..]], PlanChoice::Generic),
    ] {
        let settled = settled_plan(&session, sql, &sets).await.unwrap();
        assert_eq!(settled, expected, "{sets:?}");
        session
            .run("PREPARE own (int) AS SELECT * FROM t WHERE kind = $1")
            .await
            .unwrap();
        let value = sets[0][0].as_deref().unwrap();
        for _ in 0..6 {
            session.run(&format!("EXECUTE own({value})")).await.unwrap();
        }
        let generic =
            "SELECT (generic_plans > 0)::text FROM pg_prepared_statements WHERE name = 'own'";
        let generic = session.text(generic).await.unwrap().unwrap() == "true";
        assert_eq!(generic, expected == PlanChoice::Generic, "{sets:?}");
        session.run("DEALLOCATE own").await.unwrap();
    }
}

#[tokio::test]
async fn the_generic_plan_does_not_know_the_value() {
    let (_server, session) = skewed().await;
    let sql = "SELECT * FROM t WHERE kind = $1";
    let rare = [Some("20".to_owned())];
    let node = async |choice| {
        let plan = explain_plan(&session, sql, &rare, (Mode::Analyze, choice))
            .await
            .unwrap();
        plan[0]["Plan"]["Plan Rows"].as_f64().unwrap()
    };
    let (custom, generic) = (
        node(PlanChoice::Custom).await,
        node(PlanChoice::Generic).await,
    );
    assert!(generic > custom, "{custom} {generic}");
}

#[tokio::test]
async fn planning_anew_leaves_the_statistics_as_they_were() {
    let (_server, session) = skewed().await;
    session
        .run("DELETE FROM pg_statistic WHERE starelid = 't'::regclass")
        .await
        .unwrap();
    let sql = "SELECT * FROM t WHERE kind = $1";
    let rare = [Some("20".to_owned())];
    let estimate = |plan: &serde_json::Value| plan[0]["Plan"]["Plan Rows"].as_f64().unwrap();
    let without = estimate(&explain(&session, sql, &rare, Mode::Plan).await.unwrap());
    let relations = [("public".to_owned(), "t".to_owned())];
    let plans = replan(&session, &relations, &[(sql, &rare), (sql, &rare)])
        .await
        .unwrap();
    assert_eq!(plans.len(), 2);
    assert!(estimate(&plans[0]) < without, "{without} {plans:?}");
    let again = estimate(&explain(&session, sql, &rare, Mode::Plan).await.unwrap());
    assert!((again - without).abs() < f64::EPSILON, "{without} {again}");
}

#[tokio::test]
async fn workers_are_seen_although_plans_are_taken_without_them() {
    let (_server, session) = skewed().await;
    let sql = "SELECT count(*) FROM t WHERE filler <> $1";
    let value = [Some("y".to_owned())];
    assert!(!uses_workers(&session, sql, &value).await.unwrap());
    session
        .run("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
        .await
        .unwrap();
    assert!(uses_workers(&session, sql, &value).await.unwrap());
    let plan = explain(&session, sql, &value, Mode::Plan).await.unwrap();
    assert!(!plan.to_string().contains("Gather"));
}

#[tokio::test]
async fn a_statement_that_a_rule_rewrites_is_one_plan() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE t (id int); CREATE TABLE audit (id int); CREATE TABLE sink (id int);
             CREATE RULE copy AS ON INSERT TO t DO ALSO INSERT INTO audit VALUES (new.id);
             CREATE RULE tell AS ON INSERT TO t DO ALSO NOTIFY t;
             CREATE RULE nothing AS ON INSERT TO sink DO INSTEAD NOTHING",
        )
        .await
        .unwrap();
    for mode in [Mode::Plan, Mode::Analyze] {
        let copied = explain(&session, "INSERT INTO t VALUES (1)", &[], mode).await;
        let copied = copied.unwrap();
        assert_eq!(copied.as_array().unwrap().len(), 1);
        let written = |at: usize| &copied[0]["Plan"]["Plans"][at]["Relation Name"];
        assert_eq!((written(0), written(1)), (&"t".into(), &"audit".into()));
        let sunk = explain(&session, "INSERT INTO sink VALUES (1)", &[], mode).await;
        let sunk = sunk.unwrap();
        assert_eq!(sunk[0]["Plan"]["Plans"].as_array().unwrap().len(), 0);
    }
}

#[tokio::test]
async fn the_work_of_a_statement_includes_the_large_values_that_it_returns() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session
        .run(
            "CREATE TABLE docs (id int, body text);
             ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;
             INSERT INTO docs SELECT i, repeat('x', 40000) FROM generate_series(1, 10) i",
        )
        .await
        .unwrap();
    let blocks = async |sql: &str| {
        let work = statement_work(&session, sql, &[]).await.unwrap();
        work.blocks["docs"]
    };
    let (ids, bodies) = (
        blocks("SELECT id FROM docs").await,
        blocks("SELECT body FROM docs").await,
    );
    assert!(bodies >= ids + 50, "{ids} and {bodies} blocks");
}

#[tokio::test]
async fn the_settled_plan_heeds_the_database() {
    let (_server, session) = skewed().await;
    let sql = "SELECT * FROM t WHERE kind = $1";
    let rare = [Some("70".to_owned())];
    session
        .run("SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    let settled = settled_plan(&session, sql, &[&rare]).await.unwrap();
    assert_eq!(settled, PlanChoice::Generic);
    session
        .run("SET plan_cache_mode = force_custom_plan")
        .await
        .unwrap();
    let settled = settled_plan(&session, sql, &[&rare]).await.unwrap();
    assert_eq!(settled, PlanChoice::Custom);
}
