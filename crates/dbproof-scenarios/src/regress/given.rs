//! Two databases of the user's, and in what they differ besides their schema: [`differences`].

use std::collections::BTreeMap;

use dbproof_analysis::findings::sides_differ;
use dbproof_model::Finding;
use dbproof_postgres::{PostgresError, Session, catalog};

use super::twins::Sessions;

/// A relation's rows must differ by this factor to be told: the planner's counts are estimates.
const NOTABLE_FACTOR: f64 = 1.1;

/// What is different about the two sides that no schema change has brought about.
pub(super) async fn differences(sessions: &Sessions) -> Result<Vec<Finding>, PostgresError> {
    let before = Base::of(&sessions.before).await?;
    let after = Base::of(&sessions.after).await?;
    let mut differences = Vec::new();
    if before.version != after.version {
        differences.push(format!("server {} → {}", before.version, after.version));
    }
    if before.collation != after.collation {
        differences.push(format!(
            "collation {} → {}",
            before.collation, after.collation
        ));
    }
    let absent = "default".to_owned();
    for name in names(&before.settings, &after.settings) {
        let of = |base: &Base| base.settings.get(name).unwrap_or(&absent).clone();
        let (was, is) = (of(&before), of(&after));
        if was != is {
            differences.push(format!("{name} {was} → {is}"));
        }
    }
    for relation in names(&before.rows, &after.rows) {
        if let (Some(was), Some(is)) = (before.rows.get(relation), after.rows.get(relation))
            && is_notable(*was, *is)
        {
            let (schema, name) = relation;
            differences.push(format!("{schema}.{name} {was} → {is} rows"));
        }
    }
    Ok((!differences.is_empty())
        .then(|| sides_differ::finding(&differences))
        .into_iter()
        .collect())
}

/// What the plans of a database depend on besides its schema.
struct Base {
    version: String,
    collation: String,
    settings: BTreeMap<String, String>,
    rows: BTreeMap<(String, String), u64>,
}

impl Base {
    async fn of(session: &Session) -> Result<Self, PostgresError> {
        Ok(Base {
            version: catalog::version(session).await?,
            collation: catalog::collation(session).await?,
            settings: catalog::planner_settings(session).await?,
            rows: catalog::relation_rows(session).await?,
        })
    }
}

/// The keys of either map, each once.
fn names<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> Vec<&'a K> {
    let mut names: Vec<&K> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    names
}

fn is_notable(was: u64, is: u64) -> bool {
    let (less, more) = (was.min(is) as f64, was.max(is) as f64);
    more > less * NOTABLE_FACTOR && more - less > 10.0
}
