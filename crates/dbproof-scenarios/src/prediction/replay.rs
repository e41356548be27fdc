//! A history, done again: [`Replay`].

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use dbproof_analysis::traffic::SentText;
use dbproof_analysis::transactions::HistoryEntry;
use dbproof_postgres::{Address, PostgresError, Session, connect, sent};
use futures_util::future::{MaybeDone, maybe_done};

use super::entry::{Handling, handling};
use super::sandbox::SandboxLimits;

/// Statements that are on their way at once.
const BATCH: usize = 64;
/// Sessions that are open at once.
const MOST_SESSIONS: usize = 8;

/// Does a history again in a database, each statement by itself, in the sessions that sent them.
///
/// Errors of statements are counted and change nothing: not every state comes back.
#[derive(Debug)]
pub(super) struct Replay {
    address: Address,
    limits: SandboxLimits,
    /// The sessions, by the numbers of the captured ones; the one that was used last stands last.
    open: Vec<(u32, Session)>,
    /// What each captured session has set.
    settings: BTreeMap<u32, Vec<SentText>>,
    /// Sessions with settings that hold for this transaction alone.
    local: BTreeMap<u32, Option<u32>>,
    counts: Counts,
}

/// What came of the statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Statements that were run.
    pub(super) run: u64,
    /// Those of them that failed and had not failed when they were captured.
    pub(super) failed: u64,
    /// Statements that were not run because they act outside of the database.
    pub(super) refused: u64,
    /// Statements that waited for a lock, which nobody else can hold here, or took too long.
    pub(super) stopped: u64,
}

impl Replay {
    pub(super) fn new(address: &Address, limits: SandboxLimits) -> Self {
        Replay {
            address: address.clone(),
            limits,
            open: Vec::new(),
            settings: BTreeMap::new(),
            local: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Does these entries again, without those of the exemplars of `without`. `keeps_rows`: what cleans up
    /// is left out.
    pub(super) async fn run(
        &mut self,
        entries: &[HistoryEntry],
        without: &BTreeSet<usize>,
        keeps_rows: bool,
    ) -> Result<(), PostgresError> {
        let mut batch: Vec<&HistoryEntry> = Vec::new();
        for entry in entries {
            if entry
                .exemplar_of
                .is_some_and(|class| without.contains(&class))
            {
                continue;
            }
            let handled = handling(entry, keeps_rows);
            if matches!(handled, Handling::LeftOut | Handling::Refused) {
                self.counts.refused += u64::from(handled == Handling::Refused);
                continue;
            }
            let is_other = batch
                .first()
                .is_some_and(|first| first.session != entry.session);
            let ends_local = self
                .local
                .get(&entry.session)
                .is_some_and(|of| *of != entry.transaction);
            if is_other || ends_local || handled != Handling::Run || batch.len() == BATCH {
                self.run_batch(&mut batch).await?;
            }
            if ends_local {
                self.reset(entry.session).await?;
            }
            match handled {
                Handling::Run => batch.push(entry),
                Handling::Reset => {
                    self.settings.remove(&entry.session);
                    self.reset(entry.session).await?;
                }
                handled => self.set(entry, handled).await?,
            }
        }
        self.run_batch(&mut batch).await
    }

    /// The session that stands for a captured one, to run a transaction of its own in, with what was set
    /// before that. [`Replay::settle`] takes the settings back.
    pub(super) async fn session_for(
        &mut self,
        number: u32,
        settings: &[SentText],
    ) -> Result<&Session, PostgresError> {
        self.settle(number).await?;
        if !settings.is_empty() {
            self.local.insert(number, None);
        }
        let session = self.session(number).await?;
        for setting in settings {
            if super::entry::is_own_setting(&setting.sql) {
                continue;
            }
            match sent::execute(session, setting).await {
                Ok(_) | Err(PostgresError::Server(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(session)
    }

    /// Forgets what was set for one transaction alone.
    pub(super) async fn settle(&mut self, number: u32) -> Result<(), PostgresError> {
        if self.local.contains_key(&number) {
            self.reset(number).await?;
        }
        Ok(())
    }

    async fn session(&mut self, number: u32) -> Result<&Session, PostgresError> {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == number) {
            let used = self.open.remove(at);
            self.open.push(used);
        } else {
            if self.open.len() == MOST_SESSIONS {
                let (_, oldest) = self.open.remove(0);
                oldest.close().await;
            }
            let session = connect(&self.address).await?;
            self.equip(number, &session).await?;
            self.open.push((number, session));
        }
        let (_, session) = self.open.last().expect("one was just put there");
        Ok(session)
    }

    /// Closes all sessions, so that the database can be copied. They are opened again when they are
    /// needed, with what they have set; their temporary tables are gone.
    pub(super) async fn close(&mut self) {
        for (_, session) in self.open.drain(..) {
            session.close().await;
        }
    }

    /// Leaves all sessions with whatever they are at; dropping their database ends it.
    pub(super) fn abandon(&mut self) {
        self.open.clear();
    }

    async fn run_batch(&mut self, batch: &mut Vec<&HistoryEntry>) -> Result<(), PostgresError> {
        while let Some(first) = batch.first() {
            let number = first.session;
            let session = self.session(number).await?;
            let answers = in_order(session, batch.iter().map(|entry| &entry.sent)).await;
            let lost = answers.iter().position(is_lost);
            let answered = lost.unwrap_or(batch.len());
            for (entry, answer) in batch.drain(..answered).zip(answers) {
                self.count(answer, entry.failed)?;
            }
            if lost.is_some() {
                // It has ended its session, and those after it are still to be run.
                self.open.retain(|(open, _)| *open != number);
                batch.remove(0);
                self.counts.run += 1;
                self.counts.failed += 1;
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        answer: Result<u64, PostgresError>,
        had_failed: bool,
    ) -> Result<(), PostgresError> {
        self.counts.run += 1;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => {
                let Some(server) = error.server_error() else {
                    return Err(error);
                };
                self.counts.failed += u64::from(!had_failed);
                // lock_not_available, query_canceled
                let is_stopped = matches!(server.sqlstate.as_str(), "55P03" | "57014");
                self.counts.stopped += u64::from(is_stopped);
                Ok(())
            }
        }
    }

    async fn set(&mut self, entry: &HistoryEntry, handled: Handling) -> Result<(), PostgresError> {
        let number = entry.session;
        let statement = if let Handling::LocalSetting(sql) = handled {
            self.local.insert(number, entry.transaction);
            SentText {
                sql: sql.as_str().into(),
                parameters: entry.sent.parameters.clone(),
            }
        } else {
            let settings = self.settings.entry(number).or_default();
            settings.push(entry.sent.clone());
            entry.sent.clone()
        };
        let session = self.session(number).await?;
        let answer = sent::execute(session, &statement).await;
        self.count(answer, entry.failed)
    }

    async fn reset(&mut self, number: u32) -> Result<(), PostgresError> {
        self.local.remove(&number);
        let open = self.open.iter().find(|(open, _)| *open == number);
        match open {
            Some((_, session)) => self.equip(number, session).await,
            // It is opened without them.
            None => Ok(()),
        }
    }

    /// Gives a session the limits of the replay and what the captured session has set.
    async fn equip(&self, number: u32, session: &Session) -> Result<(), PostgresError> {
        session.run(&self.limits.settings()).await?;
        for setting in self.settings.get(&number).into_iter().flatten() {
            match sent::execute(session, setting).await {
                Ok(_) | Err(PostgresError::Server(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_lost(answer: &Result<u64, PostgresError>) -> bool {
    let error = answer.as_ref().err();
    error.is_some_and(|error| error.server_error().is_none())
}

/// Runs statements one after the other without waiting for each answer.
async fn in_order<'s>(
    session: &Session,
    statements: impl Iterator<Item = &'s SentText>,
) -> Vec<Result<u64, PostgresError>> {
    // A request is sent when its future is polled first: here in the order of the statements.
    let mut requests: Vec<Pin<Box<MaybeDone<_>>>> = statements
        .map(|statement| Box::pin(maybe_done(sent::execute(session, statement))))
        .collect();
    poll_fn(|context| {
        let mut all_done = true;
        for request in &mut requests {
            all_done &= request.as_mut().poll(context).is_ready();
        }
        if all_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    let answers = requests.iter_mut();
    answers
        .filter_map(|request| request.as_mut().take_output())
        .collect()
}
