//! From captured transactions to predicted deadlocks: [`predict`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dbproof_analysis::lock_order::{
    Candidate, CandidateGroup, Candidates, Member, Searched, Taken, candidates, describe,
};
use dbproof_analysis::transactions::Transactions;
use dbproof_model::{
    DeadlockPrediction, NotChecked, PredictedMigration, PredictionCoverage, PredictionSandbox,
    Scenario, Schema,
};
use dbproof_postgres::{Address, Databases};

use super::confirm::{ConfirmOptions, Confirmation, MemberSession, NotConfirmed, confirm};
use super::{MadeFrom, NotDone, SandboxLimits, Sandboxes};
use crate::observer::{Event, Observer};

/// The verdict of a deadlock that was seen.
pub const CONFIRMED: &str = "confirmed";

/// How to predict.
#[derive(Debug, Clone, Copy)]
pub struct PredictOptions {
    /// Whether values stay in what is told.
    pub keep_values: bool,
    /// Whether only those are looked for that a migration takes part in.
    pub only_migrations: bool,
    /// How long replaying may take.
    pub sandbox: SandboxLimits,
    /// How long the search for contradicting orders may take.
    pub search: Duration,
    /// How long confirming one candidate may take.
    pub candidate: Duration,
    /// How long confirming all of them may take.
    pub candidates: Duration,
}

impl Default for PredictOptions {
    fn default() -> Self {
        PredictOptions {
            keep_values: false,
            only_migrations: false,
            sandbox: SandboxLimits::default(),
            search: Duration::from_secs(20),
            candidate: Duration::from_secs(10),
            candidates: Duration::from_secs(60),
        }
    }
}

/// What was predicted, and what was looked at for it.
#[derive(Debug, Default)]
pub struct Predicted {
    /// The deadlocks; those that were confirmed first.
    pub predictions: Vec<DeadlockPrediction>,
    /// What was seen, and what could not be done.
    pub coverage: PredictionCoverage,
    /// Whether not all orders that contradict each other were looked for.
    pub cut_short: bool,
}

/// Predicts deadlocks among transactions that were captured on this server: runs one of each kind alone
/// in a sandbox, looks for orders that contradict each other, and runs those against each other.
///
/// Writes only to databases that it makes under the run's name, and drops them.
pub async fn predict(
    databases: &Databases,
    server: &Address,
    transactions: &Transactions,
    options: PredictOptions,
    observer: &dyn Observer,
) -> Predicted {
    predict_beside(databases, server, transactions, (options, None), observer).await
}

/// The same where a database of the project's stands in for one that is not there any more.
pub async fn predict_beside(
    databases: &Databases,
    server: &Address,
    transactions: &Transactions,
    (options, stand_in): (PredictOptions, Option<&Address>),
    observer: &dyn Observer,
) -> Predicted {
    let began = Instant::now();
    let classes = &transactions.classes;
    let mut coverage = PredictionCoverage {
        transactions: classes.iter().map(|class| class.occurrences).sum(),
        classes: classes.iter().filter(|c| c.migration.is_none()).count() as u64,
        not_checked: lost(transactions),
        ..PredictionCoverage::default()
    };
    let mut predictions = Vec::new();
    let mut cut_short = false;
    if !classes.is_empty() {
        observer.event(Event::Step {
            scenario: Scenario::Deadlock,
            name: "transactions run alone in a sandbox",
            done: 0,
            total: 1,
        });
        let limits = options.sandbox;
        let mut sandboxes =
            Sandboxes::make_beside(databases, server, transactions, limits, stand_in).await;
        let of_application = classes.iter().zip(&sandboxes.footprints);
        let of_application = of_application.filter(|(class, _)| class.migration.is_none());
        coverage.replayed = of_application.filter(|(_, f)| f.is_some()).count() as u64;
        coverage.migrations = migrations(transactions, &sandboxes);
        coverage.sandboxes = made(&sandboxes, transactions);
        coverage
            .not_checked
            .extend(sandboxes.not_done.iter().map(not_checked));
        let mut found = search(transactions, &sandboxes, options.search).await;
        if options.only_migrations {
            let is_migration = |member: &Member| classes[member.class].migration.is_some();
            let has_migration =
                |group: &CandidateGroup| group.alternatives[0].members.iter().any(is_migration);
            found.groups.retain(has_migration);
        }
        cut_short = found.cut_short;
        coverage.guarded = found.guarded;
        coverage.candidates = found.groups.len() as u64;
        coverage
            .not_checked
            .extend(unread(transactions, &sandboxes));
        coverage
            .not_checked
            .extend(found.limits.iter().map(|limit| NotChecked {
                what: "the search for contradicting orders".to_owned(),
                why: limit.clone(),
            }));
        let confirming = Confirming {
            transactions,
            options,
            until: Instant::now() + options.candidates,
        };
        let total = found.groups.len();
        let mut mended: Vec<Part> = Vec::new();
        for (done, group) in found.groups.iter().enumerate() {
            if is_contained(&group.alternatives, &mended) {
                coverage.contained += 1;
                continue;
            }
            observer.event(Event::Step {
                scenario: Scenario::Deadlock,
                name: "transactions run against each other",
                done,
                total,
            });
            let prediction = confirming.group(&mut sandboxes, &group.alternatives).await;
            if prediction.as_ref().is_some_and(|p| p.verdict == CONFIRMED) {
                mended.extend(group.alternatives.iter().flat_map(parts));
            }
            predictions.extend(prediction);
        }
        if let Err(why) = sandboxes.close().await {
            coverage.not_checked.push(NotChecked {
                what: "whether the sandboxes are gone".to_owned(),
                why,
            });
        }
    }
    predictions.sort_by_key(|prediction: &DeadlockPrediction| prediction.verdict != CONFIRMED);
    let confirmed = predictions.iter().filter(|p| p.verdict == CONFIRMED);
    coverage.confirmed = confirmed.count() as u64;
    coverage.possible = predictions.len() as u64 - coverage.confirmed;
    coverage.refuted = coverage.candidates - coverage.contained - predictions.len() as u64;
    coverage.duration_ms = began.elapsed().as_secs_f64() * 1e3;
    Predicted {
        predictions,
        coverage,
        cut_short,
    }
}

/// The cycles of all databases. Members are indices into the classes.
///
/// Searches on a thread of its own, so that a signal is heard meanwhile; who no longer waits for it ends
/// it.
async fn search(
    transactions: &Transactions,
    sandboxes: &Sandboxes<'_>,
    limit: Duration,
) -> Candidates {
    let classes = transactions.classes.clone();
    let footprints = sandboxes.footprints.clone();
    let schemas = sandboxes.schemas.iter();
    let schemas: Vec<Schema> = schemas.map(|s| s.clone().unwrap_or_default()).collect();
    let waited_for = Arc::new(());
    let watched = Arc::downgrade(&waited_for);
    let until = Instant::now() + limit;
    let is_over = move || watched.strong_count() == 0 || Instant::now() >= until;
    let searching = tokio::task::spawn_blocking(move || {
        let searched: Vec<Searched<'_>> = classes
            .iter()
            .zip(&footprints)
            .map(|(class, footprint)| Searched {
                class,
                footprint: footprint.as_ref(),
            })
            .collect();
        candidates(&searched, &schemas, &is_over)
    });
    let found = searching.await;
    drop(waited_for);
    found.unwrap_or_else(|_| Candidates {
        limits: vec!["it ended without a result".to_owned()],
        cut_short: true,
        ..Candidates::default()
    })
}

/// A class, and the relations of what it holds and of what it asks for.
type Part = (usize, Option<String>, Option<String>);

fn parts(candidate: &Candidate) -> Vec<Part> {
    let relation = |taken: &Taken| taken.lock.object.relation().map(str::to_owned);
    let members = candidate.members.iter();
    members
        .map(|m| (m.class, relation(&m.held), relation(&m.asked)))
        .collect()
}

/// Whether it is a ring of three or four in which a transaction does what it does in a deadlock that is
/// confirmed: mending that one mends the ring. The shorter ones come first.
fn is_contained(alternatives: &[Candidate], confirmed: &[Part]) -> bool {
    alternatives.iter().all(|candidate| {
        candidate.members.len() > 2 && parts(candidate).iter().any(|part| confirmed.contains(part))
    })
}

struct Confirming<'a> {
    transactions: &'a Transactions,
    options: PredictOptions,
    until: Instant,
}

impl Confirming<'_> {
    /// Runs the ways to close one cycle until one of them deadlocks.
    async fn group(
        &self,
        sandboxes: &mut Sandboxes<'_>,
        alternatives: &[Candidate],
    ) -> Option<DeadlockPrediction> {
        let first = alternatives.first()?;
        let mut prediction = self.describe(first);
        let mut reasons: Vec<String> = Vec::new();
        let mut is_refuted = true;
        for candidate in alternatives {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                add(&mut reasons, "the time for confirming was over".to_owned());
                is_refuted = false;
                break;
            }
            let confirmation = match self.candidate(sandboxes, candidate, left).await {
                Ok(confirmation) => confirmation,
                Err(why) => {
                    add(&mut reasons, why);
                    is_refuted = false;
                    continue;
                }
            };
            prediction.orders_tried += confirmation.orders_tried;
            match confirmation.outcome {
                Ok(confirmed) => {
                    let orders_tried = prediction.orders_tried;
                    let mut told = self.describe(candidate);
                    CONFIRMED.clone_into(&mut told.verdict);
                    told.orders_tried = orders_tried;
                    told.deadlocks = 1;
                    told.timeline = Some(confirmed.timeline);
                    return Some(told);
                }
                Err(why) => {
                    is_refuted &= why.iter().all(NotConfirmed::is_refutation);
                    for reason in &why {
                        add(&mut reasons, reason.to_string());
                    }
                }
            }
        }
        prediction.reason = Some(reasons.join("; ")).filter(|reason| !reason.is_empty());
        // Every order was run to its end, and they only queue.
        (!is_refuted).then_some(prediction)
    }

    /// The candidate as the record tells it, before it is run.
    fn describe(&self, candidate: &Candidate) -> DeadlockPrediction {
        let searched: Vec<Searched<'_>> = self
            .transactions
            .classes
            .iter()
            .map(|class| Searched {
                class,
                footprint: None,
            })
            .collect();
        let mut told = describe(candidate, &searched, self.options.keep_values);
        let database = candidate.members.first().and_then(|member| {
            let number = self.transactions.classes[member.class].database;
            self.transactions.histories.get(number as usize)
        });
        told.database = database.map(|history| history.database.clone());
        told
    }

    async fn candidate(
        &self,
        sandboxes: &mut Sandboxes<'_>,
        candidate: &Candidate,
        left: Duration,
    ) -> Result<Confirmation, String> {
        let mut members: Vec<usize> = candidate.members.iter().map(|m| m.class).collect();
        members.sort_unstable();
        members.dedup();
        let state = sandboxes.state_for(&members).await?;
        let names = self.describe(candidate).members.into_iter();
        let names = names.map(|member| member.session);
        let sessions: Vec<MemberSession> = candidate
            .members
            .iter()
            .zip(names)
            .map(|(member, name)| {
                let class = &self.transactions.classes[member.class];
                MemberSession {
                    name,
                    begin: class.begin.clone(),
                    settings: class.settings.clone(),
                    outside: class.migration.as_ref().is_some_and(|step| step.outside),
                }
            })
            .collect();
        let options = ConfirmOptions {
            keep_values: self.options.keep_values,
            limit: self.options.candidate.min(left),
        };
        let confirmation = confirm(&state, candidate, &sessions, options).await;
        sandboxes.discard(state);
        confirmation.map_err(|error| error.to_string())
    }
}

fn add(reasons: &mut Vec<String>, reason: String) {
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

fn lost(transactions: &Transactions) -> Vec<NotChecked> {
    let lost = transactions.lost.iter().map(|lost| NotChecked {
        what: "captured transactions".to_owned(),
        why: lost.clone(),
    });
    let missing = transactions.histories.iter().flat_map(|history| {
        history.missing.iter().map(|missing| NotChecked {
            what: format!("the history of {}", history.database),
            why: missing.clone(),
        })
    });
    lost.chain(missing).collect()
}

fn not_checked(not_done: &NotDone) -> NotChecked {
    NotChecked {
        what: not_done.what.clone(),
        why: not_done.why.clone(),
    }
}

/// What footprints could not tell.
fn unread(transactions: &Transactions, sandboxes: &Sandboxes<'_>) -> Vec<NotChecked> {
    let mut all: Vec<NotChecked> = Vec::new();
    for (class, footprint) in transactions.classes.iter().zip(&sandboxes.footprints) {
        for unread in footprint.iter().flat_map(|footprint| &footprint.unread) {
            let one = NotChecked {
                what: class.name.clone(),
                why: unread.clone(),
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// The migrations, each with as much of it as was read in the database that it belongs to.
fn migrations(transactions: &Transactions, sandboxes: &Sandboxes<'_>) -> Vec<PredictedMigration> {
    let mut read: BTreeMap<(&str, u32), (u64, u64)> = BTreeMap::new();
    for (class, footprint) in transactions.classes.iter().zip(&sandboxes.footprints) {
        if let Some(step) = &class.migration {
            let (all, done) = read.entry((&step.file, class.database)).or_default();
            *all += 1;
            *done += u64::from(footprint.is_some());
        }
    }
    let mut told: Vec<PredictedMigration> = Vec::new();
    for ((file, _), (transactions, replayed)) in read {
        match told.last_mut().filter(|told| told.file == file) {
            Some(told) => told.replayed = told.replayed.max(replayed),
            None => told.push(PredictedMigration {
                file: file.to_owned(),
                transactions,
                replayed,
            }),
        }
    }
    told
}

/// The sandbox of each database that has transactions.
fn made(sandboxes: &Sandboxes<'_>, transactions: &Transactions) -> Vec<PredictionSandbox> {
    let mut told: Vec<PredictionSandbox> = sandboxes
        .made
        .iter()
        .map(|made| PredictionSandbox {
            database: made.database.clone(),
            made_from: match made.from {
                MadeFrom::History => "history",
                MadeFrom::Clone => "clone",
                MadeFrom::Project => "project",
            }
            .to_owned(),
            statements: made.statements,
            failed: made.failed,
        })
        .collect();
    for (number, history) in (0_u32..).zip(&transactions.histories) {
        let has_classes = transactions.classes.iter().any(|c| c.database == number);
        if has_classes && !told.iter().any(|made| made.database == history.database) {
            told.push(PredictionSandbox {
                database: history.database.clone(),
                made_from: "none".to_owned(),
                ..PredictionSandbox::default()
            });
        }
    }
    told
}
