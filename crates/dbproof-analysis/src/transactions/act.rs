//! What a statement does to transactions, locks and databases: [`Act`].

use super::functions::{Calls, calls};
use crate::sql::{StatementKind, Token, tokenize};
use crate::traffic::Statement;

/// What a statement does, as far as it matters to what can lock against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Begins a transaction; what is said of its isolation level, where that is another than READ
    /// COMMITTED.
    Begin(Option<String>),
    /// Commits a transaction, or prepares it to be.
    Commit,
    /// Rolls a transaction back.
    Rollback,
    /// `SAVEPOINT name`.
    Savepoint(String),
    /// `RELEASE name`.
    Release(String),
    /// `ROLLBACK TO name`.
    RollbackTo(String),
    /// Reads: takes no lock that any but a change of the schema waits for.
    Reads,
    /// Writes rows or locks something, or calls a function that may.
    Locks,
    /// Changes the database and takes locks, but is no work of an application's: it empties tables
    /// or sets sequences.
    Clears,
    /// Changes the schema.
    Schema,
    /// `COPY … FROM STDIN`: its rows are not part of the statement.
    CopiesIn(String),
    /// Sets a parameter of the session (or of the transaction alone) that matters to what statements
    /// mean or how they wait.
    Sets { name: String, is_local: bool },
    /// All parameters are as they were at the beginning.
    ResetsAll,
    /// `CREATE DATABASE name`, and the database that it is made from.
    CreatesDatabase(String, Option<String>),
    /// None of these.
    Nothing,
}

/// Parameters that matter to what statements mean, or to how they wait.
const SETTINGS: &[&str] = &[
    "search_path",
    "role",
    "lock_timeout",
    "statement_timeout",
    "default_transaction_isolation",
    "session_replication_role",
    "row_security",
];

impl Act {
    /// What a statement does.
    pub(super) fn of(statement: &Statement) -> Self {
        let shape = statement.shape();
        let words = Words(
            tokenize(shape)
                .into_iter()
                .filter(Token::is_significant)
                .collect(),
        );
        match statement.kind() {
            StatementKind::Select => of_query(&words),
            StatementKind::Delete if empties(&words) => Self::Clears,
            StatementKind::Insert | StatementKind::Update | StatementKind::Delete => Self::Locks,
            StatementKind::Other => of_command(&words),
        }
    }

    /// Whether a statement of it may have changed the database, or says how others are to be read.
    pub(super) fn is_history(&self) -> bool {
        matches!(
            self,
            Self::Locks | Self::Clears | Self::Schema | Self::Sets { .. }
        )
    }

    /// Whether transactions that differ in it are of different classes.
    pub(super) fn tells_apart(&self) -> bool {
        match self {
            Self::Locks | Self::Clears | Self::Schema | Self::CopiesIn(_) => true,
            Self::Sets { name, .. } => name == "lock_timeout",
            _ => false,
        }
    }
}

/// The significant tokens of a shape.
struct Words<'a>(Vec<Token<'a>>);

impl Words<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        self.0.get(at).is_some_and(|token| token.is_word(word))
    }

    fn first(&self) -> String {
        let first = self.0.first().map(|token| token.text.to_ascii_lowercase());
        first.unwrap_or_default()
    }

    /// Whether these words stand one after the other somewhere.
    fn has(&self, words: &[&str]) -> bool {
        let stands = |from: usize| words.iter().zip(from..).all(|(word, at)| self.is(at, word));
        (0..self.0.len()).any(stands)
    }

    fn identifier(&self, at: usize) -> Option<String> {
        self.0.get(at)?.identifier()
    }

    fn last_identifier(&self) -> Option<String> {
        self.0.last()?.identifier()
    }

    /// The name of a relation, with its schema, that begins at a token.
    fn relation(&self, at: usize) -> String {
        let mut name = self.identifier(at).unwrap_or_default();
        let mut at = at + 1;
        while self.0.get(at).is_some_and(|token| token.is_symbol("."))
            && let Some(part) = self.identifier(at + 1)
        {
            name = format!("{name}.{part}");
            at += 2;
        }
        name
    }
}

fn of_query(words: &Words<'_>) -> Act {
    let locks = [
        &["for", "update"][..],
        &["for", "no", "key", "update"],
        &["for", "share"],
        &["for", "key", "share"],
        // A WITH that writes; the words can stand for nothing else in a query.
        &["insert", "into"],
        &["delete", "from"],
        &["merge", "into"],
    ];
    let writes = words.first() == "with" && words.has(&["update"]);
    if writes || locks.iter().any(|clause| words.has(clause)) {
        return Act::Locks;
    }
    if words.has(&["into"]) {
        return Act::Schema;
    }
    match calls(&words.0) {
        Calls::Reading => Act::Reads,
        Calls::Sequence => Act::Clears,
        Calls::Setting => Act::Sets {
            name: "set_config".to_owned(),
            is_local: false,
        },
        Calls::Unknown => Act::Locks,
    }
}

/// `DELETE FROM t`, of all rows: what cleans up after a test.
fn empties(words: &Words<'_>) -> bool {
    words.first() == "delete" && !words.has(&["where"]) && !words.has(&["using"])
}

fn of_command(words: &Words<'_>) -> Act {
    match words.first().as_str() {
        "begin" | "start" => Act::Begin(isolation(words)),
        "commit" | "rollback" if words.is(1, "prepared") => Act::Nothing,
        "commit" | "end" => Act::Commit,
        "prepare" if words.is(1, "transaction") => Act::Commit,
        "rollback" | "abort" => match words.last_identifier() {
            Some(name) if words.has(&["to"]) => Act::RollbackTo(name),
            _ => Act::Rollback,
        },
        "savepoint" => words.last_identifier().map_or(Act::Nothing, Act::Savepoint),
        "release" => words.last_identifier().map_or(Act::Nothing, Act::Release),
        "set" | "reset" => of_setting(words),
        "discard" if words.is(1, "all") => Act::ResetsAll,
        "truncate" => Act::Clears,
        "copy" if words.has(&["from", "stdin"]) => Act::CopiesIn(words.relation(1)),
        "copy" if words.has(&["to"]) => Act::Reads,
        "create" if words.is(1, "database") => of_new_database(words),
        "alter" if words.is(1, "sequence") && words.has(&["restart"]) => Act::Clears,
        "create" if words.is(1, "temp") || words.is(1, "temporary") => Act::Clears,
        "drop" if words.is(1, "database") => Act::Nothing,
        "alter" if words.is(1, "database") || words.is(1, "system") => Act::Nothing,
        "copy" | "merge" | "with" | "lock" | "call" | "refresh" => Act::Locks,
        "create" | "alter" | "drop" | "comment" | "grant" | "revoke" | "reindex" | "cluster"
        | "import" | "security" | "do" => Act::Schema,
        _ => Act::Nothing,
    }
}

/// The isolation level of BEGIN, as a BEGIN that says no more than that.
fn isolation(words: &Words<'_>) -> Option<String> {
    let level = ["repeatable read", "serializable"].into_iter();
    let mut level = level.filter(|level| {
        let level: Vec<&str> = level.split(' ').collect();
        words.has(&level)
    });
    let level = level.next()?.to_ascii_uppercase();
    Some(format!("BEGIN ISOLATION LEVEL {level}"))
}

fn of_setting(words: &Words<'_>) -> Act {
    if words.is(0, "reset") && words.is(1, "all") {
        return Act::ResetsAll;
    }
    let is_local = words.is(1, "local");
    let at = 1 + usize::from(is_local || words.is(1, "session"));
    match words.identifier(at) {
        // SET SESSION AUTHORIZATION, SET SCHEMA 'x'.
        Some(name) if name == "authorization" => Act::Sets { name, is_local },
        Some(name) if name == "schema" => Act::Sets {
            name: "search_path".to_owned(),
            is_local,
        },
        Some(name) if name == "constraints" => Act::Sets {
            name,
            is_local: true,
        },
        Some(name) if name == "transaction" => Act::Sets {
            name,
            is_local: true,
        },
        Some(name) if SETTINGS.contains(&name.as_str()) => Act::Sets { name, is_local },
        _ => Act::Nothing,
    }
}

fn of_new_database(words: &Words<'_>) -> Act {
    let Some(name) = words.identifier(2) else {
        return Act::Nothing;
    };
    let template = (3..words.0.len()).find(|at| words.is(*at, "template"));
    let template = template.and_then(|at| {
        let equals = words.0.get(at + 1).is_some_and(|t| t.is_symbol("="));
        words.identifier(at + 1 + usize::from(equals))
    });
    let is_empty = |name: &String| matches!(name.as_str(), "template0" | "template1" | "default");
    Act::CreatesDatabase(name, template.filter(|name| !is_empty(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{HashKey, Statements};

    fn act(sql: &str) -> Act {
        Act::of(&Statements::new(HashKey(1, 2)).read(sql).statement)
    }

    #[track_caller]
    fn check(expected: &Act, texts: &[&str]) {
        for sql in texts {
            assert_eq!(act(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn transactions_begin_and_end() {
        check(
            &Act::Begin(None),
            &[
                "BEGIN",
                "begin;",
                "START TRANSACTION",
                "BEGIN READ WRITE",
                "begin isolation level read committed",
            ],
        );
        check(
            &Act::Begin(Some("BEGIN ISOLATION LEVEL SERIALIZABLE".to_owned())),
            &[
                "BEGIN ISOLATION LEVEL SERIALIZABLE",
                "start transaction isolation level serializable, read write",
            ],
        );
        check(
            &Act::Begin(Some("BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned())),
            &["BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ"],
        );
        check(
            &Act::Commit,
            &[
                "COMMIT",
                "end",
                "commit and chain",
                "COMMIT;",
                "prepare transaction 'x'",
            ],
        );
        check(&Act::Rollback, &["ROLLBACK", "abort", "rollback work;"]);
    }

    #[test]
    fn savepoints_have_names() {
        let name = || "s140_x1".to_owned();
        check(
            &Act::Savepoint(name()),
            &["SAVEPOINT \"s140_x1\"", "savepoint S140_X1"],
        );
        check(
            &Act::Release(name()),
            &["RELEASE SAVEPOINT s140_x1", "release \"s140_x1\";"],
        );
        check(
            &Act::RollbackTo(name()),
            &[
                "ROLLBACK TO SAVEPOINT s140_x1",
                "rollback to s140_x1",
                "ROLLBACK WORK TO \"s140_x1\"",
            ],
        );
        check(&Act::Savepoint("A b".to_owned()), &["savepoint \"A b\""]);
    }

    #[test]
    fn reading_is_told_from_locking() {
        check(
            &Act::Reads,
            &[
                "select * from a where id = 1",
                "select count(*), max(b), coalesce(c, 'x') from a where lower(d) in ('x') group by (e)",
                "with x(a, b) as (select 1, 2) select * from x as y(c, d) where exists (select 1)",
                "values (1, 2)",
                "select pg_catalog.foo(1), pg_get_expr(a, b), cast(c as varchar(20)) from t",
                "copy t to stdout",
                "select 'for update', \"insert into\" from t",
            ],
        );
        check(
            &Act::Locks,
            &[
                "select * from a where id = 1 for update",
                "SELECT a FROM b ORDER BY c FOR NO KEY UPDATE OF b SKIP LOCKED",
                "select 1 from ONLY \"public\".\"a\" x for key share of x",
                "with moved as (delete from a returning *) select * from moved",
                "with x as (update a set b = 1 returning *) select * from x",
                "with x as (select 1) update a set b = 1",
                "select transfer(1, 2)",
                "select app.transfer(1, 2)",
                "select pg_advisory_xact_lock(1)",
                "insert into a values (1) on conflict do nothing",
                "update a set b = 1",
                "delete from a where b = 1",
                "delete from a using c where a.b = c.b",
                "merge into a using b on true when matched then delete",
                "lock table a in exclusive mode",
                "call f()",
                "refresh materialized view a",
            ],
        );
    }

    #[test]
    fn what_prepares_and_cleans_up_is_told_apart() {
        check(
            &Act::Clears,
            &[
                "delete from a",
                "truncate table a, b restart identity cascade",
                "select setval('a_id_seq', 1)",
                "select nextval('a_id_seq')",
                "alter sequence a_id_seq restart with 1",
                "create temp table x (a int)",
            ],
        );
        check(
            &Act::Schema,
            &[
                "create table a (b int)",
                "alter table a add c int",
                "drop index x",
                "do $$ begin end $$",
                "select 1 into x",
            ],
        );
        check(
            &Act::CopiesIn("s.a".to_owned()),
            &[
                "copy s.a (b) from stdin",
                "COPY \"s\".\"a\" FROM STDIN WITH (FORMAT csv)",
            ],
        );
        check(
            &Act::Nothing,
            &[
                "",
                "vacuum",
                "analyze a",
                "listen x",
                "deallocate all",
                "show x",
                "set client_encoding to 'x'",
                "drop database x",
            ],
        );
    }

    #[test]
    fn settings_that_matter_are_known() {
        let sets = |name: &str, is_local| Act::Sets {
            name: name.to_owned(),
            is_local,
        };
        check(
            &sets("search_path", false),
            &[
                "SET search_path TO a, public",
                "set session search_path = a",
                "set schema 'a'",
                "reset search_path",
            ],
        );
        check(
            &sets("lock_timeout", true),
            &["SET LOCAL lock_timeout = '2s'"],
        );
        check(
            &sets("transaction", true),
            &["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"],
        );
        check(
            &sets("authorization", false),
            &["set session authorization bob"],
        );
        check(
            &sets("set_config", false),
            &["select set_config('search_path', 'a', false)"],
        );
        check(&Act::ResetsAll, &["discard all", "RESET ALL"]);
    }

    #[test]
    fn new_databases_and_what_they_are_made_from() {
        let new = |template: Option<&str>| {
            Act::CreatesDatabase("test_shop".to_owned(), template.map(str::to_owned))
        };
        check(
            &new(None),
            &[
                "CREATE DATABASE \"test_shop\" ",
                "create database test_shop template template0",
                "create database test_shop encoding 'utf8'",
            ],
        );
        check(
            &new(Some("shop")),
            &[
                "create database test_shop with template = \"shop\"",
                "CREATE DATABASE \"test_shop\" WITH TEMPLATE \"shop\"",
            ],
        );
    }
}
