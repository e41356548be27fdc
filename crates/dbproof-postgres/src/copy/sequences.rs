//! Sequences that feed seeded columns: [`advance`].

use postgres_protocol::escape::escape_literal;

use super::LoadError;
use super::target::Target;
use crate::{PostgresError, Session};

/// Advances every sequence that a column of these tables takes its default from past the largest
/// value there, so that the next `INSERT` does not collide with a seeded row.
pub(super) async fn advance(session: &Session, targets: &[Target]) -> Result<(), LoadError> {
    for target in targets {
        let columns = target.rows.column_names();
        let about = LoadError::about(target.name());
        advance_of(session, target, &columns).await.map_err(about)?;
    }
    Ok(())
}

async fn advance_of(
    session: &Session,
    target: &Target,
    columns: &[&str],
) -> Result<(), PostgresError> {
    let failed = |e| session.error(&e);
    // An identity column owns its sequence (deptype 'i'); a default refers to it.
    let fed = session
        .query(
            "SELECT format('%I', a.attname), d.objid::regclass::text, s.seqincrement > 0
             FROM pg_depend d
             JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             JOIN pg_sequence s ON s.seqrelid = d.objid
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
               AND d.deptype = 'i' AND d.refobjid = $1 AND a.attname = ANY ($2)
             UNION
             SELECT format('%I', a.attname), d.refobjid::regclass::text, s.seqincrement > 0
             FROM pg_attrdef ad
             JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
                             AND d.refclassid = 'pg_class'::regclass
             JOIN pg_sequence s ON s.seqrelid = d.refobjid
             JOIN pg_attribute a ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
             WHERE ad.adrelid = $1 AND a.attname = ANY ($2)",
            &[&target.oid, &columns],
        )
        .await
        .map_err(failed)?;
    for row in fed {
        let (column, sequence): (String, String) = (row.get(0), row.get(1));
        let relation = target.relation();
        let (last, beyond) = if row.get(2) {
            ("max", ">")
        } else {
            ("min", "<")
        };
        // Never backwards, and not beyond the sequence's own end.
        let literal = escape_literal(&sequence);
        session
            .run(&format!(
                "SELECT setval({literal}, used.value)
                 FROM (SELECT {last}({column})::bigint AS value FROM {relation}) used,
                      {sequence} now, pg_sequence
                 WHERE seqrelid = {literal}::regclass AND used.value BETWEEN seqmin AND seqmax
                   AND (used.value {beyond} now.last_value
                        OR used.value = now.last_value AND NOT now.is_called)"
            ))
            .await?;
    }
    Ok(())
}
