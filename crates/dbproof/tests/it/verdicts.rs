//! Verdicts and exit codes of the scenarios.

use serde_json::Value;

use crate::project::{Run, Shop};

#[test]
fn the_threshold_of_the_environment_decides_slow() {
    let shop = Shop::new();
    let run = |threshold: &str| {
        let mut command = shop.command(&["slow"]);
        Run::new(
            &command
                .env("SLOW_QUERY_THRESHOLD_MS", threshold)
                .output()
                .unwrap(),
        )
    };
    let breached = run("0.0001");
    assert_eq!(breached.code, 1, "{}", breached.stderr);
    for expected in ["slow-query", "order_history", "queries/order_history.sql:1"] {
        assert!(
            breached.stdout.contains(expected),
            "{expected}: {}",
            breached.stdout
        );
    }
    assert_eq!(run("10000").code, 0);
    run("soon").failed_with(2, &["SLOW_QUERY_THRESHOLD_MS is `soon`"]);
    shop.assert_nothing_is_left();
}

#[test]
fn the_most_specific_threshold_wins_over_the_environments() {
    let sql = "-- name: own\n-- threshold_ms: 10000\nSELECT 1;\n-- name: general\nSELECT 2;\n";
    let shop = Shop::new().with_only_query(sql);
    let mut command = shop.command(&["slow", "--format", "json"]);
    let run = Run::new(
        &command
            .env("SLOW_QUERY_THRESHOLD_MS", "0.0001")
            .output()
            .unwrap(),
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    let queries = &record["scenarios"]["slow"]["queries"];
    assert_eq!(
        (&queries[0]["threshold_source"], &queries[0]["verdict"]),
        (&"query".into(), &"pass".into())
    );
    assert_eq!(queries[1]["threshold_source"], "environment");
    assert_eq!(queries[1]["verdict"], "fail");
    assert!(queries[1]["slowest_plan"].is_array());
}

#[test]
fn too_few_samples_are_inconclusive_and_never_a_pass() {
    let shop = Shop::new();
    shop.write(
        "dbproof.toml",
        "[slow]\nthreshold_ms = 10000\nsamples = 20\n",
    );
    let (code, record) = shop.record(&["slow"]);
    assert_eq!(code, 4);
    assert_eq!(record["verdict"], "inconclusive");
    let (code, _) = shop.record(&["slow", "--fail-on", "never"]);
    assert_eq!(code, 0);
}

#[test]
fn a_query_that_fails_in_some_samples_is_a_finding() {
    let sql = "-- name: divide\n-- param by: one_of(0, 1, 2)\nSELECT 10 / :by::int;\n";
    let shop = Shop::new().with_only_query(sql);
    let (code, record) = shop.record(&["slow"]);
    assert_eq!(code, 1);
    assert_eq!(record["findings"][0]["code"], "query-failed");
    assert!(
        record["scenarios"]["slow"]["queries"][0]["errors"]
            .as_u64()
            .unwrap()
            > 0
    );
}

#[test]
fn values_are_masked_unless_they_are_kept() {
    let sql = "-- name: find\n-- threshold_ms: 0.00001\n-- param who: one_of(secret@example.org)\n\
               SELECT id FROM users WHERE email = :who;\n";
    let shop = Shop::new().with_only_query(sql);
    let masked = shop.run(&["slow", "--format", "json"]);
    assert_eq!(masked.code, 1);
    assert!(!masked.stdout.contains("secret@example.org"));
    let kept = shop.run(&["slow", "--format", "json", "--keep-values"]);
    assert!(kept.stdout.contains("secret@example.org"));
}

/// The verdict of each query.
fn verdicts(record: &Value) -> Vec<(String, String)> {
    let queries = record["scenarios"]["regress"]["queries"]
        .as_array()
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    queries
        .iter()
        .map(|query| (text(&query["name"]), text(&query["verdict"])))
        .collect()
}

#[test]
fn a_dropped_index_is_a_regression_of_the_query_that_used_it() {
    let shop = Shop::new();
    let (code, record) = shop.record(&["regress", "--migration", "changes/drop_orders_index.sql"]);
    assert_eq!(code, 1);
    for (name, verdict) in verdicts(&record) {
        let expected = if name == "order_history" {
            "regressed"
        } else {
            "unchanged"
        };
        assert_eq!(verdict, expected, "{name}");
    }
    let finding = &record["findings"][0];
    assert_eq!(finding["code"], "index-scan-lost");
    assert_eq!(finding["subject"], "order_history");
    assert_eq!(finding["location"]["file"], "queries/order_history.sql");
}

#[test]
fn a_comment_changes_nothing() {
    let shop = Shop::new();
    let (code, record) = shop.record(&["regress", "--migration", "changes/comment_only.sql"]);
    assert_eq!(code, 0, "{record:#}");
    for (name, verdict) in verdicts(&record) {
        assert_eq!(verdict, "unchanged", "{name}");
    }
    shop.assert_nothing_is_left();
}

#[test]
fn a_change_that_breaks_a_query_is_a_regression() {
    let shop = Shop::new();
    shop.write(
        "changes/rename.sql",
        "ALTER TABLE users RENAME COLUMN email TO mail;\n",
    );
    let (code, record) = shop.record(&["regress", "--migration", "changes/rename.sql"]);
    assert_eq!(code, 1);
    let broken = verdicts(&record)
        .into_iter()
        .find(|(name, _)| name == "user_lookup");
    assert_eq!(broken.unwrap().1, "regressed");
    assert_eq!(record["findings"][0]["code"], "query-failed");
}

#[test]
fn a_change_of_the_rows_is_a_regression() {
    let shop = Shop::new();
    shop.write("changes/delete.sql", "DELETE FROM order_items;\n");
    let (code, record) = shop.record(&["regress", "--migration", "changes/delete.sql"]);
    assert_eq!(code, 1);
    let findings = record["findings"].as_array().unwrap();
    let codes: Vec<&str> = findings
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"result-rows-differ"), "{codes:?}");
}

#[test]
fn a_project_without_loops_passes() {
    let shop = Shop::new();
    std::fs::remove_file(shop.path("pages/recent_orders.toml")).unwrap();
    let (code, record) = shop.record(&["nplusone"]);
    assert_eq!(code, 0, "{record:#}");
    assert_eq!(record["verdict"], "pass");
}

#[test]
fn a_control_that_deadlocks_fails() {
    let shop = Shop::new();
    let text = shop.read("deadlocks/row_inversion.toml");
    let (inverted, _) = text.split_once("[[control.session]]").unwrap();
    let (_, sessions) = inverted.split_once("[[session]]").unwrap();
    let control = format!("[[session]]{sessions}").replace("[[session]]", "[[control.session]]");
    shop.write(
        "deadlocks/row_inversion.toml",
        &format!("{inverted}{control}"),
    );
    let (code, record) = shop.record(&["deadlock"]);
    assert_eq!(code, 1);
    assert_eq!(record["findings"][0]["code"], "control-deadlocked");
}

/// A query whose function the change may make more expensive, without another block being read.
fn shop_with_function() -> Shop {
    let shop = Shop::new()
        .with_only_query("-- name: weights\nSELECT sum(weight(id::int)) FROM order_items;\n");
    shop.write("dbproof.toml", "[project]\nname = \"shop\"\n");
    shop.write("migrations/003_function.sql", &function_of_cost(20));
    shop
}

/// The function, with a loop of that many rounds.
fn function_of_cost(rounds: u32) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION weight(n int) RETURNS int LANGUAGE plpgsql AS $$\n\
         BEGIN FOR i IN 1..{rounds} LOOP n := n + 1; END LOOP; RETURN n - {rounds}; END $$;\n"
    )
}

/// Whether this machine could tell is not for a test to demand; what follows from it is.
#[test]
fn processor_time_alone_regresses_where_the_clock_can_tell() {
    let shop = shop_with_function();
    shop.write("changes/dearer.sql", &function_of_cost(40));
    let (code, record) = shop.record(&["regress", "--migration", "changes/dearer.sql"]);
    let regress = &record["scenarios"]["regress"];
    let query = &regress["queries"][0];
    assert_eq!(query["ratio"]["buffers"], 1.0, "no block tells of it");
    assert_ne!(query["timing"]["outcome"], "faster");
    assert!(query["ratio"]["time"]["estimate"].as_f64().unwrap() > 1.0);
    let slower = query["timing"]["outcome"] == "slower" && regress["timing"]["gates"] == true;
    let expected = if slower { "regressed" } else { "unchanged" };
    assert_eq!(
        (code, &query["verdict"]),
        (i32::from(slower), &expected.into())
    );
    let codes = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["code"].as_str().unwrap());
    assert_eq!(
        codes.filter(|code| *code == "slower").count(),
        usize::from(slower)
    );
}
