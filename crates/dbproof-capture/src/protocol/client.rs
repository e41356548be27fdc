//! What an application sends: [`FromClient`].

use std::borrow::Cow;

use std::sync::Arc;

use super::body::Body;
use super::bound::{Bind, longest};
use super::collector::Collector;
use super::event::{Opened, SessionNews};
use super::fields::Layout;
use super::names::Name;
use super::not_read::{NotRead, Side};
use super::scan::{Message, Messages, Need, STARTUP};
use super::session::{Request, State};
use super::statement::{Prepared, Query};

/// As much of a text is held.
const LONGEST: usize = 1 << 20;
/// The same for messages that are names alone.
const LONGEST_NAMES: usize = 64 << 10;
/// `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL's source.
const LONGEST_STARTUP: usize = 10_000;

/// Reads what an application sends.
#[derive(Debug)]
pub(super) struct FromClient<'a> {
    pub(super) state: &'a mut State,
    pub(super) collector: &'a mut Collector,
    pub(super) at_us: u64,
}

impl Messages for FromClient<'_> {
    #[inline]
    fn need(&self, tag: u8, length: usize) -> Result<Need, NotRead> {
        match tag {
            b'B' => Ok(Need::Fields(
                Layout::Bind,
                longest(self.collector.keeps_sent()),
            )),
            b'Q' | b'P' => Ok(Need::Head(LONGEST)),
            b'D' | b'E' | b'C' => Ok(Need::Head(LONGEST_NAMES)),
            b'S' | b'H' | b'X' | b'c' if length == 0 => Ok(Need::Nothing),
            b'd' | b'f' | b'p' | b'F' => Ok(Need::Nothing),
            STARTUP if length <= LONGEST_STARTUP => Ok(Need::Head(LONGEST_STARTUP)),
            STARTUP | b'S' | b'H' | b'X' | b'c' => {
                let said = i64::try_from(length + 4).unwrap_or(i64::MAX);
                Err(NotRead::Length(Side::Client, tag, said))
            }
            _ => Err(NotRead::UnknownMessage(Side::Client, tag)),
        }
    }

    fn piece(&mut self, _: u8, _: &[u8]) -> Result<(), NotRead> {
        Ok(())
    }

    #[inline]
    fn message(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        self.state.wakes(self.at_us, self.collector);
        if self.state.skips {
            if message.tag == b'S' {
                self.state.skips = false;
                return self.state.push(Request::Sync);
            }
            return Ok(());
        }
        let body = Body(message.head);
        let read = match message.tag {
            b'Q' => Some(self.query(body, message.is_whole())),
            b'P' => self.parse(body, message.is_whole()),
            b'B' => return self.bind(message),
            b'D' => match self.name(body) {
                Some((b'S', name)) => Some(Request::DescribeStatement(name)),
                Some((b'P', name)) => Some(Request::DescribePortal(name)),
                _ => None,
            },
            b'C' => match self.name(body) {
                Some((b'S', name)) => Some(Request::CloseStatement(name)),
                Some((b'P', name)) => Some(Request::ClosePortal(name)),
                _ => None,
            },
            b'E' => self.execute(body),
            b'S' => return self.sync(),
            b'F' => Some(Request::FunctionCall),
            b'c' | b'f' => return self.copy_end(),
            STARTUP => return self.startup(body),
            _ => return Ok(()),
        };
        match read {
            Some(request) => self.state.push(request),
            None => Err(NotRead::Malformed(Side::Client, message.tag)),
        }
    }
}

/// A text, or as much of it as is held.
fn text<'a>(body: &mut Body<'a>) -> Cow<'a, str> {
    let whole = *body;
    String::from_utf8_lossy(body.text().unwrap_or(whole.0))
}

impl FromClient<'_> {
    fn query(&mut self, mut body: Body<'_>, whole: bool) -> Request {
        let query = Query::read(&text(&mut body), whole, self.at_us, self.collector);
        Request::Query(Box::new(query))
    }

    /// Whether it is a statement or a portal, and its name.
    fn name(&mut self, mut body: Body<'_>) -> Option<(u8, Name)> {
        let kind = body.byte()?;
        Some((kind, Name::of(body.text()?, self.collector.hasher())))
    }

    fn parse(&mut self, mut body: Body<'_>, whole: bool) -> Option<Request> {
        let name = Name::of(body.text()?, self.collector.hasher());
        let sql = text(&mut body);
        let types = if whole {
            let count = body.word()?;
            (0..count).map(|_| body.long()).collect::<Option<_>>()?
        } else {
            Vec::new()
        };
        Some(Request::Parse {
            name,
            prepared: Arc::new(Prepared::read(&sql, whole, types, self.collector)),
            sent_us: self.at_us,
        })
    }

    fn bind(&mut self, message: Message<'_>) -> Result<(), NotRead> {
        let (values, most) = self.state.buffer();
        let longest = longest(self.collector.keeps_sent());
        let hasher = self.collector.hasher();
        let bind = Bind::read(message.head, longest, hasher, values, most);
        let Some(Bind {
            portal,
            statement,
            mut bound,
        }) = bind
        else {
            return Err(NotRead::Malformed(Side::Client, b'B'));
        };
        bound.sent_us = self.at_us;
        self.collector.totals.without_parameters += u64::from(bound.lacks_keys);
        self.state.hold(&bound);
        self.state.push(Request::Bind {
            portal,
            statement,
            bound: Box::new(bound),
        })
    }

    fn execute(&mut self, mut body: Body<'_>) -> Option<Request> {
        let portal = Name::of(body.text()?, self.collector.hasher());
        let _most_rows = body.long()?;
        Some(Request::Execute {
            portal,
            sent_us: self.at_us,
        })
    }

    /// The server ignores Sync while it reads data: libpq sends one before it knows that the
    /// statement is a COPY, and another one after the data.
    fn sync(&mut self) -> Result<(), NotRead> {
        if self.state.copies_in {
            self.state.ignored_syncs += 1;
            return Ok(());
        }
        self.state.push(Request::Sync)
    }

    fn copy_end(&mut self) -> Result<(), NotRead> {
        if self.state.copies_in {
            self.state.copies_in = false;
            return Ok(());
        }
        if self.state.requests.is_empty() {
            return Ok(());
        }
        self.state.push(Request::CopyEnd)
    }

    fn startup(&mut self, mut body: Body<'_>) -> Result<(), NotRead> {
        let malformed = NotRead::Malformed(Side::Client, b'?');
        let Some((major, minor)) = body.word().zip(body.word()) else {
            return Err(malformed);
        };
        if major != 3 {
            return Err(NotRead::Version(major, minor));
        }
        let mut user = String::new();
        let mut database = String::new();
        let mut application_name = None;
        let mut replicates = false;
        while let Some(key) = body.text().filter(|key| !key.is_empty()) {
            let value = body.text().ok_or(malformed.clone())?;
            let value = String::from_utf8_lossy(value).into_owned();
            match key {
                b"user" => user = value,
                b"database" => database = value,
                b"application_name" => application_name = Some(value),
                b"replication" => replicates = is_replication(&value),
                _ => {}
            }
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        self.state.database = self.collector.database(&database);
        let opened = Opened {
            user,
            database: self.state.database,
            database_name: database,
            application_name,
        };
        let what = SessionNews::Opened(opened);
        self.state.tell(what, self.at_us, self.collector);
        if replicates {
            return Err(NotRead::Replication);
        }
        self.state.push(Request::Startup)
    }
}

/// As the server reads it: `database`, or anything that `parse_bool` takes for true.
fn is_replication(value: &str) -> bool {
    let is_false = ["false", "off", "no", "0", "f", "of", "n"];
    !is_false.contains(&value.to_ascii_lowercase().as_str())
}
