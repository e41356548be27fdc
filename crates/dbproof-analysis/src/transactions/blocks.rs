//! A transaction and the savepoints in it: [`Block`].

use std::ops::Range;

use super::act::Act;
use super::item::Item;

/// Savepoints that drivers set around every statement, so that one that fails ends no transaction:
/// the JDBC driver, psql (`ON_ERROR_ROLLBACK`) and the ODBC driver. They bound nothing of the
/// application's.
const AUTOMATIC: &[&str] = &[
    "pgjdbc_autosave",
    "pg_psql_temporary_savepoint",
    "_exec_svp_",
    "_per_query_svp_",
];

/// A transaction, or what was done since a savepoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its items, those of the blocks inside of it among them.
    pub(super) items: Range<usize>,
    /// Whether it was kept: committed, or its savepoint released. What is around it may be rolled
    /// back all the same.
    pub(super) is_kept: bool,
    /// Whether it began before the first item that is known.
    pub(super) is_cut: bool,
    /// The blocks inside of it, in order.
    pub(super) inner: Vec<Block>,
}

/// A block that is open.
struct Open {
    name: String,
    begin: usize,
    is_cut: bool,
    inner: Vec<Block>,
}

impl Block {
    /// A transaction of these items, which was committed or rolled back. Of a transaction that is
    /// `cut`, savepoints that were set before the first item have their places there.
    pub(super) fn of(items: &[Item], is_kept: bool, cut: Option<&[String]>) -> Self {
        let open = |name: &String, begin, is_cut| Open {
            name: name.clone(),
            begin,
            is_cut,
            inner: Vec::new(),
        };
        let mut stack = vec![open(&String::new(), 0, cut.is_some())];
        stack.extend(cut.into_iter().flatten().map(|name| open(name, 0, true)));
        for (at, item) in items.iter().enumerate() {
            if item.failed.is_some() {
                continue;
            }
            match &item.role.act {
                Act::Savepoint(name) if !is_automatic(name) => {
                    stack.push(open(name, at + 1, false));
                }
                Act::Release(name) => {
                    if let Some(depth) = depth_of(&stack, name) {
                        close(&mut stack, depth, at, true);
                    }
                }
                Act::RollbackTo(name) => {
                    if let Some(depth) = depth_of(&stack, name) {
                        close(&mut stack, depth, at, false);
                        // The savepoint is still there.
                        stack.push(open(name, at + 1, false));
                    }
                }
                _ => {}
            }
        }
        close(&mut stack, 1, items.len(), is_kept);
        let root = stack.pop();
        Self {
            items: 0..items.len(),
            is_kept,
            is_cut: cut.is_some(),
            inner: root.map(|root| root.inner).unwrap_or_default(),
        }
    }

    /// The names of the savepoints that are open after these items.
    pub(super) fn open_after(items: &[Item], before: &[String]) -> Vec<String> {
        let before = before.iter().map(|name| (name.clone(), None));
        let open = open_savepoints(items, before.collect());
        open.into_iter().map(|(name, _)| name).collect()
    }

    /// Where the outermost savepoint was set that is open after these items and was set in them, given
    /// those that were open before.
    pub(super) fn open_since(items: &[Item], before: &[String]) -> Option<usize> {
        let before = before.iter().map(|name| (name.clone(), None));
        let open = open_savepoints(items, before.collect());
        open.into_iter().find_map(|(_, at)| at)
    }

    /// Whether something inside of it was kept that locked.
    pub(super) fn holds_kept(&self, items: &[Item]) -> bool {
        let holds =
            |inner: &Block| (inner.is_kept && inner.has_locked(items)) || inner.holds_kept(items);
        self.inner.iter().any(holds)
    }

    /// Whether something of it locked.
    pub(super) fn has_locked(&self, items: &[Item]) -> bool {
        items[self.items.clone()].iter().any(Item::has_locked)
    }

    /// Its items that are in none of the blocks inside of it.
    pub(super) fn own(&self) -> impl Iterator<Item = usize> {
        let inner = |at: &usize| self.inner.iter().any(|inner| inner.items.contains(at));
        self.items.clone().filter(move |at| !inner(at))
    }
}

/// The savepoints that are open after these items, each with where it was set, given those that were
/// open before.
fn open_savepoints(
    items: &[Item],
    mut open: Vec<(String, Option<usize>)>,
) -> Vec<(String, Option<usize>)> {
    for (at, item) in items.iter().enumerate() {
        if item.failed.is_some() {
            continue;
        }
        let find = |open: &[(String, Option<usize>)], name: &String| {
            open.iter().rposition(|(known, _)| known == name)
        };
        match &item.role.act {
            Act::Savepoint(name) if !is_automatic(name) => open.push((name.clone(), Some(at))),
            Act::Release(name) => {
                if let Some(depth) = find(&open, name) {
                    open.truncate(depth);
                }
            }
            Act::RollbackTo(name) => {
                if let Some(depth) = find(&open, name) {
                    open.truncate(depth + 1);
                }
            }
            _ => {}
        }
    }
    open
}

fn is_automatic(name: &str) -> bool {
    let name = name.to_lowercase();
    AUTOMATIC
        .iter()
        .any(|automatic| name.starts_with(automatic))
}

/// How deep the innermost block of a name is.
fn depth_of(stack: &[Open], name: &str) -> Option<usize> {
    let depth = stack.iter().rposition(|open| open.name == name)?;
    (depth > 0).then_some(depth)
}

/// Closes all blocks that are at least so deep.
fn close(stack: &mut Vec<Open>, depth: usize, at: usize, is_kept: bool) {
    while stack.len() > depth.max(1)
        && let Some(open) = stack.pop()
    {
        let block = Block {
            items: open.begin..at,
            is_kept,
            is_cut: open.is_cut,
            inner: open.inner,
        };
        if let Some(around) = stack.last_mut().filter(|_| !block.items.is_empty()) {
            around.inner.push(block);
        }
    }
}
