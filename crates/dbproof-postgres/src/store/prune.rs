//! Removing what is older than what is kept: [`prune`].

use dbproof_model::RunRecord;

use super::migrate::{is_newest, version};
use super::{Keep, Lock, StoreError, begin, on};
use crate::Session;

/// Removes the runs of the record's project that are older than what is kept, by the server's clock,
/// and the names and statements that no run refers to any longer. Returns the number of runs.
///
/// Runs of other projects have their own time. The lock is held alone: a run that is being written
/// may refer to a statement that nothing in the store refers to yet.
pub(super) async fn prune(
    session: &Session,
    record: &RunRecord,
    keep: Keep,
) -> Result<u64, StoreError> {
    const OLD: &str = "project = $1 AND started_at < now() - make_interval(days => $2)";
    let project = record.project.as_deref().unwrap_or_default();
    let found = session
        .query_one(
            &format!("SELECT EXISTS (SELECT FROM dbproof.runs WHERE {OLD})"),
            &[&project, &keep.days()],
        )
        .await
        .map_err(on(session))?;
    if !found.get::<_, bool>(0) {
        return Ok(0);
    }
    begin(session, Lock::Exclusive).await?;
    if !is_newest(version(session).await?)? {
        session.run("ROLLBACK").await?;
        return Ok(0);
    }
    let removed = session
        .execute(
            &format!("DELETE FROM dbproof.runs WHERE {OLD}"),
            &[&project, &keep.days()],
        )
        .await
        .map_err(on(session))?;
    session
        .run(
            "DELETE FROM dbproof.queries q
             WHERE NOT EXISTS (SELECT FROM dbproof.slow_results r WHERE r.query_id = q.query_id)
               AND NOT EXISTS (SELECT FROM dbproof.regress_results r WHERE r.query_id = q.query_id);
             DELETE FROM dbproof.templates t
             WHERE NOT EXISTS (SELECT FROM dbproof.nplusone_groups g
                               WHERE g.template_id = t.template_id)
               AND NOT EXISTS (SELECT FROM dbproof.nplusone_groups g
                               WHERE g.parent_template_id = t.template_id)
               AND NOT EXISTS (SELECT FROM dbproof.watched_statements s
                               WHERE s.template_id = t.template_id);
             COMMIT",
        )
        .await?;
    Ok(removed)
}
