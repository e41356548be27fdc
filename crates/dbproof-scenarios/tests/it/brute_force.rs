//! Which pairs of transactions deadlock, by running every interleaving of their statements:
//! [`BruteForce`]. It shares nothing with the prediction, which is tested against it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use dbproof_analysis::lock_order::RelationMode;
use dbproof_postgres::locks::Watcher;
use dbproof_postgres::{Address, PostgresError, Session, connect};

/// No schedule of a pair takes longer than this; one that does is a mistake of this file.
const SCHEDULE_LIMIT: Duration = Duration::from_secs(30);

/// Two transactions of seven statements each have 3,432 interleavings.
const SCHEDULES: usize = 4000;

/// A transaction, as its statements between BEGIN and COMMIT.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) name: String,
    pub(crate) statements: Vec<String>,
}

/// The search over all interleavings of whole statements; cycles that only close in the middle of two
/// statements are not seen. The clock plays no part but for a `lock_timeout`.
pub(crate) struct BruteForce;

/// What was searched and found.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    /// The pairs that deadlock, the lesser index first, and the first schedule that shows it: who
    /// of the two takes each step.
    pub(crate) deadlocks: BTreeMap<(usize, usize), Vec<usize>>,
    /// Pairs of which schedules were run; the others have no lock in common.
    pub(crate) pairs: usize,
    /// Schedules that were run.
    pub(crate) schedules: usize,
}

impl BruteForce {
    /// The pairs of transactions that deadlock in this state of the database, the lesser index
    /// first; `(i, i)` is a transaction against another one of the same text. Everything is rolled
    /// back.
    pub(crate) async fn pairs(
        address: &Address,
        transactions: &[Transaction],
    ) -> BTreeSet<(usize, usize)> {
        let searched = Self::search(address, transactions).await;
        searched.deadlocks.into_keys().collect()
    }

    /// The same, with what shows it.
    pub(crate) async fn search(address: &Address, transactions: &[Transaction]) -> Searched {
        Self::search_where(address, transactions, |_, _, _| true).await
    }

    /// The same, of those pairs that are wanted in view of what was found so far.
    pub(crate) async fn search_where(
        address: &Address,
        transactions: &[Transaction],
        mut wanted: impl FnMut(usize, usize, &Searched) -> bool,
    ) -> Searched {
        let bench = Bench::open(address).await;
        let whole = bench.with_deferred(transactions).await;
        let transactions = &whole[..];
        let mut alone = Vec::new();
        for transaction in transactions {
            alone.push(bench.locks_of(transaction).await);
        }
        let mut searched = Searched::default();
        for first in 0..transactions.len() {
            for second in first..transactions.len() {
                if !alone[first].meets(&alone[second]) || !wanted(first, second, &searched) {
                    continue;
                }
                searched.pairs += 1;
                let pair = [&transactions[first], &transactions[second]];
                if let Some(schedule) = bench.pair(pair, &mut searched.schedules).await {
                    searched.deadlocks.insert((first, second), schedule);
                }
            }
        }
        bench.close().await;
        searched
    }
}

/// What a transaction locks alone, as far as `pg_locks` has it.
#[derive(Debug, Default)]
struct Alone {
    relations: BTreeMap<u32, BTreeSet<RelationMode>>,
    advisory: BTreeSet<String>,
}

impl Alone {
    /// Whether either can wait for the other: their modes exclude each other, or both may lock rows
    /// or enter keys in one relation, or both change the schema, whose rows are not in `pg_locks`.
    fn meets(&self, other: &Alone) -> bool {
        let rows = |modes: &BTreeSet<RelationMode>| modes.last() >= Some(&RelationMode::RowShare);
        let meets = |relation: &u32| {
            let (Some(mine), Some(theirs)) =
                (self.relations.get(relation), other.relations.get(relation))
            else {
                return false;
            };
            let excludes = |a: &RelationMode| theirs.iter().any(|b| a.conflicts_with(*b));
            mine.iter().any(excludes) || rows(mine) && rows(theirs)
        };
        let changes_schema = |alone: &Alone| {
            let modes = alone.relations.values().filter_map(BTreeSet::last);
            modes.max() >= Some(&RelationMode::ShareUpdateExclusive)
        };
        self.relations.keys().any(meets)
            || !self.advisory.is_disjoint(&other.advisory)
            || changes_schema(self) && changes_schema(other)
    }
}

/// Two sessions, and one that watches them.
struct Bench {
    sides: [Side; 2],
    watcher: Watcher,
}

struct Side {
    session: Session,
    pid: i32,
}

/// A statement that is under way.
type Busy<'b> = Pin<Box<dyn Future<Output = Result<(), PostgresError>> + 'b>>;

/// One schedule, as it went.
struct Ran {
    /// Who took each step, and whether the other one could have.
    path: Vec<(usize, bool)>,
    is_deadlock: bool,
}

/// What became of a statement.
enum Settled {
    Done,
    Blocked,
    Failed { is_deadlock: bool },
}

impl Side {
    async fn open(address: &Address) -> Self {
        let session = connect(address).await.unwrap();
        let pid = session.backend_pid().await.unwrap();
        Side { session, pid }
    }

    /// Deadlocks are found as soon as may be, or when the server usually does.
    async fn find_deadlocks(&self, usual: bool) {
        let timeout = if usual { "DEFAULT" } else { "'1ms'" };
        let set = format!("SET deadlock_timeout = {timeout}");
        self.session.run(&set).await.unwrap();
    }

    async fn roll_back(&self) {
        let end = "ROLLBACK; SELECT pg_advisory_unlock_all()";
        self.session.run(end).await.unwrap();
    }
}

impl Bench {
    async fn open(address: &Address) -> Self {
        Bench {
            sides: [Side::open(address).await, Side::open(address).await],
            watcher: Watcher::new(connect(address).await.unwrap()).await.unwrap(),
        }
    }

    async fn close(self) {
        for side in self.sides {
            side.session.close().await;
        }
        self.watcher.close().await;
    }

    /// The transactions with what their COMMIT does, where constraints are put off until then: foreign
    /// keys are checked, which locks rows.
    async fn with_deferred(&self, transactions: &[Transaction]) -> Vec<Transaction> {
        let sql = "SELECT 1 FROM pg_constraint WHERE condeferred LIMIT 1";
        let deferred = self.watcher.session().text(sql).await.unwrap();
        let mut whole = transactions.to_vec();
        if deferred.is_some() {
            for transaction in &mut whole {
                let checks = "SET CONSTRAINTS ALL IMMEDIATE".to_owned();
                transaction.statements.push(checks);
            }
        }
        whole
    }

    /// What a transaction locks when it runs alone, to its first error.
    async fn locks_of(&self, transaction: &Transaction) -> Alone {
        let side = &self.sides[0];
        let sql = "SELECT relation, mode, format('%s %s %s', classid, objid, objsubid) FROM pg_locks \
                   WHERE pid = $1 AND locktype IN ('relation', 'advisory')";
        let watcher = self.watcher.session();
        let mut alone = Alone::default();
        side.session.run("BEGIN").await.unwrap();
        for statement in &transaction.statements {
            if side.session.run(statement).await.is_err() {
                break;
            }
            for row in watcher.query(sql, &[&side.pid]).await.unwrap() {
                match (row.get(0), RelationMode::from_pg_locks(row.get(1))) {
                    (Some(relation), Some(mode)) => {
                        alone.relations.entry(relation).or_default().insert(mode);
                    }
                    (Some(_), None) => {}
                    (None, _) => {
                        alone.advisory.insert(row.get(2));
                    }
                }
            }
        }
        side.roll_back().await;
        alone
    }

    /// Runs the schedules of a pair until one deadlocks, depth first: each run takes the first
    /// choice that has not been tried yet, and the first side from there on.
    async fn pair(&self, pair: [&Transaction; 2], count: &mut usize) -> Option<Vec<usize>> {
        // Whether a lock_timeout or the server's look for deadlocks comes first decides on the end.
        let statements = pair.iter().flat_map(|transaction| &transaction.statements);
        let mut texts = statements.map(|statement| statement.to_ascii_lowercase());
        let usual = texts.any(|text| text.contains("lock_timeout"));
        for side in &self.sides {
            side.find_deadlocks(usual).await;
        }
        let mut choices = Vec::new();
        for _ in 0..SCHEDULES {
            *count += 1;
            let schedule = self.schedule(pair, &choices);
            let ran = tokio::time::timeout(SCHEDULE_LIMIT, schedule).await;
            let ran = ran.unwrap_or_else(|_| {
                panic!(
                    "{} and {} are stuck at {choices:?}",
                    pair[0].name, pair[1].name
                )
            });
            let path = || ran.path.iter().map(|(side, _)| *side);
            if ran.is_deadlock {
                return Some(path().collect());
            }
            let untried = |step: &(usize, bool)| *step == (0, true);
            let last = ran.path.iter().rposition(untried)?;
            choices = path().take(last).chain([1]).collect();
        }
        panic!(
            "{} and {} have more than {SCHEDULES} interleavings",
            pair[0].name, pair[1].name
        );
    }

    /// Runs one schedule: `choices` first, then whatever can move. It is over when somebody is
    /// through or has failed: from then on nobody can be in a cycle.
    async fn schedule(&self, pair: [&Transaction; 2], choices: &[usize]) -> Ran {
        for side in &self.sides {
            side.session.run("BEGIN").await.unwrap();
        }
        let mut busy: [Option<Busy<'_>>; 2] = [None, None];
        let mut done = [0, 0];
        let mut path: Vec<(usize, bool)> = Vec::new();
        let is_deadlock = loop {
            let through =
                |side: usize| busy[side].is_none() && done[side] == pair[side].statements.len();
            if through(0) || through(1) {
                break false;
            }
            let free = [busy[0].is_none(), busy[1].is_none()];
            let side = match choices.get(path.len()) {
                Some(side) if free[*side] => *side,
                _ => usize::from(!free[0]),
            };
            path.push((side, free[0] && free[1]));
            let statement = &pair[side].statements[done[side]];
            busy[side] = Some(Box::pin(self.sides[side].session.run(statement)));
            match self.step(&mut busy, &mut done, side).await {
                Settled::Failed { is_deadlock } => break is_deadlock,
                Settled::Done | Settled::Blocked => {}
            }
        };
        self.end(busy).await;
        Ran { path, is_deadlock }
    }

    /// What becomes of the statement that `side` has sent, and of the one that the other is
    /// blocked in.
    async fn step(
        &self,
        busy: &mut [Option<Busy<'_>>; 2],
        done: &mut [usize; 2],
        side: usize,
    ) -> Settled {
        let other = 1 - side;
        let mut settled = self.settle(busy, done, side).await;
        if busy[other].is_some() && matches!(settled, Settled::Done) {
            // Going back to a savepoint sets locks free.
            settled = self.settle(busy, done, other).await;
        }
        if let [Some(first), Some(second)] = busy {
            // Nobody can move. The server ends one of them, unless it mends that by reordering a
            // queue.
            let (ended, answer) = tokio::select! {
                answer = first => (0, answer),
                answer = second => (1, answer),
            };
            settled = Self::take(busy, done, ended, answer);
            if matches!(settled, Settled::Done) {
                // It may go on because the other one was the victim, whose answer is on its way.
                settled = self.settle(busy, done, 1 - ended).await;
            }
        }
        settled
    }

    /// Waits until a statement is done or blocked by the other side.
    async fn settle(
        &self,
        busy: &mut [Option<Busy<'_>>; 2],
        done: &mut [usize; 2],
        side: usize,
    ) -> Settled {
        let (pid, other) = (self.sides[side].pid, self.sides[1 - side].pid);
        loop {
            let Some(statement) = &mut busy[side] else {
                return Settled::Done;
            };
            tokio::select! {
                biased;
                answer = statement => return Self::take(busy, done, side, answer),
                blockers = self.watcher.blockers(pid) => {
                    if blockers.unwrap().contains(&other) {
                        return Settled::Blocked;
                    }
                }
            }
        }
    }

    fn take(
        busy: &mut [Option<Busy<'_>>; 2],
        done: &mut [usize; 2],
        side: usize,
        answer: Result<(), PostgresError>,
    ) -> Settled {
        busy[side] = None;
        match answer {
            Ok(()) => {
                done[side] += 1;
                Settled::Done
            }
            Err(error) => Settled::Failed {
                is_deadlock: error
                    .server_error()
                    .unwrap_or_else(|| panic!("{error}"))
                    .is_deadlock(),
            },
        }
    }

    /// Ends what is under way and rolls everything back.
    async fn end(&self, busy: [Option<Busy<'_>>; 2]) {
        for (side, statement) in self.sides.iter().zip(busy) {
            if let Some(statement) = statement {
                self.watcher.cancel(side.pid).await.unwrap();
                statement.await.ok();
            }
        }
        for side in &self.sides {
            side.roll_back().await;
        }
    }
}
