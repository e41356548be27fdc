//! Traffic of an application, made up: [`Traffic`].

use std::num::NonZeroU64;
use std::sync::Arc;

use dbproof_analysis::traffic::{
    Executed, HashKey, ResultHashes, ResultShape, SentParameter, SentText, Statement, Statements,
    Tags, ValueHash,
};
use dbproof_model::{Column, ForeignKey, Relation, ResultColumn, Schema};

/// What an application does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Pages of 16 sessions: lists with a join or a batch, details, writes, and one page in twenty
    /// that loops.
    Mixed,
    /// The same with a tag for each request.
    Tagged,
    /// Nothing but pages of twenty rows that loop.
    Looped,
    /// Lookups of random rows on 64 sessions without a pause, as pgbench does.
    Lookups,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Mixed, Kind::Tagged, Kind::Looped, Kind::Lookups];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Mixed => "pages, 1 of 20 loops",
            Kind::Tagged => "the same, tagged by request",
            Kind::Looped => "pages, all of them loop",
            Kind::Lookups => "random lookups, 64 sessions",
        }
    }
}

const ORDERS: u32 = 20_000;
const USERS: u32 = 20_001;
const ITEMS: u32 = 20_002;
const ROWS: u64 = 20;

/// A statement and its result's columns.
struct Known {
    sql: Arc<str>,
    statement: Arc<Statement>,
    shape: Option<Arc<ResultShape>>,
}

pub(crate) struct Traffic {
    kind: Kind,
    now_us: u64,
    state: u64,
    transactions: Vec<u32>,
    tag: Option<Arc<Tags>>,
    begin: Known,
    commit: Known,
    list: Known,
    joined: Known,
    users: Known,
    user: Known,
    order: Known,
    items: Known,
    insert: Known,
    update: Known,
}

impl Traffic {
    pub(crate) fn new(kind: Kind) -> Self {
        let mut statements = Statements::new(HashKey(1, 2));
        let mut known = |sql: &str, columns: &[(u32, i16)]| Known {
            sql: sql.into(),
            statement: statements.read(sql).statement,
            shape: (!columns.is_empty()).then(|| Arc::new(shape(columns))),
        };
        let order = [(ORDERS, 1), (ORDERS, 2), (ORDERS, 3), (ORDERS, 4)];
        let user = [(USERS, 1), (USERS, 2), (USERS, 3)];
        Self {
            kind,
            now_us: 0,
            state: 1,
            transactions: vec![0; 64],
            tag: None,
            begin: known("begin", &[]),
            commit: known("commit", &[]),
            list: known(
                "select id, user_id, status, total from orders where status = $1 order by id limit 20",
                &order,
            ),
            joined: known(
                "select o.id, o.user_id, o.status, u.name from orders o join users u on u.id = \
                 o.user_id where o.status = $1 order by o.id limit 20",
                &[(ORDERS, 1), (ORDERS, 2), (ORDERS, 3), (USERS, 2)],
            ),
            users: known(
                "select id, name, email from users where id = any($1)",
                &user,
            ),
            user: known("select id, name, email from users where id = $1", &user),
            order: known(
                "select id, user_id, status, total from orders where id = $1",
                &order,
            ),
            items: known(
                "select id, order_id, quantity from items where order_id = $1",
                &[(ITEMS, 1), (ITEMS, 2), (ITEMS, 3)],
            ),
            insert: known(
                "insert into orders (user_id, status, total) values ($1, $2, $3) returning id",
                &[(ORDERS, 1)],
            ),
            update: known("update items set quantity = $1 where id = $2", &[]),
        }
    }

    pub(crate) fn schema() -> Schema {
        let relation = |oid, name: &str, columns: &[&str]| Relation {
            oid,
            schema: "public".to_owned(),
            name: name.to_owned(),
            columns: (1..)
                .zip(columns)
                .map(|(attribute, column)| Column {
                    attribute,
                    name: (*column).to_owned(),
                    type_name: "bigint".to_owned(),
                    unique: attribute == 1,
                })
                .collect(),
        };
        let key = |relation_oid, referenced_oid| ForeignKey {
            relation_oid,
            attributes: vec![2],
            referenced_oid,
            referenced_attributes: vec![1],
        };
        Schema {
            relations: vec![
                relation(ORDERS, "orders", &["id", "user_id", "status", "total"]),
                relation(USERS, "users", &["id", "name", "email"]),
                relation(ITEMS, "items", &["id", "order_id", "quantity"]),
            ],
            foreign_keys: vec![key(ORDERS, USERS), key(ITEMS, ORDERS)],
        }
    }

    /// The statements of one page, or one round of all sessions.
    pub(crate) fn next(&mut self, to: &mut Vec<Executed>) {
        if self.kind == Kind::Lookups {
            for session in 1..=64 {
                self.now_us += 3;
                let row = self.random() % 100_000;
                self.one(
                    to,
                    session,
                    None,
                    Said::row(&self.user, row, &[row, row + 1, row + 2]),
                );
            }
            return;
        }
        // Sessions answer one request each at the same time: their statements interleave.
        let mut pages: Vec<Vec<Executed>> = Vec::new();
        let begun_us = self.now_us;
        let mut ended_us = begun_us;
        for session in 1..=16 {
            self.now_us = begun_us + u64::from(session) * 37;
            let mut page = Vec::new();
            self.page(session, &mut page);
            ended_us = ended_us.max(self.now_us);
            pages.push(page);
        }
        self.now_us = ended_us + 5_000;
        // A session's statements arrive together, in order.
        to.extend(pages.into_iter().flatten());
    }

    fn page(&mut self, session: u32, to: &mut Vec<Executed>) {
        let random = self.random();
        self.tag = (self.kind == Kind::Tagged).then(|| {
            let pairs = vec![
                ("route".to_owned(), "/orders".to_owned()),
                ("traceparent".to_owned(), format!("00-{random:032x}-1-01")),
            ];
            Arc::new(Tags { pairs })
        });
        let slot = &mut self.transactions[session as usize];
        *slot += 1;
        let transaction = Some(*slot);
        self.one(to, session, transaction, Said::nothing(&self.begin));
        let choice = if self.kind == Kind::Looped {
            0
        } else {
            random >> 32
        };
        let first = random % 1_000_000;
        match choice % 20 {
            0 => {
                self.one(to, session, transaction, Self::list(&self.list, first));
                for row in 0..ROWS {
                    let user = user_of(first + row);
                    let values = [user, user + 1, user + 2];
                    self.one(
                        to,
                        session,
                        transaction,
                        Said::row(&self.user, user, &values),
                    );
                }
            }
            1..=6 => {
                self.one(to, session, transaction, Self::list(&self.list, first));
                let users = (0..ROWS).flat_map(|row| {
                    let user = user_of(first + row);
                    [user, user + 1, user + 2]
                });
                let values: Vec<u64> = users.collect();
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.users, first, &values),
                );
            }
            7..=11 => self.one(to, session, transaction, Self::list(&self.joined, first)),
            12..=16 => {
                let user = user_of(first);
                let order = [first, user, 7, 8];
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.order, first, &order),
                );
                let values = [user, user + 1, user + 2];
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.user, user, &values),
                );
                let items: Vec<u64> = (0..5).flat_map(|n| [first * 5 + n, first, n]).collect();
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.items, first, &items),
                );
            }
            _ => {
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.insert, first, &[first]),
                );
                self.one(
                    to,
                    session,
                    transaction,
                    Said::row(&self.update, first, &[]),
                );
            }
        }
        self.one(to, session, transaction, Said::nothing(&self.commit));
    }

    fn list(known: &Known, first: u64) -> Said<'_> {
        let rows = (0..ROWS).flat_map(|row| [first + row, user_of(first + row), 7, row]);
        Said::row(known, 7, &rows.collect::<Vec<_>>())
    }

    fn one(&self, to: &mut Vec<Executed>, session: u32, transaction: Option<u32>, said: Said<'_>) {
        let before = to.last().filter(|last| last.session == session);
        let sent_us = before.map_or(self.now_us, |last| last.finished_us + 20);
        to.push(Executed {
            session,
            database: 0,
            transaction,
            series: u32::try_from(sent_us % u64::from(u32::MAX)).unwrap_or(0),
            sent_us,
            finished_us: sent_us + 200,
            statement: Arc::clone(&said.known.statement),
            tags: self.tag.clone(),
            values: vec![Some(hash(said.value)); said.known.statement.positions()].into(),
            rows: said.rows,
            failed: None,
            result: said.result,
            sent: Some(Box::new(SentText {
                sql: Arc::clone(&said.known.sql),
                parameters: (0..said.known.statement.positions())
                    .map(|_| SentParameter {
                        type_oid: 20,
                        binary: true,
                        value: Some(said.value.to_be_bytes().to_vec()),
                    })
                    .collect(),
            })),
        });
    }

    /// splitmix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }
}

/// An execution, as far as it is not the same for all.
struct Said<'k> {
    known: &'k Known,
    value: u64,
    rows: u64,
    result: Option<Box<ResultHashes>>,
}

impl<'k> Said<'k> {
    fn nothing(known: &'k Known) -> Self {
        Self {
            known,
            value: 0,
            rows: 0,
            result: None,
        }
    }

    fn row(known: &'k Known, value: u64, values: &[u64]) -> Self {
        let width = known.shape.as_ref().map_or(1, |shape| shape.columns.len()) as u64;
        Self {
            known,
            value,
            rows: values.len() as u64 / width,
            result: known.shape.as_ref().map(|shape| {
                Box::new(ResultHashes {
                    shape: Arc::clone(shape),
                    values: values.iter().map(|value| Some(hash(*value))).collect(),
                    rows: values.iter().fold(0, |all, value| mixed(all ^ value)),
                })
            }),
        }
    }
}

fn user_of(order: u64) -> u64 {
    mixed(order) % 100_000
}

fn hash(value: u64) -> ValueHash {
    ValueHash(NonZeroU64::new(mixed(value)).unwrap_or(NonZeroU64::MIN))
}

fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn shape(columns: &[(u32, i16)]) -> ResultShape {
    let columns = columns.iter().map(|(oid, attribute)| ResultColumn {
        name: format!("c{attribute}"),
        type_oid: 20,
        relation_oid: Some(*oid),
        attribute: Some(*attribute),
    });
    ResultShape::of(columns.collect())
}
