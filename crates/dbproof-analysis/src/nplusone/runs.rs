//! A trace put in order: [`Runs`].

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use dbproof_model::{Execution, Trace};

use crate::sql::{ComparedColumn, Comparison, ParsedTemplate, SlotKind, StatementKind};

/// The executions of a trace with their templates and units of work.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    /// In the order in which they were sent.
    pub(super) all: Vec<Run<'a>>,
    /// One of the texts of each template.
    pub(super) templates: Vec<Rc<ParsedTemplate>>,
    pub(super) units: Vec<Unit>,
}

/// One execution.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) execution: &'a Execution,
    pub(super) parsed: Rc<ParsedTemplate>,
    /// An index into [`Runs::templates`].
    pub(super) template: usize,
    /// An index into [`Runs::units`].
    pub(super) unit: usize,
    /// Whether it counts: it did not fail, it was not rolled back by a failure to be tried again,
    /// and it touches the application's own relations.
    pub(super) counts: bool,
}

/// A unit of work.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) kind: UnitKind,
    /// Indices into [`Runs::all`], in order.
    pub(super) runs: Vec<usize>,
}

/// What a unit of work is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitKind {
    Tag,
    Transaction,
    Burst,
}

/// A value that a run compares a column with, or writes to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) position: usize,
    pub(super) column: &'a ComparedColumn,
    pub(super) value: &'a str,
}

impl<'a> Runs<'a> {
    /// Puts a trace in order.
    pub(super) fn of(trace: &'a Trace, gap_us: u64) -> Self {
        let mut executions: Vec<&Execution> = trace.executions.iter().collect();
        executions.sort_by_key(|e| e.sent_us);
        let aborted: HashSet<_> = executions
            .iter()
            .filter(|e| e.failed)
            .filter_map(|e| Some((e.session, e.transaction?)))
            .collect();
        let mut texts: HashMap<&str, (Rc<ParsedTemplate>, usize)> = HashMap::new();
        let mut shapes: HashMap<String, usize> = HashMap::new();
        let mut runs = Runs {
            all: Vec::new(),
            templates: Vec::new(),
            units: Vec::new(),
        };
        let mut units = UnitNames {
            gap_us,
            ..UnitNames::default()
        };
        for execution in executions {
            let (parsed, template) = texts
                .entry(&execution.sql)
                .or_insert_with(|| {
                    let parsed = Rc::new(ParsedTemplate::of(&execution.sql));
                    let template = *shapes.entry(parsed.shape.clone()).or_insert_with(|| {
                        runs.templates.push(Rc::clone(&parsed));
                        runs.templates.len() - 1
                    });
                    (parsed, template)
                })
                .clone();
            let unit = units.of(execution, &parsed, &mut runs.units);
            let was_undone = execution
                .transaction
                .is_some_and(|t| aborted.contains(&(execution.session, t)));
            let counts = !execution.failed && !was_undone && is_application(&parsed);
            runs.units[unit].runs.push(runs.all.len());
            runs.all.push(Run {
                execution,
                parsed,
                template,
                unit,
                counts,
            });
        }
        runs
    }

    /// The runs that count of each template in a unit, templates in order of first use.
    pub(super) fn by_template(&self, unit: &Unit) -> Vec<(usize, Vec<usize>)> {
        let mut order: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut known: HashMap<usize, usize> = HashMap::new();
        for run in unit
            .runs
            .iter()
            .copied()
            .filter(|run| self.all[*run].counts)
        {
            let template = self.all[run].template;
            let at = *known.entry(template).or_insert_with(|| {
                order.push((template, Vec::new()));
                order.len() - 1
            });
            order[at].1.push(run);
        }
        order
    }
}

impl Run<'_> {
    /// The values that single out rows: compared with `=`, or inserted. A list of one element is
    /// `=` in another spelling; longer lists are batches, and single out nothing.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let slots = &self.parsed.slots;
        slots.iter().filter_map(|slot| {
            let is_key = match slot.kind {
                SlotKind::Value => true,
                SlotKind::Element | SlotKind::Inserted => slot.alone,
                _ => false,
            };
            let column = slot.compared.as_ref().filter(|_| is_key)?;
            let is_key = column.comparison == Comparison::Equal || slot.kind == SlotKind::Inserted;
            let value = slot.value(&self.execution.parameters).filter(|_| is_key)?;
            Some(Key {
                position: slot.position,
                column,
                value,
            })
        })
    }

    /// The value at a position, if it is a key.
    pub(super) fn key(&self, position: usize) -> Option<Key<'_>> {
        self.keys().find(|key| key.position == position)
    }

    /// All values of all slots.
    pub(super) fn values(&self) -> Vec<Option<&str>> {
        self.parsed
            .slots
            .iter()
            .map(|slot| slot.value(&self.execution.parameters))
            .collect()
    }

    /// The values of these kinds of slots.
    pub(super) fn values_of(&self, kinds: &[SlotKind]) -> Vec<Option<&str>> {
        let slots = self
            .parsed
            .slots
            .iter()
            .filter(|slot| kinds.contains(&slot.kind));
        slots
            .map(|slot| slot.value(&self.execution.parameters))
            .collect()
    }

    pub(super) fn is_write(&self) -> bool {
        use StatementKind::{Delete, Insert, Update};
        matches!(self.parsed.kind, Insert | Update | Delete)
    }
}

/// Whether a statement touches relations of the application and not only the server's catalogs.
fn is_application(parsed: &ParsedTemplate) -> bool {
    parsed.kind != StatementKind::Other
        && parsed.relations.iter().any(|relation| {
            let schema = relation.schema.as_deref();
            !relation.name.starts_with("pg_")
                && !matches!(schema, Some("pg_catalog" | "information_schema"))
        })
}

/// Tags that name one request or test; `route` and `controller` name many at once.
const UNIT_TAGS: &[&str] = &[
    "traceparent",
    "trace_id",
    "request_id",
    "unit",
    "test",
    "test_name",
    "job_id",
];

/// Gives executions their units.
#[derive(Debug, Default)]
struct UnitNames {
    gap_us: u64,
    known: HashMap<String, usize>,
    /// The number of each session's burst, and when its last statement ended.
    bursts: HashMap<u32, (u32, u64)>,
}

impl UnitNames {
    fn of(
        &mut self,
        execution: &Execution,
        parsed: &ParsedTemplate,
        units: &mut Vec<Unit>,
    ) -> usize {
        let session = execution.session;
        let (burst, end) = self.bursts.entry(session).or_insert((1, execution.sent_us));
        if execution.sent_us > end.saturating_add(self.gap_us) {
            *burst += 1;
        }
        *end = execution.finished_us.max(*end);
        let tag = execution.unit.clone().or_else(|| tag_of(parsed));
        let (name, kind) = match (tag, execution.transaction) {
            (Some(tag), _) => (tag, UnitKind::Tag),
            (None, Some(number)) => (
                format!("session {session}, transaction {number}"),
                UnitKind::Transaction,
            ),
            (None, None) => (format!("session {session}, burst {burst}"), UnitKind::Burst),
        };
        *self.known.entry(name.clone()).or_insert_with(|| {
            units.push(Unit {
                name,
                kind,
                runs: Vec::new(),
            });
            units.len() - 1
        })
    }
}

fn tag_of(parsed: &ParsedTemplate) -> Option<String> {
    UNIT_TAGS.iter().find_map(|wanted| {
        let (_, value) = parsed.tags.iter().find(|(key, _)| key == wanted)?;
        // Of `version-trace-span-flags`, the span differs within a request.
        let trace = value.split('-').nth(1).filter(|_| *wanted == "traceparent");
        Some(trace.unwrap_or(value).to_owned())
    })
}
