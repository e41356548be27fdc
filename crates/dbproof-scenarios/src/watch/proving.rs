//! Loops and their batched statements, run side by side: [`prove`].

use dbproof_analysis::nplusone::{GroupSample, Rerun};
use dbproof_model::{GroupVerdict, NPlusOneGroup, ProofOutcome, RemedyProof};
use dbproof_postgres::proof::{self, Proof, ProofError};
use dbproof_postgres::{Address, PostgresError, Session, connect};

use super::analyst::Seen;

/// Groups that are tried, the worst first.
const MOST_PROVEN: usize = 50;

/// Runs the loop of every proven group and its batched statement, compares their rows, and takes the
/// statement back where they differ.
pub(super) async fn prove(seen: &mut Seen, server: &Address, keep_values: bool) {
    let mut sessions: Vec<(u32, Result<Session, String>)> = Vec::new();
    let groups = seen
        .detection
        .groups
        .iter_mut()
        .zip(&seen.detection.samples);
    let provable = groups
        .filter(|(group, _)| group.verdict == GroupVerdict::Proven && group.remedy_sql.is_some());
    for (group, sample) in provable.take(MOST_PROVEN) {
        if !sessions
            .iter()
            .any(|(database, _)| *database == sample.database)
        {
            let name = seen
                .databases
                .get(sample.database as usize)
                .map(|d| d.name.as_str());
            let address = name.map(|name| server.with_database(name));
            let session = match address {
                Some(address) => connect(&address).await.map_err(|error| error.to_string()),
                None => Err("its database is not known".to_owned()),
            };
            sessions.push((sample.database, session));
        }
        let session = sessions
            .iter()
            .find(|(database, _)| *database == sample.database);
        let proof = match session {
            Some((_, Ok(session))) => of_group(session, group, sample, keep_values).await,
            Some((_, Err(error))) => not_proven(error.clone()),
            None => not_proven("there is no session".to_owned()),
        };
        settle(group, proof);
    }
    for (_, session) in sessions {
        if let Ok(session) = session {
            session.close().await;
        }
    }
    for finding in &mut seen.detection.findings {
        retell(finding, &seen.detection.groups);
    }
}

async fn of_group(
    session: &Session,
    group: &NPlusOneGroup,
    sample: &GroupSample,
    keep_values: bool,
) -> RemedyProof {
    let rerun = match Rerun::of(sample) {
        Ok(rerun) => rerun,
        Err(reason) => return not_proven(reason.to_owned()),
    };
    let sql = group.remedy_sql.as_deref().unwrap_or_default();
    match proof::prove(session, &rerun, sql).await {
        Ok(proof) => compared(&proof),
        Err(ProofError::Batched(error)) => RemedyProof {
            outcome: ProofOutcome::Differs,
            reason: Some(format!(
                "the statement is refused: {}",
                told(&error, keep_values)
            )),
            ..not_proven(String::new())
        },
        Err(ProofError::Volatile(name)) => not_proven(format!(
            "{name} is a volatile function, which is not run again"
        )),
        Err(ProofError::Loop(error)) => not_proven(format!(
            "the loop cannot be run again: {}",
            told(&error, keep_values)
        )),
        Err(ProofError::Server(error)) => not_proven(told(&error, keep_values)),
        Err(ProofError::TooLong) => not_proven("it took too long".to_owned()),
    }
}

fn compared(proof: &Proof) -> RemedyProof {
    let (outcome, reason) = match proof {
        Proof { agrees: false, .. } => (ProofOutcome::Differs, None),
        Proof { rows: 0, .. } => {
            let reason = "there is no row any more to compare";
            (ProofOutcome::NotProven, Some(reason.to_owned()))
        }
        Proof {
            empty_groups: 0, ..
        } => (ProofOutcome::Agrees, None),
        Proof { empty_groups, .. } => {
            let reason = format!(
                "{empty_groups} values without rows have no row in the statement, where the loop had \
                 a count of 0"
            );
            (ProofOutcome::Agrees, Some(reason))
        }
    };
    RemedyProof {
        outcome,
        reason,
        statements: proof.statements,
        rows: proof.rows,
        looped_ms: Some(proof.looped_ms),
        batched_ms: Some(proof.batched_ms),
    }
}

fn not_proven(reason: String) -> RemedyProof {
    RemedyProof {
        outcome: ProofOutcome::NotProven,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
        statements: 0,
        rows: 0,
        looped_ms: None,
        batched_ms: None,
    }
}

/// The server's words; those about a value (class 22) quote it.
fn told(error: &PostgresError, keep_values: bool) -> String {
    match error.server_error() {
        Some(server) if !keep_values && server.sqlstate.starts_with("22") => {
            format!("SQLSTATE {}", server.sqlstate)
        }
        _ => error.to_string(),
    }
}

/// Puts the outcome into the group.
fn settle(group: &mut NPlusOneGroup, proof: RemedyProof) {
    match proof.outcome {
        ProofOutcome::Agrees => {
            if let Some(cost) = &mut group.cost {
                cost.looped_ms = proof.looped_ms;
                cost.batched_ms = proof.batched_ms;
            }
        }
        ProofOutcome::Differs => {
            group.remedy_sql = None;
            group.remedy.push_str(
                "; the statement that dbproof would write returns other rows, so that it is not offered",
            );
        }
        ProofOutcome::NotProven => {}
    }
    group.proof = Some(proof);
}

/// The finding of a group says what the group says.
fn retell(finding: &mut dbproof_model::Finding, groups: &[NPlusOneGroup]) {
    let is_of = |group: &&NPlusOneGroup| {
        let parent = group.parent.as_ref().map(|p| p.template.as_str());
        let told = finding.evidence.get("parent").and_then(|p| p.as_str());
        finding.code == "n-plus-one" && finding.subject == group.template && parent == told
    };
    let Some((group, proof)) = groups
        .iter()
        .find(is_of)
        .and_then(|group| Some((group, group.proof.as_ref()?)))
    else {
        return;
    };
    finding
        .evidence
        .insert("remedy_rows".to_owned(), proof.outcome.as_str().into());
    if proof.outcome == ProofOutcome::Agrees {
        let times = [
            ("looped_ms", proof.looped_ms),
            ("batched_ms", proof.batched_ms),
        ];
        for (name, ms) in times {
            finding.evidence.insert(name.to_owned(), ms.into());
        }
    }
    if let Some(remedy) = &mut finding.remedy {
        remedy.text.clone_from(&group.remedy);
        remedy.sql.clone_from(&group.remedy_sql);
    }
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::findings::n_plus_one;
    use dbproof_model::{GroupCost, GroupParent};

    use super::*;

    fn group() -> NPlusOneGroup {
        NPlusOneGroup {
            verdict: GroupVerdict::Proven,
            template: "select a from t where b = ?".to_owned(),
            executions: 9,
            distinct_values: 9,
            sessions: 1,
            units: Vec::new(),
            unit_count: 1,
            origins: Vec::new(),
            parent: Some(GroupParent {
                template: "select b from p".to_owned(),
                rows: 9,
                column: "p.b".to_owned(),
            }),
            cost: Some(GroupCost {
                looped_ms: Some(50.0),
                batched_ms: None,
            }),
            savings: Vec::new(),
            remedy: "ask once".to_owned(),
            remedy_sql: Some("select a, b from t where b = ANY($1)".to_owned()),
            ignored: None,
            proof: None,
        }
    }

    fn settled(agrees: bool, rows: u64) -> (NPlusOneGroup, dbproof_model::Finding) {
        let mut group = group();
        let mut finding = n_plus_one::finding(&group, None);
        let proof = Proof {
            agrees,
            empty_groups: 0,
            statements: 9,
            rows,
            looped_ms: 4.0,
            batched_ms: 1.0,
        };
        settle(&mut group, compared(&proof));
        retell(&mut finding, std::slice::from_ref(&group));
        (group, finding)
    }

    #[test]
    fn a_statement_whose_rows_differ_is_not_offered() {
        let (group, finding) = settled(false, 9);
        assert_eq!(group.remedy_sql, None);
        let remedy = finding.remedy.unwrap();
        assert_eq!(remedy.sql, None);
        assert!(remedy.text.contains("other rows"), "{}", remedy.text);
        assert_eq!(finding.evidence["remedy_rows"], "differs");
        assert_eq!(group.cost.unwrap().looped_ms, Some(50.0));
    }

    #[test]
    fn the_times_of_one_that_agrees_are_told() {
        let (group, finding) = settled(true, 9);
        assert!(group.remedy_sql.is_some());
        let cost = group.cost.unwrap();
        assert_eq!((cost.looped_ms, cost.batched_ms), (Some(4.0), Some(1.0)));
        assert_eq!(finding.evidence["batched_ms"], 1.0);
    }

    #[test]
    fn no_rows_prove_nothing() {
        let (group, finding) = settled(true, 0);
        assert_eq!(group.proof.unwrap().outcome, ProofOutcome::NotProven);
        assert!(group.remedy_sql.is_some());
        assert_eq!(finding.evidence["remedy_rows"], "not-proven");
    }
}
