//! What all executions of a statement come to: [`Totals`].

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::durations::Durations;
use super::{Executed, SentText, SqlState, Statement, Tags};

/// Only so many statements are told apart; the others are counted together.
const MOST_TEMPLATES: usize = 5_000;
/// Only so many failures, by statement and SQLSTATE, are told apart.
const MOST_FAILURES: usize = 1_000;
/// Short cuts from texts to statements are forgotten, all at once, when there are more than this.
const MOST_SHORT_CUTS: usize = 20_000;
/// Only so many statements that are not told apart are counted.
const MOST_OTHERS: usize = 100_000;

/// Counts, rows and times of everything that was executed, by statement without its values. Needs
/// no more memory for many executions than for some.
#[derive(Debug)]
pub struct Totals {
    slow_us: u64,
    templates: Vec<Template>,
    by_shape: FxHashMap<Box<str>, u32>,
    /// By the address of the statement, which is kept alive here.
    short_cuts: FxHashMap<usize, (Arc<Statement>, Option<u32>)>,
    others: Other,
    other_shapes: FxHashSet<u64>,
    failures: FxHashMap<(Option<u32>, SqlState), u64>,
    all_us: u64,
}

#[derive(Debug)]
struct Template {
    shape: Box<str>,
    rows: u64,
    total_us: u64,
    durations: Durations,
    slow: u64,
    worst: Option<Box<Worst>>,
}

/// The slowest execution of a statement that was slow at all.
#[derive(Debug)]
struct Worst {
    us: u64,
    tags: Option<Arc<Tags>>,
    sent: Option<SentText>,
}

/// All executions of one statement. Times in microseconds; those below a millisecond as exact as the
/// capture's clock, and percentiles to within 4 %.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFigures {
    /// The statement without its values.
    pub template: String,
    /// How often it was executed.
    pub executions: u64,
    /// The rows that it returned or wrote, over all executions.
    pub rows: u64,
    /// The time of all executions.
    pub total_us: u64,
    /// The mean time of one.
    pub avg_us: f64,
    /// The median.
    pub p50_us: u64,
    /// The 95th percentile.
    pub p95_us: u64,
    /// The longest.
    pub max_us: u64,
    /// The share of the time of everything, from 0 to 1.
    pub share: f64,
}

/// Statements that are not told apart, because there are too many different ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Other {
    /// How many there are, of the first hundred thousand.
    pub templates: u64,
    /// Their executions.
    pub executions: u64,
    /// Their rows.
    pub rows: u64,
    /// Their time, in microseconds.
    pub total_us: u64,
    /// How many of their executions were slow.
    pub slow: u64,
}

/// A statement that took at least the threshold at times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowTemplate {
    /// The statement without its values.
    pub template: String,
    /// How many of its executions were slow.
    pub slow: u64,
    /// How many there were.
    pub executions: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
    /// The tags of the longest.
    pub tags: Option<Arc<Tags>>,
    /// The longest as it was sent, where the capture keeps that. Holds values.
    pub sent: Option<SentText>,
}

/// A statement that the server refused with one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTemplate {
    /// The statement without its values; `None` stands for all that are not told apart.
    pub template: Option<String>,
    /// The error.
    pub sqlstate: SqlState,
    /// How often.
    pub count: u64,
}

impl Totals {
    /// Nothing executed yet; what takes at least `slow_us` microseconds is slow.
    #[must_use]
    pub fn new(slow_us: u64) -> Self {
        Self {
            slow_us,
            templates: Vec::new(),
            by_shape: FxHashMap::default(),
            short_cuts: FxHashMap::default(),
            others: Other::default(),
            other_shapes: FxHashSet::default(),
            failures: FxHashMap::default(),
            all_us: 0,
        }
    }

    /// Takes an execution.
    pub fn push(&mut self, executed: &Executed) {
        let us = executed.finished_us.saturating_sub(executed.sent_us);
        let is_slow = us >= self.slow_us;
        self.all_us = self.all_us.saturating_add(us);
        let number = self.number(&executed.statement);
        if let Some(sqlstate) = executed.failed {
            let is_known = self.failures.contains_key(&(number, sqlstate));
            let number = number.filter(|_| is_known || self.failures.len() < MOST_FAILURES);
            *self.failures.entry((number, sqlstate)).or_default() += 1;
        }
        let Some(number) = number else {
            self.others.executions += 1;
            self.others.rows = self.others.rows.saturating_add(executed.rows);
            self.others.total_us = self.others.total_us.saturating_add(us);
            self.others.slow += u64::from(is_slow);
            return;
        };
        let template = &mut self.templates[number as usize];
        template.rows = template.rows.saturating_add(executed.rows);
        template.total_us = template.total_us.saturating_add(us);
        template.durations.add(us);
        if is_slow {
            template.slow += 1;
            if template.worst.as_ref().is_none_or(|worst| us > worst.us) {
                template.worst = Some(Box::new(Worst {
                    us,
                    tags: executed.tags.clone(),
                    sent: executed.sent.as_deref().cloned(),
                }));
            }
        }
    }

    /// The statement's number, if it is told apart.
    fn number(&mut self, statement: &Arc<Statement>) -> Option<u32> {
        let address = Arc::as_ptr(statement) as usize;
        if let Some((_, number)) = self.short_cuts.get(&address) {
            return *number;
        }
        if self.short_cuts.len() >= MOST_SHORT_CUTS {
            self.short_cuts.clear();
        }
        let number = self.by_shape.get(statement.shape()).copied();
        let number = number.or_else(|| self.told_apart(statement.shape()));
        self.short_cuts
            .insert(address, (Arc::clone(statement), number));
        number
    }

    fn told_apart(&mut self, shape: &str) -> Option<u32> {
        if self.templates.len() >= MOST_TEMPLATES {
            let hash = std::hash::BuildHasher::hash_one(&rustc_hash::FxBuildHasher, shape);
            if self.other_shapes.len() < MOST_OTHERS && self.other_shapes.insert(hash) {
                self.others.templates += 1;
            }
            return None;
        }
        let number = u32::try_from(self.templates.len()).ok()?;
        self.by_shape.insert(shape.into(), number);
        self.templates.push(Template {
            shape: shape.into(),
            rows: 0,
            total_us: 0,
            durations: Durations::default(),
            slow: 0,
            worst: None,
        });
        Some(number)
    }

    /// The statements that are told apart, those that took most time first.
    #[must_use]
    pub fn templates(&self) -> Vec<TemplateFigures> {
        let figures = |template: &Template| {
            let executions = template.durations.count();
            TemplateFigures {
                template: template.shape.as_ref().to_owned(),
                executions,
                rows: template.rows,
                total_us: template.total_us,
                avg_us: template.total_us as f64 / executions.max(1) as f64,
                p50_us: template.durations.percentile(0.5),
                p95_us: template.durations.percentile(0.95),
                max_us: template.durations.max(),
                share: template.total_us as f64 / self.all_us.max(1) as f64,
            }
        };
        let mut all: Vec<TemplateFigures> = self.templates.iter().map(figures).collect();
        all.sort_by(|a, b| {
            let most = b
                .total_us
                .cmp(&a.total_us)
                .then(b.executions.cmp(&a.executions));
            most.then_with(|| a.template.cmp(&b.template))
        });
        all
    }

    /// What the statements that are not told apart come to.
    #[must_use]
    pub fn others(&self) -> Other {
        self.others
    }

    /// The statements that were slow at times, the slowest first.
    #[must_use]
    pub fn slow(&self) -> Vec<SlowTemplate> {
        let slow = self.templates.iter().filter_map(|template| {
            let worst = template.worst.as_ref()?;
            Some(SlowTemplate {
                template: template.shape.as_ref().to_owned(),
                slow: template.slow,
                executions: template.durations.count(),
                max_us: worst.us,
                tags: worst.tags.clone(),
                sent: worst.sent.clone(),
            })
        });
        let mut all: Vec<SlowTemplate> = slow.collect();
        all.sort_by(|a, b| {
            b.max_us
                .cmp(&a.max_us)
                .then_with(|| a.template.cmp(&b.template))
        });
        all
    }

    /// What the server refused, the most frequent first.
    #[must_use]
    pub fn failures(&self) -> Vec<FailedTemplate> {
        let failed = self
            .failures
            .iter()
            .map(|((number, sqlstate), count)| FailedTemplate {
                template: number.map(|n| self.templates[n as usize].shape.as_ref().to_owned()),
                sqlstate: *sqlstate,
                count: *count,
            });
        let mut all: Vec<FailedTemplate> = failed.collect();
        all.sort_by(|a, b| {
            let most = b.count.cmp(&a.count);
            most.then_with(|| (&a.template, a.sqlstate).cmp(&(&b.template, b.sqlstate)))
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{HashKey, Statements};

    fn executed(statements: &mut Statements, sql: &str, us: u64) -> Executed {
        let text = statements.read(sql);
        Executed {
            session: 1,
            database: 0,
            transaction: None,
            series: 0,
            sent_us: 1_000,
            finished_us: 1_000 + us,
            values: text.values(statements.hasher(), &[]),
            statement: text.statement,
            tags: text.tags,
            rows: 2,
            failed: None,
            result: None,
            sent: None,
        }
    }

    #[test]
    fn literals_and_spelling_make_no_other_statement() {
        let mut statements = Statements::new(HashKey(1, 2));
        let mut totals = Totals::new(1_000);
        for (sql, us) in [
            ("select a from t where id = 1", 100),
            ("SELECT a FROM t WHERE id=$1", 300),
            ("select a from t where id = 2 /*route='%2Fx'*/", 1_600),
            ("commit", 500),
        ] {
            totals.push(&executed(&mut statements, sql, us));
        }
        let figures = totals.templates();
        assert_eq!(figures.len(), 2);
        let first = &figures[0];
        assert_eq!(first.template, "select a from t where id = ?");
        assert_eq!(
            (first.executions, first.rows, first.total_us),
            (3, 6, 2_000)
        );
        assert!(first.p50_us.abs_diff(300) <= 12 && first.max_us == 1_600);
        assert!((first.share - 0.8).abs() < 1e-9 && (first.avg_us - 2_000.0 / 3.0).abs() < 1e-9);
        let slow = totals.slow();
        assert_eq!(slow.len(), 1);
        assert_eq!(
            (slow[0].slow, slow[0].executions, slow[0].max_us),
            (1, 3, 1_600)
        );
        assert_eq!(slow[0].tags.as_ref().unwrap().get("route"), Some("/x"));
    }

    #[test]
    fn failures_are_told_by_statement_and_error() {
        let mut statements = Statements::new(HashKey(1, 2));
        let mut totals = Totals::new(u64::MAX);
        for (sql, sqlstate) in [
            ("select a from t", *b"42P01"),
            ("select a from t", *b"42P01"),
            ("select a from t", *b"57014"),
            ("commit", *b"40001"),
        ] {
            let mut executed = executed(&mut statements, sql, 1);
            executed.failed = Some(sqlstate);
            totals.push(&executed);
        }
        let failures = totals.failures();
        let first = &failures[0];
        assert_eq!(failures.len(), 3);
        assert_eq!(first.template.as_deref(), Some("select a from t"));
        assert_eq!((first.sqlstate, first.count), (*b"42P01", 2));
    }

    #[test]
    fn made_up_statements_do_not_fill_the_memory() {
        let mut statements = Statements::new(HashKey(1, 2));
        let mut totals = Totals::new(u64::MAX);
        let count = MOST_TEMPLATES as u64 + 700;
        for n in 0..count {
            let mut executed = executed(&mut statements, &format!("select c{n} from t"), n);
            executed.failed = Some(*b"42703");
            totals.push(&executed);
        }
        assert_eq!(totals.templates().len(), MOST_TEMPLATES);
        assert_eq!(totals.others().templates, 700);
        assert_eq!(totals.others().executions, 700);
        let failed: u64 = totals.failures().iter().map(|f| f.count).sum();
        assert_eq!(failed, count);
        assert!(totals.failures().len() <= MOST_FAILURES + 1);
    }
}
