//! What was seen of each repetition in all windows so far: [`Accumulators`].

use std::sync::Arc;

use dbproof_model::{GroupOrigin, GroupVerdict};
use rustc_hash::{FxHashMap, FxHashSet};

use super::identity::Identity;
use super::ignore::IgnoreRule;
use super::judge::{Judged, Sighting};
use super::reading::Reading;
use crate::traffic::SentText;

/// Only so many units of a group are named.
const NAMED_UNITS: usize = 10;
/// Only so many sessions of a group are told apart.
const MOST_SESSIONS: usize = 10_000;
/// Only so many origins of a group are told apart.
const MOST_ORIGINS: usize = 50;
/// Only so many texts of a group are kept.
const MOST_TEXTS: usize = 100;
/// Only so many groups are told apart.
const MOST_GROUPS: usize = 2_000;
/// Short cuts to groups are forgotten, all at once, when there are more than this.
const MOST_SHORT_CUTS: usize = 20_000;

/// Sightings of the same template, verdict, parent and column, put together.
#[derive(Debug)]
pub(super) struct Accumulated {
    pub(super) key: GroupKey,
    pub(super) executions: u64,
    pub(super) distinct: u64,
    pub(super) sessions: FxHashSet<u32>,
    pub(super) units: Vec<String>,
    pub(super) unit_count: u64,
    /// The time of all executions, and the part of it that one statement for all would spare.
    pub(super) looped_us: u64,
    pub(super) spared_us: f64,
    /// The round trips that one statement for all would spare.
    pub(super) spared_trips: u64,
    pub(super) parent_rows: u64,
    /// Children that the parents supplied, of so many that were sent after them.
    pub(super) supplied: u64,
    pub(super) asked: u64,
    pub(super) origins: FxHashMap<GroupOrigin, u64>,
    /// One execution's statement, and the key whose value differs.
    pub(super) sample: Arc<Reading>,
    pub(super) position: Option<usize>,
    /// Whether all executions write the same values.
    pub(super) assigns_alike: bool,
    /// The texts of the sighting that has most of them.
    pub(super) children: Vec<SentText>,
    pub(super) parent: Option<SentText>,
}

/// What makes two sightings one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    pub(super) template: Box<str>,
    pub(super) verdict: GroupVerdict,
    /// The parent's template and the column.
    pub(super) parent: Option<(Box<str>, Box<str>)>,
    /// The rule that it is left alone by.
    pub(super) ignored: Option<usize>,
}

/// The same by numbers, which tell quickly: template, verdict, parent's template and column, rule.
type ShortCut = (u32, GroupVerdict, Option<(u32, u32)>, Option<usize>);

/// All groups so far.
#[derive(Debug, Default)]
pub(super) struct Accumulators {
    pub(super) groups: Vec<Accumulated>,
    by_key: FxHashMap<GroupKey, usize>,
    short_cuts: FxHashMap<ShortCut, usize>,
    pub(super) rules: Vec<IgnoreRule>,
    /// Sightings that found no room.
    pub(super) left_out: u64,
}

impl Accumulators {
    /// Adds what a window showed.
    pub(super) fn add(&mut self, judged: &Judged<'_>, identity: &Identity, sighting: &Sighting) {
        let first = judged.run(sighting.children[0]);
        let ignored = self.rules.iter().position(|rule| {
            rule.is_about(
                first.reading.statement.shape(),
                first.executed.tags.as_deref(),
            )
        });
        let parent = sighting.source.as_ref().map(|source| {
            let parent = &judged.run(source.runs[0]).reading;
            (parent, source.column)
        });
        let numbers = parent.map(|(parent, column)| (parent.template, column));
        let short_cut = (first.reading.template, sighting.verdict, numbers, ignored);
        let known = self.short_cuts.get(&short_cut).copied();
        let known = known.or_else(|| {
            let key = GroupKey {
                template: first.reading.statement.shape().into(),
                verdict: sighting.verdict,
                parent: parent.map(|(parent, column)| {
                    let shape = parent.statement.shape().into();
                    (
                        shape,
                        column_name(parent, column, identity, judged, sighting),
                    )
                }),
                ignored,
            };
            let at = self.place(key, &first.reading, sighting.position)?;
            if self.short_cuts.len() >= MOST_SHORT_CUTS {
                self.short_cuts.clear();
            }
            self.short_cuts.insert(short_cut, at);
            Some(at)
        });
        let Some(at) = known else {
            self.left_out += 1;
            return;
        };
        self.groups[at].add(judged, sighting);
    }

    fn place(
        &mut self,
        key: GroupKey,
        sample: &Arc<Reading>,
        position: Option<usize>,
    ) -> Option<usize> {
        if let Some(at) = self.by_key.get(&key) {
            return Some(*at);
        }
        if self.groups.len() >= MOST_GROUPS {
            return None;
        }
        self.by_key.insert(key.clone(), self.groups.len());
        self.groups.push(Accumulated {
            key,
            executions: 0,
            distinct: 0,
            sessions: FxHashSet::default(),
            units: Vec::new(),
            unit_count: 0,
            looped_us: 0,
            spared_us: 0.0,
            spared_trips: 0,
            parent_rows: 0,
            supplied: 0,
            asked: 0,
            origins: FxHashMap::default(),
            sample: Arc::clone(sample),
            position,
            assigns_alike: true,
            children: Vec::new(),
            parent: None,
        });
        Some(self.groups.len() - 1)
    }
}

/// `relation.column`, or the result's own name of the column.
fn column_name(
    parent: &Reading,
    column: u32,
    identity: &Identity,
    judged: &Judged<'_>,
    sighting: &Sighting,
) -> Box<str> {
    if let Some(name) = identity.name(column) {
        return name.into();
    }
    let run = sighting.source.as_ref().map(|source| source.runs[0]);
    let results = run.map(|run| &judged.resolved(run).results);
    let at = results.and_then(|results| {
        let is_it = |r: &Option<super::reading::ResolvedColumn>| {
            r.as_ref().is_some_and(|r| r.column == column)
        };
        results.iter().position(is_it)
    });
    let name = at.zip(parent.shape.as_ref()).and_then(|(at, shape)| {
        let column = shape.columns.get(usize::from(*shape.hashed.get(at)?))?;
        Some(column.name.as_str().into())
    });
    name.unwrap_or_default()
}

impl Accumulated {
    fn add(&mut self, judged: &Judged<'_>, sighting: &Sighting) {
        let count = sighting.children.len() as u64;
        let mut looped_us = 0;
        for child in &sighting.children {
            let executed = &judged.run(*child).executed;
            looped_us += executed.finished_us.saturating_sub(executed.sent_us);
            if self.sessions.len() < MOST_SESSIONS {
                self.sessions.insert(executed.session);
            }
        }
        let spared = match sighting.verdict {
            GroupVerdict::Proven | GroupVerdict::Likely | GroupVerdict::WriteLoop => count - 1,
            GroupVerdict::Duplicate => count - sighting.distinct as u64,
            GroupVerdict::Chain => 0,
        };
        self.executions += count;
        self.distinct += sighting.distinct as u64;
        self.looped_us += looped_us;
        self.spared_us += looped_us as f64 * spared as f64 / count as f64;
        self.spared_trips += spared;
        self.unit_count += 1;
        if self.units.len() < NAMED_UNITS {
            let name = judged.units[sighting.unit as usize].name();
            if !self.units.contains(&name) {
                self.units.push(name);
            }
        }
        if let Some(source) = &sighting.source {
            self.supplied += count;
            self.asked += source.asked as u64;
            let rows = source.runs.iter().map(|run| judged.run(*run).executed.rows);
            self.parent_rows += rows.sum::<u64>();
        }
        self.add_origins(judged, sighting);
        self.compare_assigned(judged, sighting);
        self.keep_texts(judged, sighting);
    }

    fn add_origins(&mut self, judged: &Judged<'_>, sighting: &Sighting) {
        let mut at = 0;
        while let Some(child) = sighting.children.get(at) {
            let tags = judged.run(*child).executed.tags.as_ref();
            // Statements of one request mostly have one comment in common.
            let alike = sighting.children[at..].iter().take_while(|next| {
                let next = judged.run(**next).executed.tags.as_ref();
                next.map(Arc::as_ptr) == tags.map(Arc::as_ptr)
            });
            let count = alike.count();
            at += count;
            let Some(origin) = tags.and_then(|tags| tags.origin()) else {
                continue;
            };
            if self.origins.len() < MOST_ORIGINS || self.origins.contains_key(&origin) {
                *self.origins.entry(origin).or_default() += count as u64;
            }
        }
    }

    /// Where what is written differs from row to row, a list of keys is not enough.
    fn compare_assigned(&mut self, judged: &Judged<'_>, sighting: &Sighting) {
        let positions = &judged.run(sighting.children[0]).reading.assigned;
        let first = sighting.children[0];
        self.assigns_alike &= positions.iter().all(|at| {
            let value = judged.value(first, *at);
            sighting
                .children
                .iter()
                .all(|child| judged.value(*child, *at) == value)
        });
    }

    fn keep_texts(&mut self, judged: &Judged<'_>, sighting: &Sighting) {
        let sent = |run: &u32| judged.run(*run).executed.sent.as_deref();
        let texts = sighting.children.iter().filter_map(sent);
        let texts: Vec<&SentText> = texts.take(MOST_TEXTS).collect();
        if texts.len() > self.children.len() {
            self.children = texts.into_iter().cloned().collect();
            let parent = sighting
                .source
                .as_ref()
                .and_then(|source| sent(source.runs.first()?));
            self.parent = parent.cloned();
            self.sample = Arc::clone(&judged.run(sighting.children[0]).reading);
            self.position = sighting.position;
        }
    }
}
