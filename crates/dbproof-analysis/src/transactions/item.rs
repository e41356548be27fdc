//! A statement of a transaction that is open: [`Item`], and what all executions of its statement
//! have in common: [`Role`].

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};

use super::act::Act;
use super::keys::{KeySlot, key_slots};
use crate::sql::StatementKind;
use crate::traffic::{SentText, SqlState, Statement, Tags};

/// Roles are forgotten, all at once, when there are more than this.
const MOST_ROLES: usize = 20_000;

/// What all executions of a statement have in common.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) act: Act,
    pub(super) statement: Arc<Statement>,
    pub(super) shape: Arc<str>,
    /// The shape, as a hash.
    pub(super) hash: u64,
    /// The slots whose values are keys.
    pub(super) keys: Vec<KeySlot>,
}

/// The roles of the statements that were seen.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// By the address of the statement, which is kept alive by its role.
    by_address: FxHashMap<usize, Arc<Role>>,
}

/// A statement of a transaction.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Its number among all executions.
    pub(super) number: u64,
    pub(super) sent_us: u64,
    pub(super) role: Arc<Role>,
    /// `None` where it was too long to be kept.
    pub(super) sent: Option<Arc<SentText>>,
    pub(super) tags: Option<Arc<Tags>>,
    pub(super) rows: u64,
    pub(super) failed: Option<SqlState>,
}

impl Roles {
    pub(super) fn of(&mut self, statement: &Arc<Statement>) -> &Arc<Role> {
        let address = Arc::as_ptr(statement).addr();
        if self.by_address.len() >= MOST_ROLES && !self.by_address.contains_key(&address) {
            self.by_address.clear();
        }
        let role = self.by_address.entry(address);
        role.or_insert_with(|| Arc::new(Role::of(statement)))
    }
}

impl Role {
    fn of(statement: &Arc<Statement>) -> Self {
        let mut hasher = FxHasher::default();
        statement.shape().hash(&mut hasher);
        let act = Act::of(statement);
        Self {
            keys: match act {
                Act::Locks => key_slots(statement),
                _ => Vec::new(),
            },
            act,
            statement: Arc::clone(statement),
            shape: statement.shape().into(),
            hash: hasher.finish(),
        }
    }

    /// What it does, and the relation that it does it to: "update account".
    pub(super) fn name(&self) -> String {
        let verb = match self.statement.kind() {
            StatementKind::Select if self.shape.contains(" for ") => "lock",
            StatementKind::Select if self.act == Act::Reads => "read",
            StatementKind::Select => "call",
            StatementKind::Insert => "insert into",
            StatementKind::Update => "update",
            StatementKind::Delete => "delete from",
            StatementKind::Other => self.shape.split(' ').next().unwrap_or_default(),
        };
        let named = self.statement.parsed().relations.first();
        let named = named.map(|relation| relation.name.clone());
        let called = || {
            let open = self.shape.split_once('(')?.0;
            Some(open.rsplit([' ', ',']).next()?.to_owned())
        };
        let what = if verb == "call" { called() } else { named };
        match what {
            Some(what) => format!("{verb} {what}"),
            None => verb.to_owned(),
        }
    }
}

impl Item {
    /// Whether it has locked, or has tried to: it did not fail before it came to any row.
    pub(super) fn has_locked(&self) -> bool {
        let is_late = |state: &SqlState| {
            // A constraint, a serialization failure or a deadlock, a lock that was not available.
            matches!(&state[..2], b"23" | b"40" | b"55")
        };
        self.role.act == Act::Locks && self.failed.as_ref().is_none_or(is_late)
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.sent.as_deref().map_or(0, bytes)
    }
}

/// About how many bytes a text and its parameters hold.
pub(super) fn bytes(sent: &SentText) -> usize {
    let parameters = sent.parameters.iter();
    let values = parameters.map(|p| 48 + p.value.as_ref().map_or(0, Vec::len));
    sent.sql.len() + 64 + values.sum::<usize>()
}
