//! What pauses a member in the middle of a statement: a lock that a third session holds, or a trigger.

use dbproof_analysis::lock_order::{Lock, LockMode, LockObject, RelationMode};
use dbproof_postgres::{PostgresError, Session};

use super::plan::GateSpec;
use super::stage::Stage;

/// The advisory lock that the trigger waits for: "dbpr" and "gate" in ASCII.
const KEY: &str = "1684172914, 1734440037";

/// Waits before the row that `dbproof.gate_row` counts down to.
const FUNCTION: &str = "
    CREATE SCHEMA IF NOT EXISTS dbproof_gate;
    CREATE OR REPLACE FUNCTION dbproof_gate.pass() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        rows int := current_setting('dbproof.gate_row')::int - 1;
    BEGIN
        PERFORM set_config('dbproof.gate_row', rows::text, false);
        IF rows = 0 THEN
            PERFORM pg_advisory_lock_shared(KEY);
            PERFORM pg_advisory_unlock_shared(KEY);
        END IF;
        RETURN NEW;
    END $$";

/// Why a gate cannot be closed.
pub(super) enum NoGate {
    /// For the reader.
    Why(String),
    /// The connection is lost.
    Lost(PostgresError),
}

impl From<PostgresError> for NoGate {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Server(error) if error.sqlstate == "55P03" => {
                NoGate::Why("the transactions hold what the gate is to hold already".to_owned())
            }
            PostgresError::Server(error) => {
                NoGate::Why(format!("the gate failed with SQLSTATE {}", error.sqlstate))
            }
            error => NoGate::Lost(error),
        }
    }
}

/// What must be there before the transactions begin: the trigger.
pub(super) async fn prepare(stage: &mut Stage, gate: &GateSpec) -> Result<(), NoGate> {
    let GateSpec::Entry { relation, .. } = gate else {
        return Ok(());
    };
    if stage.gated.contains(relation) {
        return Ok(());
    }
    let session = &stage.gate.session;
    let name = quoted(session, relation).await?;
    session.run(&FUNCTION.replace("KEY", KEY)).await?;
    // Behind other triggers, which may still change the row.
    let trigger = format!(
        "CREATE TRIGGER zz_dbproof_gate BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW \
         WHEN (current_setting('dbproof.gate_row', true) <> '') \
         EXECUTE FUNCTION dbproof_gate.pass()"
    );
    session.run(&trigger).await?;
    stage.gated.push(relation.clone());
    Ok(())
}

/// Closes the gate.
pub(super) async fn close(stage: &Stage, gate: &GateSpec) -> Result<(), NoGate> {
    let session = &stage.gate.session;
    session.run("BEGIN").await?;
    match gate {
        GateSpec::Lock(lock) => take(session, lock).await,
        GateSpec::Entry { member, row, .. } => {
            let take = format!("SELECT pg_advisory_xact_lock({KEY})");
            session.run(&take).await?;
            let set = format!("SET dbproof.gate_row = '{row}'");
            Ok(stage.parties[*member].session.run(&set).await?)
        }
    }
}

/// Opens the gate.
pub(super) async fn open(stage: &Stage) -> Result<(), PostgresError> {
    stage.gate.session.run("ROLLBACK").await
}

/// Takes the triggers away.
pub(super) async fn remove(stage: &Stage) -> Result<(), PostgresError> {
    if stage.gated.is_empty() {
        return Ok(());
    }
    let drop = "SET client_min_messages = 'warning'; DROP SCHEMA IF EXISTS dbproof_gate CASCADE";
    stage.gate.session.run(drop).await
}

async fn take(session: &Session, lock: &Lock) -> Result<(), NoGate> {
    match (&lock.object, lock.mode) {
        (LockObject::Row { relation, key }, LockMode::Row(mode)) => {
            let name = quoted(session, relation).await?;
            let (columns, values): (Vec<&str>, Vec<&str>) =
                key.iter().map(|(c, v)| (c.as_str(), v.as_str())).unzip();
            let condition = "SELECT string_agg(format('%I = %L', c, v), ' AND ') \
                             FROM unnest($1::text[], $2::text[]) AS k (c, v)";
            let row = session.query_one(condition, &[&columns, &values]).await;
            let condition: String = row.map_err(|e| session.error(&e))?.get(0);
            let clause = mode.as_clause();
            let select = format!("SELECT 'locked' FROM {name} WHERE {condition} {clause} NOWAIT");
            match session.text(&select).await? {
                Some(_) => Ok(()),
                None => Err(NoGate::Why(format!("a row of {relation} is not there"))),
            }
        }
        (LockObject::Relation(relation), LockMode::Relation(mode)) => {
            let name = quoted(session, relation).await?;
            let mode = as_sql(mode);
            let lock = format!("LOCK TABLE {name} IN {mode} MODE NOWAIT");
            Ok(session.run(&lock).await?)
        }
        (LockObject::Advisory(key), mode) if is_key(key) => {
            let shared = if mode == LockMode::AdvisoryShared {
                "_shared"
            } else {
                ""
            };
            let lock = format!("SELECT pg_try_advisory_xact_lock{shared}({key})");
            match session.text(&lock).await?.as_deref() {
                Some("t") => Ok(()),
                _ => Err(NoGate::Why(
                    "the transactions hold what the gate is to hold already".to_owned(),
                )),
            }
        }
        _ => Err(NoGate::Why("nothing pauses a statement there".to_owned())),
    }
}

/// Whether this is the key of an advisory lock: one or two integers.
fn is_key(key: &str) -> bool {
    let parts: Vec<&str> = key.split(',').collect();
    let is_number = |part: &&str| part.trim().parse::<i64>().is_ok();
    parts.len() <= 2 && parts.iter().all(is_number)
}

fn as_sql(mode: RelationMode) -> &'static str {
    match mode {
        RelationMode::AccessShare => "ACCESS SHARE",
        RelationMode::RowShare => "ROW SHARE",
        RelationMode::RowExclusive => "ROW EXCLUSIVE",
        RelationMode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
        RelationMode::Share => "SHARE",
        RelationMode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
        RelationMode::Exclusive => "EXCLUSIVE",
        RelationMode::AccessExclusive => "ACCESS EXCLUSIVE",
    }
}

/// The relation as SQL names it, where its name is `schema.relation`, quoted or not.
async fn quoted(session: &Session, relation: &str) -> Result<String, NoGate> {
    let sql = "SELECT format('%I.%I', n.nspname, c.relname) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE $1 IN (n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname)) \
               LIMIT 1";
    let row = session.query_opt(sql, &[&relation]).await;
    match row.map_err(|e| session.error(&e))? {
        Some(row) => Ok(row.get(0)),
        None => Err(NoGate::Why(format!("{relation} is not there"))),
    }
}
