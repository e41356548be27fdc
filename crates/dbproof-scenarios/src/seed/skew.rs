//! The planner's statistics of the filled tables against what was asked for: [`check`].

use dbproof_data::check_skew;
use dbproof_model::{CheckOutcome, SeedCheck};
use dbproof_postgres::copy::Filled;
use dbproof_postgres::{Session, statistics};

use super::SeedData;
use crate::error::RunError;

/// Checks every table. The server must have analysed them after the load.
pub(super) async fn check(
    session: &Session,
    data: &SeedData,
    filled: &[Filled],
) -> Result<Vec<SeedCheck>, RunError> {
    let mut checks = Vec::new();
    for rows in &data.rows {
        let table = rows.table_name();
        if let Some(filled) = filled.iter().find(|filled| filled.table == table) {
            checks.push(row_count(table, rows.row_count(), filled.rows));
        }
        let statistics = statistics::table_statistics(session, table).await?;
        checks.extend(check_skew(rows, &statistics));
    }
    Ok(checks)
}

/// A trigger or a rule may have kept rows away.
fn row_count(table: &str, asked: u64, found: u64) -> SeedCheck {
    let same = asked == found;
    let asked = asked as f64;
    SeedCheck {
        table: table.to_owned(),
        column: String::new(),
        statistic: "rows".to_owned(),
        asked: Some(asked),
        low: Some(asked),
        high: Some(asked),
        found: Some(found as f64),
        outcome: if same {
            CheckOutcome::Ok
        } else {
            CheckOutcome::Differs
        },
        reason: (!same).then(|| "a trigger, a rule or somebody else changed it".to_owned()),
    }
}
