//! What the record tells of a candidate: [`prediction`].

use std::collections::BTreeMap;

use dbproof_analysis::lock_order::{
    Candidate, LockMode, LockObject, Member, RelationMode, RowMode, Taken,
};
use dbproof_analysis::traffic::Tags;
use dbproof_analysis::transactions::{TransactionClass, Transactions};
use dbproof_model::{DeadlockPrediction, PredictedLock, PredictedStatement, PredictedTransaction};

/// The verdict of a deadlock that was seen.
pub(super) const CONFIRMED: &str = "confirmed";
/// The verdict of one that was not.
const POSSIBLE: &str = "possible";

/// A prediction as it stands before it was run.
pub(super) fn prediction(
    transactions: &Transactions,
    candidate: &Candidate,
    keep_values: bool,
) -> DeadlockPrediction {
    let names = session_names(transactions, candidate);
    let members: Vec<PredictedTransaction> = candidate
        .members
        .iter()
        .zip(&names)
        .map(|(member, session)| {
            let class = &transactions.classes[member.class];
            PredictedTransaction {
                name: class.name.clone(),
                session: session.clone(),
                occurrences: class.occurrences,
                statements: statements(class),
                holds: lock(&member.held, keep_values),
                asks: lock(&member.asked, keep_values),
            }
        })
        .collect();
    let mut objects: Vec<String> = Vec::new();
    for member in &members {
        if !objects.contains(&member.asks.object) {
            objects.push(member.asks.object.clone());
        }
    }
    let (remedy, remedy_sql) = remedy(transactions, candidate);
    let database = candidate.members.first().and_then(|member| {
        let number = transactions.classes[member.class].database;
        let history = transactions.histories.get(number as usize)?;
        Some(history.database.clone())
    });
    DeadlockPrediction {
        verdict: POSSIBLE.to_owned(),
        transactions: members.iter().map(|member| member.name.clone()).collect(),
        objects,
        remedy,
        remedy_sql,
        database,
        members,
        ..DeadlockPrediction::default()
    }
}

/// Names for the sessions of the members: those of their classes, told apart where they are the same.
pub(super) fn session_names(transactions: &Transactions, candidate: &Candidate) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    candidate
        .members
        .iter()
        .map(|member| {
            let name = transactions.classes[member.class].name.as_str();
            let count = seen.entry(name).or_default();
            *count += 1;
            match *count {
                1 => name.to_owned(),
                count => format!("{name} ({count})"),
            }
        })
        .collect()
}

fn statements(class: &TransactionClass) -> Vec<PredictedStatement> {
    class
        .statements
        .iter()
        .map(|statement| PredictedStatement {
            statement: statement.shape.to_string(),
            origin: statement.tags.as_deref().and_then(Tags::origin),
        })
        .collect()
}

fn lock(taken: &Taken, keep_values: bool) -> PredictedLock {
    PredictedLock {
        statement: taken.statement as u64,
        object: object(&taken.lock.object, keep_values),
        mode: mode(taken.lock.mode).to_owned(),
    }
}

fn object(object: &LockObject, keep_values: bool) -> String {
    let keyed = |what: &str, relation: &str, key: &[(String, String)]| {
        if keep_values {
            let key: Vec<String> = key.iter().map(|(c, v)| format!("{c} = {v}")).collect();
            format!("{what} of {relation} ({})", key.join(", "))
        } else {
            format!("{what} of {relation}")
        }
    };
    match object {
        LockObject::Relation(relation) => relation.clone(),
        LockObject::Row { relation, key } => keyed("a row", relation, key),
        LockObject::UniqueKey { relation, key, .. } => {
            let columns: Vec<&str> = key.iter().map(|(column, _)| column.as_str()).collect();
            keyed(
                &format!("a new key ({})", columns.join(", ")),
                relation,
                key,
            )
        }
        LockObject::Advisory(key) if keep_values => format!("the advisory lock {key}"),
        LockObject::Advisory(_) => "an advisory lock".to_owned(),
    }
}

fn mode(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Relation(mode) => relation_mode(mode),
        LockMode::Row(mode) => mode.as_clause(),
        LockMode::AdvisoryShared => "shared",
        LockMode::AdvisoryExclusive => "exclusive",
        LockMode::UniqueKey | LockMode::OldUniqueKey => "until it is committed",
    }
}

/// As LOCK TABLE has it.
fn relation_mode(mode: RelationMode) -> &'static str {
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

/// What to do, by what is locked against each other.
fn remedy(transactions: &Transactions, candidate: &Candidate) -> (String, Option<String>) {
    let members = &candidate.members;
    let inside = members
        .iter()
        .find(|m| m.held.statement == m.asked.statement);
    let is_advisory = |m: &Member| matches!(m.asked.lock.object, LockObject::Advisory(_));
    let is_new_key = |m: &Member| matches!(m.asked.lock.object, LockObject::UniqueKey { .. });
    let is_strong = |m: &Member| matches!(m.asked.lock.mode, LockMode::Relation(mode) if mode >= RelationMode::Share);
    let order = {
        let mut objects: Vec<String> = members
            .iter()
            .map(|m| object(&m.asked.lock.object, false))
            .collect();
        objects.dedup();
        objects.join(" and ")
    };
    let is_key_share = |m: &Member| {
        m.asked.lock.mode == LockMode::Row(RowMode::KeyShare)
            || m.held.lock.mode == LockMode::Row(RowMode::KeyShare)
    };
    let for_update = |m: &Member| {
        m.held.lock.mode == LockMode::Row(RowMode::Update)
            || m.asked.lock.mode == LockMode::Row(RowMode::Update)
    };
    let upgrades = members
        .iter()
        .any(|m| m.held.lock.object == m.asked.lock.object);
    let mut text = if upgrades {
        "take the stronger lock at once: SELECT … FOR UPDATE (or the UPDATE itself) first, instead of \
         a weaker lock that is raised later"
            .to_owned()
    } else if let Some(member) = inside {
        let shape = &transactions.classes[member.class].statements[member.held.statement].shape;
        format!(
            "lock the rows in one order before they are changed: SELECT … ORDER BY key FOR UPDATE, then \
             `{}`",
            shortened(shape)
        )
    } else if members.iter().any(is_strong) {
        format!(
            "take the locks on {order} in one order everywhere, the strongest one first; SET lock_timeout for the one that blocks all others"
        )
    } else if members.iter().any(is_advisory) {
        format!("take the advisory locks in one order everywhere, as by ascending key ({order})")
    } else if members.iter().any(is_new_key) {
        "insert the rows in one order everywhere, as by ascending key".to_owned()
    } else {
        format!("take the locks on {order} in one order everywhere, as by ascending key")
    };
    if members.iter().any(is_key_share) && members.iter().any(for_update) {
        text.push_str(
            "; FOR NO KEY UPDATE instead of FOR UPDATE does not block the checks of foreign keys",
        );
    }
    text.push_str("; whatever remains, try again after SQLSTATE 40P01");
    (text, None)
}

fn shortened(shape: &str) -> String {
    const LONGEST: usize = 80;
    if shape.chars().count() <= LONGEST {
        return shape.to_owned();
    }
    let start: String = shape.chars().take(LONGEST).collect();
    format!("{start}…")
}
