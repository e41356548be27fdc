//! `dbproof demo`: everything that the sample shop is built to show.

use serde_json::Value;

use crate::project::Shop;

#[test]
fn the_demo_shows_all_four_scenarios_in_a_valid_record() {
    let shop = Shop::new();
    let run = shop.run(&["demo", "--format", "json", "--output", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema_file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schema/dbproof.run-1.json"
    );
    let schema = serde_json::from_str(&std::fs::read_to_string(schema_file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&record)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(record["schema"], "dbproof.run/1");
    assert_eq!(record["server"]["ephemeral"], true);
    order_history_is_improved(&record);
    the_loop_is_proven(&record);
    deadlocks_are_counted_alike(&record);
    let slow = record["scenarios"]["slow"]["queries"].as_array().unwrap();
    assert_eq!(slow.len(), 5);
    assert!(
        slow.iter()
            .all(|query| query["p95_ms"].as_f64().unwrap() > 0.0)
    );
    let html = shop.read("out/report.html");
    assert!(html.contains("order_history") && run.stderr.contains("out/report.html"));
    shop.assert_nothing_is_left();
}

fn order_history_is_improved(record: &Value) {
    let queries = record["scenarios"]["regress"]["queries"]
        .as_array()
        .unwrap();
    let query = queries
        .iter()
        .find(|query| query["name"] == "order_history")
        .unwrap();
    let (before, after) = (&query["before"], &query["after"]);
    let number = |side: &Value, name: &str| side[name].as_f64().unwrap();
    let blocks =
        |side: &Value| number(side, "shared_hit_blocks") + number(side, "shared_read_blocks");
    assert_eq!(before["access"][0]["relation"], "orders");
    assert_eq!(before["access"][0]["node"], "Seq Scan");
    assert!(
        number(before, "rows_removed_by_filter") > 2400.0,
        "{before}"
    );
    assert_eq!(after["access"][0]["index"], "idx_orders_user_created");
    assert!(blocks(after) <= blocks(before) / 5.0, "{query}");
    assert!(
        number(after, "total_cost") <= number(before, "total_cost") / 5.0,
        "{query}"
    );
    assert_eq!(query["verdict"], "improved");
    assert_eq!(record["scenarios"]["regress"]["verdict"], "pass");
}

fn the_loop_is_proven(record: &Value) {
    let nplusone = &record["scenarios"]["nplusone"];
    let groups = nplusone["groups"].as_array().unwrap();
    assert_eq!(
        groups.len(),
        1,
        "the innocent pages are not reported: {nplusone}"
    );
    assert_eq!(groups[0]["verdict"], "proven");
    assert!(
        groups[0]["template"]
            .as_str()
            .unwrap()
            .contains("from users")
    );
    let pages = nplusone["pages"].as_array().unwrap();
    let statements = |version: &str| {
        let page = pages
            .iter()
            .find(|page| page["version"] == version)
            .unwrap();
        page["statements"].as_u64().unwrap()
    };
    assert_eq!((statements("looped"), statements("batched")), (21, 2));
}

fn deadlocks_are_counted_alike(record: &Value) {
    let shapes = record["scenarios"]["deadlock"]["shapes"]
        .as_array()
        .unwrap();
    let timeouts: Vec<f64> = shapes
        .iter()
        .map(|shape| shape["deadlock_timeout_ms"].as_f64().unwrap())
        .collect();
    assert_eq!(timeouts, [1000.0, 100.0, 10.0]);
    for shape in shapes {
        let victims = shape["victims"].as_array().unwrap();
        let victims: u64 = victims
            .iter()
            .map(|victim| victim["runs"].as_u64().unwrap())
            .sum();
        let runs = shape["runs"].as_u64().unwrap();
        assert_eq!(shape["deadlocks"], runs);
        assert_eq!(shape["server_deadlocks"], runs);
        assert_eq!(victims, runs);
        assert_eq!(shape["control"]["deadlocks"], 0);
        assert_eq!(shape["control"]["server_deadlocks"], 0);
        assert_eq!(shape["outage_ms"]["n"], runs);
    }
}
