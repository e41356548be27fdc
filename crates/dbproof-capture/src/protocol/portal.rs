//! What is executed, from the first part of its answer to the last: [`Portal`], which is a statement
//! with its values, and may be answered in several parts.

use std::sync::Arc;

use dbproof_analysis::traffic::{
    Executed, SentParameter, SentText, SqlState, Statement, StatementText, Tags, ValueHash,
};

use super::bound::Bound;
use super::collector::Collector;
use super::columns::{Columns, Formats};
use super::command::Argument;
use super::names::Name;
use super::not_read::NotRead;
use super::result::{Rows, Running};
use super::session::State;
use super::statement::{Acts, Prepared};

/// A statement with its values; a cursor too.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// `None` once it has been executed to its end.
    pub(super) call: Option<Call>,
    /// The formats of its result.
    pub(super) results: Formats,
    /// What has been answered so far, where the rest was not yet asked for.
    pub(super) running: Option<Running>,
    /// It outlives its transaction.
    pub(super) holds: bool,
}

/// A statement with its values, as it will be told of.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) statement: Arc<Statement>,
    pub(super) tags: Option<Arc<Tags>>,
    pub(super) values: Box<[Option<ValueHash>]>,
    pub(super) sent: Option<Box<SentText>>,
}

impl Call {
    fn of(text: &StatementText, values: Box<[Option<ValueHash>]>) -> Self {
        Self {
            statement: Arc::clone(&text.statement),
            tags: text.tags.clone(),
            values,
            sent: None,
        }
    }
}

/// The arguments of `EXECUTE` as parameters; `None` where one is an expression.
fn sent_arguments(arguments: &[Argument], bound: &[SentParameter]) -> Option<Vec<SentParameter>> {
    let argument = |argument: &Argument| match argument {
        Argument::Value(value) => Some(SentParameter {
            type_oid: 0,
            binary: false,
            value: value.as_ref().map(|value| value.clone().into_bytes()),
        }),
        Argument::Parameter(number) => bound.get(*number).cloned(),
        Argument::Expression => None,
    };
    arguments.iter().map(argument).collect()
}

impl State {
    /// A statement with the parameters that were bound to it.
    pub(super) fn call(
        &mut self,
        prepared: &Prepared,
        bound: Option<&Bound>,
        collector: &mut Collector,
    ) -> Call {
        let mut parameters = std::mem::take(&mut self.parameters);
        let types = prepared.types();
        match bound {
            Some(bound) => bound.hashes(types, collector.hasher(), &mut parameters),
            None => parameters.clear(),
        }
        let executes = match &prepared.acts {
            Some(Acts::Execute { name, arguments }) => {
                let sent = (prepared, bound.and_then(|bound| bound.sent(types)));
                self.resolve(*name, arguments, sent, &parameters, collector)
            }
            _ => None,
        };
        let is_resolved = executes.is_some();
        let mut call = executes.unwrap_or_else(|| {
            let values = prepared.text.values(collector.hasher(), &parameters);
            Call::of(&prepared.text, values)
        });
        self.parameters = parameters;
        if is_resolved {
            // What was sent is not what is executed.
        } else if let Some(sql) = &prepared.sql {
            let parameters = match bound {
                Some(bound) => bound.sent(types),
                None => Some(Vec::new()),
            };
            call.sent = parameters.map(|parameters| {
                let sql = Arc::clone(sql);
                Box::new(SentText { sql, parameters })
            });
        }
        call
    }

    /// `EXECUTE name (…)` is the statement of that name, with the arguments as its parameters. `sent`
    /// is the EXECUTE, and the parameters that were bound to it.
    fn resolve(
        &self,
        name: Name,
        arguments: &[Argument],
        sent: (&Prepared, Option<Vec<SentParameter>>),
        parameters: &[Option<ValueHash>],
        collector: &mut Collector,
    ) -> Option<Call> {
        let prepared = self.statements.get(name)?;
        let (execute, bound) = sent;
        let kept = prepared.sql.as_ref().and_then(|sql| {
            let parameters = sent_arguments(arguments, bound.as_deref().unwrap_or_default())?;
            let sql = Arc::clone(sql);
            Some(Box::new(SentText { sql, parameters }))
        });
        let value = |argument: &Argument| match argument {
            Argument::Value(value) => collector.hasher().text(value.as_ref()?.as_bytes()),
            Argument::Parameter(index) => parameters.get(*index).copied().flatten(),
            Argument::Expression => None,
        };
        let arguments: Vec<_> = arguments.iter().map(value).collect();
        let values = prepared.text.values(collector.hasher(), &arguments);
        let mut call = Call::of(&prepared.text, values);
        call.sent = kept;
        if let Some(tags) = &execute.text.tags {
            call.tags = Some(Arc::clone(tags));
        }
        Some(call)
    }

    /// A portal has been bound.
    pub(super) fn bind(
        &mut self,
        portal: Name,
        statement: Name,
        bound: &Bound,
        collector: &mut Collector,
    ) -> Result<(), NotRead> {
        let before = match self.statements.get(statement).cloned() {
            Some(prepared) => {
                let call = self.call(&prepared, Some(bound), collector);
                let bound = Portal {
                    prepared,
                    call: Some(call),
                    results: bound.results.clone(),
                    running: None,
                    holds: false,
                };
                self.portals.insert(portal, bound)?
            }
            None => self.portals.remove(portal),
        };
        if let Some(before) = before {
            self.drop_portal(before, collector);
        }
        Ok(())
    }

    /// The first part of an answer to Execute has come, or the next one.
    pub(super) fn run_portal(&mut self, name: Name, sent_us: u64) -> &mut Running {
        if self.running.is_none() {
            let cursor = self.cursor_of(self.portals.get(name).map(|portal| &*portal.prepared));
            let portal = self.portals.get_mut(cursor.unwrap_or(name));
            self.running = portal.and_then(|portal| portal.running.take());
        }
        let transaction = self.transaction;
        self.running
            .get_or_insert_with(|| Running::new(sent_us, transaction))
    }

    /// Rows of a portal are coming.
    pub(super) fn portal_rows(&mut self, name: Name, sent_us: u64, collector: &Collector) {
        if self.run_portal(name, sent_us).result.is_some() {
            return;
        }
        let portal = self.portals.get(name);
        let shape = portal.and_then(|portal| portal.prepared.shape.get().cloned());
        let known = shape.zip(portal.map(|portal| portal.results.clone()));
        let (shape, formats) =
            known.unwrap_or_else(|| (Arc::clone(&collector.no_columns), Formats::TEXT));
        if let Some(running) = &mut self.running {
            running.result = Some(Rows::new(shape, formats, collector.new_hash()));
        }
    }

    /// Rows of a statement of a simple query are coming.
    pub(super) fn query_rows(
        &mut self,
        prepared: Option<&Prepared>,
        sent_us: u64,
        columns: Columns,
        collector: &Collector,
    ) {
        let cursor = self.cursor_of(prepared);
        let begun = cursor.and_then(|cursor| self.portals.get_mut(cursor)?.running.take());
        let mut running = begun.unwrap_or_else(|| Running::new(sent_us, self.transaction));
        if running.result.is_none() {
            let hash = collector.new_hash();
            running.result = Some(Rows::new(columns.shape, columns.formats, hash));
        }
        self.running = Some(running);
    }

    /// The cursor that a FETCH is about, where it is known.
    fn cursor_of(&self, prepared: Option<&Prepared>) -> Option<Name> {
        match prepared?.acts {
            Some(Acts::Fetch { name }) => self.portals.get(name).map(|_| name),
            _ => None,
        }
    }

    /// A statement has been executed: what it does to names is done, and it is told of, unless it is
    /// a part of something that is told of as one.
    pub(super) fn executed(
        &mut self,
        prepared: &Arc<Prepared>,
        call: Call,
        mut running: Running,
        collector: &mut Collector,
    ) -> Result<(), NotRead> {
        self.last = Some(Arc::clone(&call.statement));
        match &prepared.acts {
            Some(Acts::Declare { name, hold }) => {
                let cursor = Portal {
                    prepared: Arc::clone(prepared),
                    call: Some(call),
                    results: Formats::TEXT,
                    running: Some(running),
                    holds: *hold,
                };
                if let Some(before) = self.portals.insert(*name, cursor)? {
                    self.drop_portal(before, collector);
                }
                return Ok(());
            }
            Some(Acts::Fetch { name }) => {
                if let Some(cursor) = self.portals.get_mut(*name) {
                    running.is_answered_in_part(running.answered_us);
                    cursor.running = Some(running);
                    return Ok(());
                }
            }
            Some(Acts::Prepare { name, query }) => {
                self.statements.insert(*name, Arc::clone(query))?;
            }
            Some(Acts::Deallocate { name }) => {
                self.statements.remove(*name);
            }
            Some(Acts::Close { name }) => match name {
                Some(name) => {
                    if let Some(cursor) = self.portals.remove(*name) {
                        self.drop_portal(cursor, collector);
                    }
                }
                None => self.drop_portals(|_| true, collector),
            },
            Some(Acts::Execute { .. } | Acts::RollbackTo | Acts::Chain) | None => {}
        }
        self.emit(call, running, None, collector);
        Ok(())
    }

    /// A statement has failed. Of a cursor, it is the cursor's statement that has.
    pub(super) fn failed(
        &mut self,
        prepared: &Prepared,
        call: Call,
        running: Running,
        state: SqlState,
        collector: &mut Collector,
    ) {
        self.last = Some(Arc::clone(&call.statement));
        let cursor = self.cursor_of(Some(prepared));
        let cursor = cursor.and_then(|cursor| self.portals.remove(cursor));
        let (call, mut running) = match cursor.map(|cursor| (cursor.call, cursor.running)) {
            Some((Some(call), Some(mut begun))) => {
                begun.answered_us = running.answered_us;
                (call, begun)
            }
            Some((Some(call), None)) => (call, running),
            _ => (call, running),
        };
        running.first_part_us = None;
        self.emit(call, running, Some(state), collector);
    }

    /// A portal is no more: if it was answered in part, that is all that will be.
    pub(super) fn drop_portal(&self, portal: Portal, collector: &mut Collector) {
        if let Some((call, running)) = portal.call.zip(portal.running) {
            self.emit(call, running, None, collector);
        }
    }

    pub(super) fn drop_portals(
        &mut self,
        leaves: impl Fn(&Portal) -> bool,
        collector: &mut Collector,
    ) {
        if self.portals.is_empty() {
            return;
        }
        let mut begun = Vec::new();
        self.portals.take_if(leaves, |portal| {
            if portal.running.is_some() {
                begun.push(portal);
            }
        });
        begun.sort_by_key(|portal| portal.running.as_ref().map(|running| running.sent_us));
        for portal in begun {
            self.drop_portal(portal, collector);
        }
    }

    fn emit(
        &self,
        call: Call,
        running: Running,
        failed: Option<SqlState>,
        collector: &mut Collector,
    ) {
        collector.push(Executed {
            session: self.number,
            database: self.database,
            transaction: running.transaction,
            series: self.series,
            sent_us: running.sent_us,
            finished_us: running.first_part_us.unwrap_or(running.answered_us),
            statement: call.statement,
            tags: call.tags,
            values: call.values,
            rows: running.rows.max(running.told),
            failed,
            result: running.result.map(|rows| Box::new(rows.finish())),
            sent: call.sent,
        });
    }
}
