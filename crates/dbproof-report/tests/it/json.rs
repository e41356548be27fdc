//! The JSON form: read back, refused where it must be, and described by the checked-in schema.

use dbproof_report::json;
use serde_json::{Value, json};

use crate::sample;

const SCHEMA_FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../schema/dbproof.run-1.json"
);

#[test]
fn a_record_survives_being_written_and_read() {
    for record in [
        sample::full(),
        sample::empty(),
        sample::hollow(),
        sample::without_figures(),
        sample::watched(),
    ] {
        let text = json::render(&record);
        assert!(text.ends_with("}\n"));
        assert_eq!(json::parse(&text).expect("our own record"), record);
    }
}

#[test]
fn what_is_no_record_is_refused_with_its_reason() {
    let check = |text: &str, expected: &str| {
        let error = json::parse(text).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    };
    check(
        "",
        "not valid JSON at line 1, column 0: EOF while parsing a value",
    );
    check(
        "{\n  \"schema\": ]",
        "not valid JSON at line 2, column 13: expected value",
    );
    check(
        "{}",
        "not a run record: it has no \"schema\" field with the value \"dbproof.run/1\"",
    );
    check(
        "[1]",
        "not a run record: it has no \"schema\" field with the value \"dbproof.run/1\"",
    );
    check(
        r#"{"schema": "dbproof.run/2"}"#,
        "schema is \"dbproof.run/2\", and this version reads \"dbproof.run/1\"; \
         the record was written by a newer dbproof: update this one",
    );
    check(
        r#"{"schema": "dbproof.queries/1"}"#,
        "schema is \"dbproof.queries/1\", and this version reads \"dbproof.run/1\"; \
         this is another kind of document",
    );
    check(
        "{\"schema\": \"dbproof.run/1\",\n \"tool\": 7}",
        "not a valid dbproof.run/1 record at line 2, column 10: \
         invalid type: integer `7`, expected struct Tool",
    );
}

/// Run with `UPDATE_SCHEMA=1` after a change of the record's types.
#[test]
fn the_checked_in_schema_is_the_one_of_the_types() {
    let generated = json::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&generated).expect("a schema is JSON") + "\n";
        std::fs::write(SCHEMA_FILE, text).expect("the schema folder can be written");
    }
    let stored = std::fs::read_to_string(SCHEMA_FILE).unwrap_or_default();
    let stored: Value = serde_json::from_str(&stored).unwrap_or_default();
    assert!(
        stored == generated,
        "schema/dbproof.run-1.json is not what the types say; regenerate it with\n\
         UPDATE_SCHEMA=1 cargo test -p dbproof-report the_checked_in_schema"
    );
}

#[test]
fn the_schema_accepts_records_and_refuses_broken_ones() {
    let schema = json::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("a valid schema");
    let records = [
        sample::full(),
        sample::empty(),
        sample::without_figures(),
        sample::watched(),
    ];
    for record in records {
        let value = serde_json::to_value(&record).expect("a record is JSON");
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(errors, [] as [String; 0]);
    }

    let breakages = [
        ("/schema", json!("dbproof.run/2")),
        ("/duration_ms", json!("23 s")),
        ("/verdict", json!("passed")),
        ("/findings/0/severity", json!("fatal")),
        ("/scenarios/slow/queries/0/samples", json!(-1)),
        ("/scenarios/nplusone/groups/0/verdict", json!(null)),
    ];
    for (pointer, broken) in breakages {
        let mut value = serde_json::to_value(sample::full()).expect("a record is JSON");
        *value.pointer_mut(pointer).expect(pointer) = broken;
        assert!(!validator.is_valid(&value), "{pointer} should be refused");
    }
}
