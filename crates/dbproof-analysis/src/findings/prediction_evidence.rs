//! What the findings about predicted deadlocks have in common: [`with_prediction`].

use dbproof_model::{
    DeadlockPrediction, Finding, GroupOrigin, Location, PredictedLock, PredictedTransaction,
};
use serde_json::{Value, json};

use super::FindingKind;

/// The finding about a prediction; the message goes on with who holds what and asks for what.
pub(super) fn with_prediction(
    kind: &FindingKind,
    prediction: &DeadlockPrediction,
    message: &str,
) -> Finding {
    let mut message = message.to_owned();
    for member in &prediction.members {
        message.push_str(&told(member));
    }
    let mut finding = kind
        .about(prediction.transactions.join(" and "), message)
        .at(location(prediction))
        .with_evidence("transactions", prediction.transactions.clone())
        .with_evidence("objects", prediction.objects.clone())
        .with_evidence("orders_tried", prediction.orders_tried)
        .with_evidence("deadlocks", prediction.deadlocks);
    if let Some(database) = &prediction.database {
        finding = finding.with_evidence("database", database.clone());
    }
    if !prediction.members.is_empty() {
        let members = prediction.members.iter().map(|member| {
            json!({
                "name": member.name,
                "occurrences": member.occurrences,
                "holds": { "object": member.holds.object, "mode": member.holds.mode,
                           "statement": statement(member, &member.holds) },
                "asks": { "object": member.asks.object, "mode": member.asks.mode,
                          "statement": statement(member, &member.asks) },
            })
        });
        finding = finding.with_evidence("cycle", members.collect::<Vec<Value>>());
    }
    finding.with_remedy(&prediction.remedy, prediction.remedy_sql.clone())
}

/// `; transfer (seen 12 times) holds a row of public.accounts by … and asks for …`.
fn told(member: &PredictedTransaction) -> String {
    let by = |lock: &PredictedLock| {
        let place = origin_of(member, lock).and_then(place);
        let place = place.map_or_else(String::new, |place| format!(" ({place})"));
        format!(
            "{} ({}) by `{}`{place}",
            lock.object,
            lock.mode,
            statement(member, lock)
        )
    };
    let seen = match (&member.migration, member.occurrences) {
        (Some(_), _) => String::new(),
        (None, 1) => " (seen once)".to_owned(),
        (None, several) => format!(" (seen {several} times)"),
    };
    format!(
        "; {}{seen} holds {} and asks for {}",
        member.session,
        by(&member.holds),
        by(&member.asks)
    )
}

fn statement<'a>(member: &'a PredictedTransaction, lock: &PredictedLock) -> &'a str {
    let at = usize::try_from(lock.statement).ok();
    let statement = at.and_then(|at| member.statements.get(at));
    statement.map_or("", |statement| &statement.statement)
}

fn origin_of<'a>(
    member: &'a PredictedTransaction,
    lock: &PredictedLock,
) -> Option<&'a GroupOrigin> {
    let at = usize::try_from(lock.statement).ok()?;
    member.statements.get(at)?.origin.as_ref()
}

/// `app/views.py:42`, or what else a tag names.
fn place(origin: &GroupOrigin) -> Option<String> {
    match (&origin.file, origin.line) {
        (Some(file), Some(line)) => Some(format!("{file}:{line}")),
        (Some(file), None) => Some(file.clone()),
        (None, _) => {
            let named = [&origin.route, &origin.controller, &origin.function];
            named.into_iter().flatten().next().cloned()
        }
    }
}

/// `transfer (bank/views.py:42)`: who asks for what another one holds, and where.
pub(super) fn named(member: &PredictedTransaction) -> String {
    match origin_of(member, &member.asks).and_then(place) {
        Some(place) if member.migration.is_none() => format!("{} ({place})", member.session),
        _ => member.session.clone(),
    }
}

/// Where the first of the transactions asks for what another one holds.
fn location(prediction: &DeadlockPrediction) -> Option<Location> {
    prediction.members.iter().find_map(asked_at)
}

/// Where a migration among them does.
pub(super) fn migration_location(prediction: &DeadlockPrediction) -> Option<Location> {
    let mut members = prediction.members.iter();
    members
        .find(|member| member.migration.is_some())
        .and_then(asked_at)
}

fn asked_at(member: &PredictedTransaction) -> Option<Location> {
    let origin = origin_of(member, &member.asks)?;
    Some(Location {
        file: origin.file.clone()?,
        line: origin.line?,
    })
}

/// A prediction to test with.
#[cfg(test)]
pub(super) fn sample(verdict: &str) -> DeadlockPrediction {
    use dbproof_model::PredictedStatement;

    let lock = |statement| PredictedLock {
        statement,
        object: "a row of public.accounts".to_owned(),
        mode: "FOR NO KEY UPDATE".to_owned(),
    };
    let member = |name: &str, occurrences, line| PredictedTransaction {
        name: name.to_owned(),
        session: name.to_owned(),
        occurrences,
        migration: None,
        statements: ["from", "to"]
            .map(|word| PredictedStatement {
                statement: format!("update accounts set {word} = ? where id = ?"),
                origin: Some(GroupOrigin {
                    file: Some("bank/views.py".to_owned()),
                    line: Some(line),
                    ..GroupOrigin::default()
                }),
            })
            .to_vec(),
        holds: lock(0),
        asks: lock(1),
    };
    DeadlockPrediction {
        verdict: verdict.to_owned(),
        transactions: vec!["transfer".to_owned(), "refund".to_owned()],
        objects: vec!["a row of public.accounts".to_owned()],
        remedy: "lock the rows in one order".to_owned(),
        remedy_sql: Some("SELECT 1".to_owned()),
        members: vec![member("transfer", 12, 10), member("refund", 1, 30)],
        orders_tried: 2,
        ..DeadlockPrediction::default()
    }
}
