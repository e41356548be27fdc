//! Writing a run: [`write`], one transaction.

use std::collections::BTreeMap;

use dbproof_model::RunRecord;
use serde_json::Value;

use super::migrate::{is_newest, version};
use super::rows::{self, Identities};
use super::{Keep, Lock, RunOutcome, StoreError, begin, on};
use crate::Session;

/// Writes a run, unless it is there already or older than what is kept.
pub(super) async fn write(
    session: &Session,
    record: &RunRecord,
    keep: Option<Keep>,
) -> Result<RunOutcome, StoreError> {
    begin(session, Lock::Shared).await?;
    // Between the migration and the lock, a newer dbproof may have been here.
    is_newest(version(session).await?)?;
    if let Some(keep) = keep
        && is_too_old(session, record, keep).await?
    {
        session.run("ROLLBACK").await?;
        return Ok(RunOutcome::TooOld);
    }
    let run = rows::run(record).to_string();
    // Two exporters of the same run: the second waits here for the end of the first.
    let written = session
        .execute(
            "INSERT INTO dbproof.runs SELECT (jsonb_populate_record(NULL::dbproof.runs,
                 $1::text::jsonb || jsonb_build_object('exported_at', now()))).*
             ON CONFLICT (run_id) DO NOTHING",
            &[&run],
        )
        .await
        .map_err(on(session))?;
    if written == 0 {
        return already_there(session, record, &run).await;
    }
    let identities = Identities {
        queries: queries(session, record).await?,
        templates: templates(session, record).await?,
    };
    for (table, rows) in rows::tables(record, &identities) {
        if !rows.is_empty() {
            insert(session, table, rows).await?;
        }
    }
    session.run("COMMIT").await?;
    Ok(RunOutcome::Stored)
}

/// The run's name is taken: by the same run, which is fine, or by another one. What a later dbproof
/// reads from the same record besides makes it no other run.
async fn already_there(
    session: &Session,
    record: &RunRecord,
    run: &str,
) -> Result<RunOutcome, StoreError> {
    let same = session
        .query_one(
            "SELECT (s.started_at, s.duration_ms, s.seed, s.project)
                  = (r.started_at, r.duration_ms, r.seed, r.project)
             FROM jsonb_populate_record(NULL::dbproof.runs, $1::text::jsonb) r
             JOIN dbproof.runs s ON s.run_id = r.run_id",
            &[&run],
        )
        .await
        .map_err(on(session))?;
    session.run("ROLLBACK").await?;
    if same.get(0) {
        return Ok(RunOutcome::AlreadyThere);
    }
    Err(StoreError::OtherRun {
        run_id: record.run_id.clone(),
    })
}

async fn is_too_old(session: &Session, record: &RunRecord, keep: Keep) -> Result<bool, StoreError> {
    let row = session
        .query_one(
            "SELECT $1::text::timestamptz < now() - make_interval(days => $2)",
            &[&record.started_at, &keep.days()],
        )
        .await
        .map_err(on(session))?;
    Ok(row.get(0))
}

/// The numbers of the record's queries, which are made where they are new.
async fn queries(
    session: &Session,
    record: &RunRecord,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let names = rows::query_names(record);
    let project = record.project.as_deref().unwrap_or_default();
    // In order, so that exporters which make the same names wait for each other and never in a circle.
    session
        .execute(
            "INSERT INTO dbproof.queries (project, name)
             SELECT $1, name FROM unnest($2::text[]) WITH ORDINALITY AS n (name, place) ORDER BY place
             ON CONFLICT DO NOTHING",
            &[&project, &names],
        )
        .await
        .map_err(on(session))?;
    let found = session
        .query(
            "SELECT name, query_id FROM dbproof.queries WHERE project = $1 AND name = ANY ($2)",
            &[&project, &names],
        )
        .await
        .map_err(on(session))?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The numbers of the record's statements, by digest; they are made where they are new.
async fn templates(
    session: &Session,
    record: &RunRecord,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let (digests, texts): (Vec<String>, Vec<&str>) = rows::templates(record).into_iter().unzip();
    session
        .execute(
            "INSERT INTO dbproof.templates (sha256, template)
             SELECT sha256, template FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
                 AS t (sha256, template, place) ORDER BY place
             ON CONFLICT DO NOTHING",
            &[&digests, &texts],
        )
        .await
        .map_err(on(session))?;
    let found = session
        .query(
            "SELECT sha256, template_id FROM dbproof.templates WHERE sha256 = ANY ($1)",
            &[&digests],
        )
        .await
        .map_err(on(session))?;
    Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Inserts rows whose keys are the table's columns.
async fn insert(session: &Session, table: &str, rows: Vec<Value>) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO dbproof.{table}
         SELECT * FROM jsonb_populate_recordset(NULL::dbproof.{table}, $1::text::jsonb)"
    );
    session
        .execute(&sql, &[&Value::Array(rows).to_string()])
        .await
        .map_err(on(session))?;
    Ok(())
}
