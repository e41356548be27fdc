//! What an ErrorResponse is about.

use std::sync::Arc;

use super::event::SessionNews;
use super::not_read::{NotRead, Side};
use super::portal::Call;
use super::result::Running;
use super::server::FromServer;
use super::session::Request;
use super::statement::Prepared;
use super::tag::sql_state;

impl FromServer<'_> {
    /// ErrorResponse: the request that the server is at has failed, and those behind it are skipped
    /// up to Sync.
    pub(super) fn error(&mut self, body: &[u8]) -> Result<(), NotRead> {
        let Some(state) = sql_state(body) else {
            return Err(NotRead::Malformed(Side::Server, b'E'));
        };
        self.state.copies_in = false;
        let mut blamed = None;
        match self.state.front() {
            None | Some(Request::Startup | Request::Sync | Request::FunctionCall) => {
                self.state
                    .tell(SessionNews::Failed(state), self.at_us, self.collector);
                return Ok(());
            }
            Some(Request::Query(query)) => {
                let prepared = query.statements.get(query.at).cloned();
                let sent_us = query.sent_us;
                query.at = usize::MAX;
                if let Some(prepared) = prepared {
                    let call = self.state.call(&prepared, None, self.collector);
                    blamed = Some((prepared, call, sent_us));
                }
            }
            Some(_) => {
                blamed = self.blamed();
                self.state.skip_to_sync();
            }
        }
        let Some((prepared, call, sent_us)) = blamed else {
            self.state.running = None;
            self.state
                .tell(SessionNews::Failed(state), self.at_us, self.collector);
            return Ok(());
        };
        let transaction = self.state.transaction;
        let running = self.state.running.take();
        let mut running = running.unwrap_or_else(|| Running::new(sent_us, transaction));
        running.answered_us = self.at_us;
        self.state
            .failed(&prepared, call, running, state, self.collector);
        Ok(())
    }

    /// The statement that an error is about, its values, and when it was sent. The request is gone
    /// after that.
    fn blamed(&mut self) -> Option<(Arc<Prepared>, Call, u64)> {
        match self.state.requests.pop_front()? {
            Request::Parse {
                name,
                prepared,
                sent_us,
            } => {
                if name.is_unnamed() {
                    // Whatever it was before, the server has forgotten it.
                    self.state.statements.remove(name);
                }
                let call = self.state.call(&prepared, None, self.collector);
                Some((prepared, call, sent_us))
            }
            Request::Bind {
                statement, bound, ..
            } => {
                let prepared = self.state.statements.get(statement).cloned();
                let blamed = prepared.map(|prepared| {
                    let call = self.state.call(&prepared, Some(&bound), self.collector);
                    (prepared, call, bound.sent_us)
                });
                self.state.give_back(*bound);
                blamed
            }
            Request::Execute { portal, sent_us } => {
                self.state.run_portal(portal, sent_us);
                let (prepared, call) = self.state.finish_portal(portal);
                Some((prepared?, call?, sent_us))
            }
            Request::DescribeStatement(name) => {
                let prepared = self.state.statements.get(name).cloned()?;
                let call = self.state.call(&prepared, None, self.collector);
                Some((prepared, call, self.at_us))
            }
            Request::DescribePortal(name) => {
                let (prepared, call) = self.state.finish_portal(name);
                Some((prepared?, call?, self.at_us))
            }
            _ => None,
        }
    }
}
