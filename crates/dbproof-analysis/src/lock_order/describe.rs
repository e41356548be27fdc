//! A candidate as a record has it: [`describe`].

use dbproof_model::{DeadlockPrediction, PredictedLock, PredictedStatement, PredictedTransaction};

use super::remedy::remedy;
use super::{Candidate, Lock, LockMode, LockObject, Member, Searched, Taken};
use crate::sql::mask_literals;

/// What is to be told of a candidate before it is run: that it is `possible`, who takes part, with which
/// statements, and what to do. Whoever runs it adds the outcome.
///
/// Values of keys and statements are left out unless `keep_values` says so.
#[must_use]
pub fn describe(
    candidate: &Candidate,
    searched: &[Searched<'_>],
    keep_values: bool,
) -> DeadlockPrediction {
    let mut members: Vec<PredictedTransaction> = Vec::new();
    for member in &candidate.members {
        let mut told = transaction(member, searched, keep_values);
        let alike = members.iter().filter(|other| other.name == told.name);
        let number = alike.count() + 1;
        if number > 1 {
            told.session = format!("{} ({number})", told.name);
        }
        members.push(told);
    }
    let mut objects: Vec<String> = Vec::new();
    for member in &candidate.members {
        for taken in [&member.held, &member.asked] {
            let object = locked_object(&taken.lock, keep_values);
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
    }
    let (remedy, remedy_sql) = remedy(candidate, &members);
    DeadlockPrediction {
        verdict: "possible".to_owned(),
        transactions: members
            .iter()
            .map(|member| member.session.clone())
            .collect(),
        objects,
        remedy,
        remedy_sql,
        members,
        ..DeadlockPrediction::default()
    }
}

fn transaction(
    member: &Member,
    searched: &[Searched<'_>],
    keep_values: bool,
) -> PredictedTransaction {
    let class = searched[member.class].class;
    let sent = class.statements.iter().zip(&member.statements);
    let statements = sent.map(|(statement, sent)| PredictedStatement {
        statement: if keep_values {
            sent.sql.to_string()
        } else {
            // A shape keeps what stands for no value, such as `ORDER BY 1`; nothing may slip through.
            match statement.shape.as_ref() {
                "" => mask_literals(&sent.sql),
                shape => shape.to_owned(),
            }
        },
        origin: statement.tags.as_ref().and_then(|tags| tags.origin()),
    });
    let lock = |taken: &Taken| PredictedLock {
        statement: taken.statement as u64,
        object: locked_object(&taken.lock, keep_values),
        mode: mode(taken.lock.mode).to_owned(),
    };
    PredictedTransaction {
        name: class.name.clone(),
        session: class.name.clone(),
        occurrences: class.occurrences,
        migration: class.migration.as_ref().map(|step| step.file.clone()),
        statements: statements.collect(),
        holds: lock(&member.held),
        asks: lock(&member.asked),
    }
}

/// `a row of public.accounts`, with its key where values are kept.
fn locked_object(lock: &Lock, keep_values: bool) -> String {
    let with = |text: String, key: &[(String, String)]| {
        if !keep_values {
            return text;
        }
        let pairs: Vec<String> = key.iter().map(|(c, v)| format!("{c} = {v}")).collect();
        format!("{text} ({})", pairs.join(", "))
    };
    match &lock.object {
        LockObject::Relation(relation) => format!("relation {relation}"),
        LockObject::Row { relation, key } => with(format!("a row of {relation}"), key),
        LockObject::UniqueKey {
            relation,
            index,
            key,
        } => with(format!("a key of index {index} on {relation}"), key),
        LockObject::Advisory(key) if keep_values => format!("advisory lock {key}"),
        LockObject::Advisory(_) => "an advisory lock".to_owned(),
    }
}

/// The mode as statements have it.
pub(super) fn mode(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Relation(mode) => mode.as_clause(),
        LockMode::Row(mode) => mode.as_clause(),
        LockMode::AdvisoryShared => "shared",
        LockMode::AdvisoryExclusive => "exclusive",
        LockMode::UniqueKey => "entered and not committed",
        LockMode::OldUniqueKey => "given up and not committed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Told, search_of, searched, told};
    use super::*;
    use dbproof_model::Schema;

    fn described(told: &[Told], keep_values: bool) -> DeadlockPrediction {
        let found = search_of(told, &Schema::default());
        describe(
            &found.groups[0].alternatives[0],
            &searched(told),
            keep_values,
        )
    }

    fn transfer(name: &str, from: u32, to: u32) -> Told {
        let sql = |id: u32| format!("update accounts set note = 'secret' where id = {id}");
        let lock = |id: u32| format!("accounts {id} n");
        told(name, &[(&sql(from), &lock(from)), (&sql(to), &lock(to))])
    }

    #[test]
    fn values_are_told_only_where_they_are_kept() {
        let two = [transfer("up", 31, 32), transfer("down", 42, 41)];
        let masked = serde_json::to_string(&described(&two, false)).unwrap();
        for value in ["secret", "31", "32", "41", "42"] {
            assert!(!masked.contains(value), "{masked}");
        }
        let kept = described(&two, true);
        assert!(kept.members[0].statements[0].statement.contains("secret"));
        assert!(
            kept.objects[0].starts_with("a row of public.accounts (id = "),
            "{:?}",
            kept.objects
        );
    }

    #[test]
    fn two_transactions_of_one_kind_have_sessions_of_their_own() {
        let upgrade = told(
            "count",
            &[
                (
                    "select 1 from accounts where id = 5 for share",
                    "accounts 5 s",
                ),
                ("update accounts set n = 0 where id = 5", "accounts 5 n"),
            ],
        );
        let prediction = described(&[upgrade], false);
        assert_eq!(prediction.transactions, ["count", "count (2)"]);
        assert_eq!(prediction.objects, ["a row of public.accounts"]);
        let member = &prediction.members[1];
        assert_eq!(
            (member.holds.statement, member.holds.mode.as_str()),
            (0, "FOR SHARE")
        );
        assert_eq!(
            (member.asks.statement, member.asks.mode.as_str()),
            (1, "FOR NO KEY UPDATE")
        );
    }
}
