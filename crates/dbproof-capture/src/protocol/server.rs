//! What a server answers: [`FromServer`].

use std::sync::Arc;

use super::body::Body;
use super::bound::LONGEST_VALUE;
use super::collector::Collector;
use super::fields::Layout;
use super::names::Name;
use super::not_read::{NotRead, Side};
use super::portal::Call;
use super::result::Running;
use super::scan::{Message, Messages, Need};
use super::session::{Request, State};
use super::statement::{Acts, Prepared};
use super::tag::Tag;

/// As much of a description is held.
const LONGEST: usize = 1 << 20;
/// The same for CommandComplete and ErrorResponse, of which the first fields are needed.
const LONGEST_TAG: usize = 1 << 10;

/// Reads what a server answers.
#[derive(Debug)]
pub(super) struct FromServer<'a> {
    pub(super) state: &'a mut State,
    pub(super) collector: &'a mut Collector,
    pub(super) at_us: u64,
}

impl Messages for FromServer<'_> {
    #[inline]
    fn need(&self, tag: u8, length: usize) -> Result<Need, NotRead> {
        let impossible = || {
            let said = i64::try_from(length + 4).unwrap_or(i64::MAX);
            Err(NotRead::Length(Side::Server, tag, said))
        };
        match tag {
            b'D' => Ok(Need::Fields(Layout::Row, LONGEST_VALUE)),
            b'T' | b't' => Ok(Need::Head(LONGEST)),
            b'C' | b'E' => Ok(Need::Head(LONGEST_TAG)),
            b'Z' if length == 1 => Ok(Need::Head(1)),
            b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' if length == 0 => Ok(Need::Nothing),
            b'A' | b'G' | b'H' | b'K' | b'N' | b'R' | b'S' | b'V' | b'W' | b'd' | b'v' => {
                Ok(Need::Nothing)
            }
            b'Z' | b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' => impossible(),
            _ => Err(NotRead::UnknownMessage(Side::Server, tag)),
        }
    }

    #[inline]
    fn piece(&mut self, tag: u8, bytes: &[u8]) -> Result<(), NotRead> {
        let has_rows = matches!(&self.state.running, Some(running) if running.result.is_some());
        if !has_rows {
            self.rows_begin(tag)?;
        }
        if let Some(rows) = self.state.running.as_mut().and_then(|r| r.result.as_mut()) {
            rows.bytes(bytes);
        }
        Ok(())
    }

    #[inline]
    fn message(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        let answered = match message.tag {
            b'D' => return self.row(message),
            b'C' => return self.complete(message.head),
            b'Z' => return self.ready(message.head),
            b'E' => return self.error(message.head),
            b'T' => return self.described(message),
            b't' => return self.parameters(message),
            b'W' => return Err(NotRead::CopyBoth),
            b'1' => self.parsed()?,
            b'2' => self.bound()?,
            b'3' => self.closed(),
            b'n' => self.no_data(),
            b'I' => self.empty(),
            b's' => self.suspended(),
            b'G' => self.copy_in(),
            b'H' => matches!(
                self.state.front(),
                Some(Request::Query(_) | Request::Execute { .. })
            ),
            b'V' => matches!(self.state.front(), Some(Request::FunctionCall)),
            // Notices, parameters, notifications, authentication, keys and data answer nothing.
            _ => true,
        };
        if answered {
            Ok(())
        } else {
            Err(NotRead::Unexpected(message.tag))
        }
    }
}

impl FromServer<'_> {
    /// The first row of a result whose columns were not described just before.
    fn rows_begin(&mut self, tag: u8) -> Result<(), NotRead> {
        let Some(&mut Request::Execute { portal, sent_us }) = self.state.front() else {
            return Err(NotRead::Unexpected(tag));
        };
        self.state.portal_rows(portal, sent_us, self.collector);
        Ok(())
    }

    #[inline]
    fn row(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        let running = self.state.running.as_mut();
        let running = running.ok_or(NotRead::Unexpected(b'D'))?;
        running.rows += 1;
        let rows = running.result.as_mut().ok_or(NotRead::Unexpected(b'D'))?;
        rows.row(message.head, self.collector.hasher())
            .ok_or(NotRead::Malformed(Side::Server, b'D'))
    }

    fn parsed(&mut self) -> Result<bool, NotRead> {
        let Some(Request::Parse { .. }) = self.state.front() else {
            return Ok(false);
        };
        if let Some(Request::Parse { name, prepared, .. }) = self.state.requests.pop_front() {
            self.state.statements.insert(name, prepared)?;
        }
        Ok(true)
    }

    fn bound(&mut self) -> Result<bool, NotRead> {
        let Some(Request::Bind { .. }) = self.state.front() else {
            return Ok(false);
        };
        if let Some(Request::Bind {
            portal,
            statement,
            bound,
        }) = self.state.requests.pop_front()
        {
            let result = self.state.bind(portal, statement, &bound, self.collector);
            self.state.give_back(*bound);
            result?;
        }
        Ok(true)
    }

    fn closed(&mut self) -> bool {
        match self.state.front() {
            Some(&mut Request::CloseStatement(name)) => {
                self.state.statements.remove(name);
            }
            Some(&mut Request::ClosePortal(name)) => {
                if let Some(portal) = self.state.portals.remove(name) {
                    self.state.drop_portal(portal, self.collector);
                }
            }
            _ => return false,
        }
        self.state.requests.pop_front();
        true
    }

    fn parameters(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        let Some(&mut Request::DescribeStatement(name)) = self.state.front() else {
            return Err(NotRead::Unexpected(b't'));
        };
        let mut body = Body(message.head);
        let count = body.word().unwrap_or(0);
        let types = (0..count).map_while(|_| body.long()).collect();
        if let Some(prepared) = self.state.statements.get(name) {
            prepared.described_types.get_or_init(|| types);
        }
        Ok(())
    }

    /// RowDescription: of a simple query, its rows follow.
    fn described(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        let malformed = NotRead::Malformed(Side::Server, b'T');
        let columns = self.collector.columns(message.head).ok_or(malformed)?;
        let prepared = match self.state.front() {
            Some(&mut Request::DescribeStatement(name)) => self.state.statements.get(name),
            Some(&mut Request::DescribePortal(name)) => {
                self.state.portals.get(name).map(|portal| &portal.prepared)
            }
            Some(Request::Query(query)) if query.at < usize::MAX => {
                let prepared = query.statements.get(query.at).cloned();
                let sent_us = query.sent_us;
                // A rule can add a SELECT to a statement; the last result is the one that is told of.
                self.state.running = None;
                let collector = &*self.collector;
                self.state
                    .query_rows(prepared.as_deref(), sent_us, columns, collector);
                return Ok(());
            }
            _ => return Err(NotRead::Unexpected(b'T')),
        };
        if let Some(prepared) = prepared {
            prepared.shape.get_or_init(|| columns.shape);
        }
        self.state.requests.pop_front();
        Ok(())
    }

    fn no_data(&mut self) -> bool {
        let described = matches!(
            self.state.front(),
            Some(Request::DescribeStatement(_) | Request::DescribePortal(_))
        );
        if described {
            self.state.requests.pop_front();
        }
        described
    }

    fn empty(&mut self) -> bool {
        match self.state.front() {
            Some(Request::Query(query)) => query.at = query.statements.len(),
            Some(Request::Execute { .. }) => {
                self.state.requests.pop_front();
            }
            _ => return false,
        }
        true
    }

    fn suspended(&mut self) -> bool {
        let Some(&mut Request::Execute { portal, sent_us }) = self.state.front() else {
            return false;
        };
        self.state.requests.pop_front();
        self.state.run_portal(portal, sent_us);
        let running = self.state.running.take().map(|mut running| {
            running.is_answered_in_part(self.at_us);
            running
        });
        if let Some(portal) = self.state.portals.get_mut(portal) {
            portal.running = running;
        } else {
            self.collector.totals.unassigned += 1;
        }
        true
    }

    /// From here to the end of the data, the server ignores Sync; those behind the request were sent
    /// before the application knew.
    fn copy_in(&mut self) -> bool {
        let Some(Request::Query(_) | Request::Execute { .. }) = self.state.front() else {
            return false;
        };
        while let Some(Request::Sync) = self.state.requests.get(1) {
            self.state.requests.remove(1);
            self.state.ignored_syncs += 1;
        }
        if let Some(Request::CopyEnd) = self.state.requests.get(1) {
            self.state.requests.remove(1);
        } else {
            self.state.copies_in = true;
        }
        true
    }

    /// CommandComplete.
    fn complete(&mut self, body: &[u8]) -> Result<(), NotRead> {
        let tag = Tag::read(body);
        self.state.copies_in = false;
        self.state.ignored_syncs = 0;
        let (prepared, call) = match self.state.front() {
            Some(Request::Query(query)) if query.at < usize::MAX => {
                let prepared = query.statements.get(query.at).cloned();
                let sent_us = query.sent_us;
                query.at += 1;
                if self.state.running.is_none() {
                    self.state.begin_query(prepared.as_deref(), sent_us);
                }
                let call = prepared
                    .as_deref()
                    .map(|prepared| self.state.call(prepared, None, self.collector));
                (prepared, call)
            }
            Some(&mut Request::Execute { portal, sent_us }) => {
                self.state.requests.pop_front();
                if self.state.is_described(portal) {
                    self.state.portal_rows(portal, sent_us, self.collector);
                } else {
                    self.state.run_portal(portal, sent_us);
                }
                self.state.finish_portal(portal)
            }
            _ => return Err(NotRead::Unexpected(b'C')),
        };
        let Some(mut running) = self.state.running.take() else {
            return Ok(());
        };
        running.answered_us = self.at_us;
        let acts = prepared
            .as_ref()
            .and_then(|prepared| prepared.acts.as_ref());
        if !matches!(acts, Some(Acts::Fetch { .. })) {
            running.told = tag.rows.unwrap_or(0);
        }
        self.state
            .moves(tag.name, acts, &mut running, self.collector);
        if tag.name == b"DISCARD ALL" || tag.name == b"DEALLOCATE ALL" {
            self.state.statements.clear_named();
        }
        if tag.name == b"DISCARD ALL" {
            self.state.drop_portals(|_| true, self.collector);
        }
        match (prepared, call) {
            (Some(prepared), Some(call)) => {
                self.state
                    .executed(&prepared, call, running, self.collector)
            }
            // A portal that was at its end before: there was nothing left to execute.
            (Some(_), None) => Ok(()),
            (None, _) => {
                self.collector.totals.unassigned += 1;
                Ok(())
            }
        }
    }

    /// ReadyForQuery.
    fn ready(&mut self, body: &[u8]) -> Result<(), NotRead> {
        let ignored = self.state.ignored_syncs > 0;
        let query = match self.state.front() {
            Some(Request::Query(query)) => Some(query.statements.len().saturating_sub(query.at)),
            Some(Request::Startup | Request::Sync | Request::FunctionCall) => None,
            _ if ignored => {
                // A copy had failed before the Sync was read.
                self.state.ignored_syncs -= 1;
                self.state.skips = false;
                return self.settle(body);
            }
            _ => return Err(NotRead::Unexpected(b'Z')),
        };
        if let Some(Request::FunctionCall) = self.state.requests.pop_front() {
            self.collector.totals.function_calls += 1;
        }
        if let Some(unanswered) = query {
            self.collector.totals.unassigned += unanswered as u64;
            // The server has used the empty names itself.
            self.state.statements.remove(Name::UNNAMED);
            if let Some(portal) = self.state.portals.remove(Name::UNNAMED) {
                self.state.drop_portal(portal, self.collector);
            }
        }
        self.settle(body)
    }

    /// The state of the transaction, which ReadyForQuery tells.
    fn settle(&mut self, body: &[u8]) -> Result<(), NotRead> {
        if self.state.running.take().is_some() {
            self.collector.totals.unassigned += 1;
        }
        if body == b"I" {
            self.state.transaction = None;
            self.state
                .drop_portals(|portal| !portal.holds, self.collector);
        }
        self.state.series = self.state.series.wrapping_add(1);
        match body {
            b"I" => {}
            b"T" | b"E" => {
                if self.state.transaction.is_none() {
                    self.state.begin_transaction();
                }
                if self.state.front().is_none() {
                    self.state.idle_since_us = Some(self.at_us);
                }
            }
            _ => return Err(NotRead::Malformed(Side::Server, b'Z')),
        }
        Ok(())
    }
}

impl State {
    fn begin_query(&mut self, prepared: Option<&Prepared>, sent_us: u64) {
        let begun = match prepared.and_then(|prepared| prepared.acts.as_ref()) {
            Some(Acts::Fetch { name }) => self.portals.get_mut(*name),
            _ => None,
        };
        let begun = begun.and_then(|cursor| cursor.running.take());
        self.running = Some(begun.unwrap_or_else(|| Running::new(sent_us, self.transaction)));
    }

    /// The statement of a portal and its values; it has been executed to its end.
    pub(super) fn finish_portal(&mut self, name: Name) -> (Option<Arc<Prepared>>, Option<Call>) {
        match self.portals.get_mut(name) {
            Some(portal) => (Some(Arc::clone(&portal.prepared)), portal.call.take()),
            None => (None, None),
        }
    }

    /// Whether a portal is known to return rows, be it none.
    fn is_described(&self, name: Name) -> bool {
        let portal = self.portals.get(name);
        portal.is_some_and(|portal| portal.prepared.shape.get().is_some())
    }

    fn begin_transaction(&mut self) {
        self.transactions += 1;
        self.transaction = Some(self.transactions);
    }

    /// What a command does to the transaction, which ReadyForQuery tells only later, and not at all
    /// where it begins and ends within one query. BEGIN and COMMIT belong to the transaction.
    fn moves(
        &mut self,
        tag: &[u8],
        acts: Option<&Acts>,
        running: &mut Running,
        collector: &mut Collector,
    ) {
        match tag {
            b"BEGIN" | b"START TRANSACTION" if self.transaction.is_none() => {
                self.begin_transaction();
                running.transaction = self.transaction;
            }
            b"COMMIT" | b"ROLLBACK" | b"PREPARE TRANSACTION" => match acts {
                Some(Acts::RollbackTo) => {}
                acts => {
                    // Cursors end with their transaction, and are told of before its end.
                    self.drop_portals(|portal| !portal.holds, collector);
                    self.transaction = None;
                    if let Some(Acts::Chain) = acts {
                        self.begin_transaction();
                    }
                }
            },
            _ => {}
        }
    }
}
