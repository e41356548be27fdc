//! The run record as JSON: [`render`], [`parse`] and its [`schema`].

use dbproof_model::{RECORD_SCHEMA, RunRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::formats::Format;

/// The run record itself.
pub(crate) const FORMAT: Format<RunRecord> =
    Format::new("json", "report.json", |record, _| render(record));

/// Why a text is no run record that this version reads.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The text is not JSON at all, or ends too early.
    #[error("not valid JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What the parser stumbled on.
        message: String,
    },
    /// The text is JSON, but nothing in it says that it is a run record.
    #[error("not a run record: it has no \"schema\" field with the value \"{RECORD_SCHEMA}\"")]
    NotARecord,
    /// A run record of another major version, or another kind of document.
    #[error("schema is {found:?}, and this version reads \"{RECORD_SCHEMA}\"{advice}")]
    Schema {
        /// The `schema` field as it was found.
        found: String,
        /// What to do about it; empty where nothing is known.
        advice: &'static str,
    },
    /// A record whose fields are not those of its schema.
    #[error("not a valid {schema} record at line {line}, column {column}: {message}")]
    Shape {
        /// The schema that it claims.
        schema: &'static str,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// Which field is missing or of another type.
        message: String,
    },
}

/// The record as indented JSON, with a newline at its end.
///
/// # Panics
///
/// Never: a record has string keys alone, and numbers that JSON lacks become null.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let mut text = serde_json::to_string_pretty(record).expect("a record has string keys alone");
    text.push('\n');
    text
}

/// Reads a record back.
///
/// # Errors
///
/// Fails where the text is not JSON, is no run record, is one of another major version, or lacks
/// fields. The `schema` field is looked at first: an error about some field of a format that this
/// version does not read would mislead.
pub fn parse(text: &str) -> Result<RunRecord, RecordError> {
    let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => RecordError::NotARecord,
        _ => RecordError::Syntax {
            line: error.line(),
            column: error.column(),
            message: without_position(&error),
        },
    })?;
    match head.schema {
        Some(Value::String(schema)) if schema == RECORD_SCHEMA => {}
        Some(Value::String(found)) => {
            let advice = advice_for(&found);
            return Err(RecordError::Schema { found, advice });
        }
        _ => return Err(RecordError::NotARecord),
    }
    serde_json::from_str(text).map_err(|error| RecordError::shape(RECORD_SCHEMA, &error))
}

impl RecordError {
    pub(crate) fn shape(schema: &'static str, error: &serde_json::Error) -> Self {
        RecordError::Shape {
            schema,
            line: error.line(),
            column: error.column(),
            message: without_position(error),
        }
    }
}

/// The JSON Schema (draft 2020-12) of a run record, generated from the types.
#[must_use]
pub fn schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<RunRecord>().to_value();
    schema["title"] = json!("dbproof run record");
    // The type is a plain string, so the one value that it may have must be said here.
    schema["properties"]["schema"]["const"] = json!(RECORD_SCHEMA);
    schema
}

/// The one field that every version of the format has.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<Value>,
}

fn advice_for(found: &str) -> &'static str {
    let family = RECORD_SCHEMA.trim_end_matches(|c: char| c.is_ascii_digit());
    match found.strip_prefix(family).map(str::parse::<u32>) {
        Some(Ok(major)) if major > 1 => {
            "; the record was written by a newer dbproof: update this one"
        }
        Some(_) => "",
        None => "; this is another kind of document",
    }
}

/// `serde_json` ends its messages with the position, which our own messages already begin with.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}
