//! What `dbproof seed` reports.

use dbproof_model::{CheckOutcome, SEED_SCHEMA, SeedCheck, SeedRecord, SeedTable, Tool, Verdict};
use dbproof_report::seed;
use dbproof_report::terminal::Style;
use serde_json::Value;

const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../schema/dbproof.seed-1.json"
);

fn check(column: &str, statistic: &str, outcome: CheckOutcome, figures: [f64; 4]) -> SeedCheck {
    let figure = |value| (outcome != CheckOutcome::NotChecked).then_some(value);
    let [asked, low, high, found] = figures;
    SeedCheck {
        table: "users".to_owned(),
        column: column.to_owned(),
        statistic: statistic.to_owned(),
        asked: figure(asked),
        low: figure(low),
        high: figure(high),
        found: figure(found),
        outcome,
        reason: (outcome == CheckOutcome::NotChecked).then(|| "the text is made up".to_owned()),
    }
}

fn record() -> SeedRecord {
    use CheckOutcome::{Differs, NotChecked, Ok};
    SeedRecord {
        schema: SEED_SCHEMA.to_owned(),
        tool: Tool {
            version: "0.1.0".to_owned(),
        },
        project: Some("shop".to_owned()),
        duration_ms: 1234.0,
        seed: 42,
        scale: 1.0,
        server_version: "17.2".to_owned(),
        database: "dbproof_seed_1".to_owned(),
        url: "postgres://ann@db:5432/dbproof_seed_1".to_owned(),
        in_place: false,
        tables: vec![SeedTable {
            table: "users".to_owned(),
            rows: 1000,
            duration_ms: 250.0,
        }],
        verdict: Verdict::Fail,
        checks: vec![
            check("", "rows", Ok, [1000.0, 1000.0, 1000.0, 1000.0]),
            check("id", "nulls", Ok, [0.0, 0.0, 0.0, 0.0]),
            check("phone", "nulls", Differs, [0.3, 0.217, 0.383, 0.5]),
            check("name", "distinct values", NotChecked, [0.0; 4]),
        ],
    }
}

#[test]
fn what_differs_and_what_was_not_checked_is_told() {
    insta::assert_snapshot!(seed::terminal(&record(), &Style::default()), @r#"
    --------------------------------------------------------------------------------
    rows
      table   rows  seconds  rows/s
      -----------------------------
      users  1,000    0.250   4,000

    --------------------------------------------------------------------------------
    planner's statistics against data/*.toml: fail
      users
      column  statistic  asked         allowed  found
      --------------------------------------------------------
              rows       1,000           1,000  1,000  ok
      phone   nulls      0.300  0.217 to 0.383  0.500  differs

      1 column without NULLs, as asked
      - not checked, because the text is made up: users.name distinct values
    --------------------------------------------------------------------------------
    Seed: fail — 1,000 rows in 1.2 s; statistics: 2 ok, 1 differ, 1 not checked;
      seed 42, scale 1
    Database: dbproof_seed_1 (new, and kept until you drop it):
      postgres://ann@db:5432/dbproof_seed_1
    "#);
}

#[test]
fn the_checked_in_schema_of_seeds_is_the_one_of_the_types() {
    let generated = seed::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&generated).expect("a schema is JSON") + "\n";
        std::fs::write(SCHEMA_FILE, text).expect("the schema folder can be written");
    }
    let stored = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();
    let stored: Value = serde_json::from_str(&stored).unwrap_or_default();
    assert!(
        stored == generated,
        "schema/dbproof.seed-1.json is not what the types say; regenerate it with\n\
         UPDATE_SCHEMA=1 cargo test -p dbproof-report the_checked_in_schema"
    );
    let validator = jsonschema::draft202012::new(&generated).expect("a valid schema");
    let value: Value = serde_json::from_str(&seed::json(&record())).expect("JSON");
    assert!(validator.is_valid(&value));
    let mut other = value;
    other["checks"][0]["outcome"] = "fine".into();
    assert!(!validator.is_valid(&other));
}
