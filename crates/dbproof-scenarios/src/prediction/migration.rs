//! A migration as transactions that stand among those of an application: [`MigrationPlan`].

use std::sync::Arc;

use dbproof_analysis::sql::{
    Statement, Token, mask_literals, split_statements, template, tokenize,
};
use dbproof_analysis::traffic::{SentText, Tags};
use dbproof_analysis::transactions::{
    History, MigrationStep, TransactionClass, TransactionStatement, Transactions,
};
use dbproof_postgres::migration::transaction_control;

use crate::project::config::{MigrationTransaction, RegressConfig};
use crate::project::migrations::Migration;

/// The transactions that a migration is run in, in their order.
#[derive(Debug, Clone, Default)]
pub struct MigrationPlan {
    transactions: Vec<Planned>,
    /// What is to be known of it, for the reader.
    pub notes: Vec<String>,
}

/// One transaction, or a statement outside of one.
#[derive(Debug, Clone, Default)]
struct Planned {
    file: String,
    /// The only one of its file.
    is_whole_file: bool,
    statements: Vec<Statement>,
    outside: bool,
    /// What the session has set by then.
    settings: Vec<String>,
}

impl MigrationPlan {
    /// Puts the statements of these files into transactions as the project's tool does.
    #[must_use]
    pub fn of(migrations: &[Migration], config: &RegressConfig) -> Self {
        let mut plan = Self::default();
        let mut settings: Vec<String> = Vec::new();
        if let Some(timeout) = config.lock_timeout_ms {
            settings.push(format!("SET lock_timeout = '{timeout}ms'"));
        }
        for migration in migrations {
            plan.add(migration, config, &mut settings);
        }
        plan
    }

    fn add(&mut self, migration: &Migration, config: &RegressConfig, settings: &mut Vec<String>) {
        let file = &migration.file.name;
        let statements = split_statements(&migration.sql);
        let brings = |s: &Statement| transaction_control(&s.sql).is_some();
        let mut together = config.transaction == MigrationTransaction::File
            && !migration.declines_transaction()
            && !statements.iter().any(brings);
        let refusing = statements.iter().find(|s| refuses_transactions(&s.sql));
        if let Some(refusing) = refusing.filter(|_| together && statements.len() > 1) {
            self.notes.push(format!(
                "{file} does not run in one transaction, because of line {}; each of its statements has \
                 one of its own",
                refusing.line
            ));
        }
        together &= refusing.is_none();
        let first = self.transactions.len();
        let mut open: Option<Vec<Statement>> = together.then(Vec::new);
        for statement in statements {
            match transaction_control(&statement.sql) {
                Some(true) => open = Some(Vec::new()),
                Some(false) => {
                    let done = open.take().unwrap_or_default();
                    if !is_rollback(&statement.sql) {
                        self.transaction(file, done, settings);
                    }
                }
                None => match &mut open {
                    Some(open) => open.push(statement),
                    None => self.transaction(file, vec![statement], settings),
                },
            }
        }
        self.transaction(file, open.unwrap_or_default(), settings);
        let of_file = &mut self.transactions[first..];
        if let [only] = of_file {
            only.is_whole_file = true;
        }
    }

    fn transaction(&mut self, file: &str, statements: Vec<Statement>, settings: &mut Vec<String>) {
        let before = settings.clone();
        let set = statements.iter().filter(|s| sets_session(&s.sql));
        settings.extend(set.map(|s| s.sql.clone()));
        if statements.iter().all(|s| sets_session(&s.sql)) {
            // Nothing that locks.
            return;
        }
        self.transactions.push(Planned {
            file: file.to_owned(),
            is_whole_file: false,
            outside: matches!(&statements[..], [one] if refuses_transactions(&one.sql)),
            statements,
            settings: before,
        });
    }

    /// Whether there is nothing in it to be run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The first file that has something to be run.
    #[must_use]
    pub fn file(&self) -> &str {
        self.transactions.first().map_or("", |first| &first.file)
    }

    /// Puts the migration's transactions among the others: one class each in every database that has
    /// some. What of a history the migration itself has done is taken out of it, so that the sandbox is
    /// as it was before; returns how many statements that were.
    pub fn join(&self, transactions: &mut Transactions) -> u64 {
        let with_classes = |number: u32| {
            let mut classes = transactions.classes.iter();
            classes.any(|class| class.database == number)
        };
        let numbers = (0..).take(transactions.histories.len());
        let numbers: Vec<u32> = numbers.filter(|number| with_classes(*number)).collect();
        let mut left_out = 0;
        for number in numbers {
            let history = &mut transactions.histories[number as usize];
            // Another one is a copy, which has what it has.
            if history.from_the_beginning {
                left_out += self.take_out(history);
            }
            let classes = self.transactions.iter().enumerate();
            let classes = classes.map(|(nth, planned)| planned.class(nth, number));
            transactions.classes.extend(classes);
        }
        left_out
    }

    /// Takes the migration out of a history that has all of it.
    fn take_out(&self, history: &mut History) -> u64 {
        let all = self.transactions.iter().flat_map(|t| &t.statements);
        let own: Vec<String> = all
            .filter(|s| changes_schema(&s.sql))
            .map(|s| spelled(&s.sql))
            .collect();
        if own.is_empty() {
            return 0;
        }
        let mut places = Vec::new();
        let mut entries = history.entries.iter().enumerate();
        for statement in &own {
            let same = entries.find(|(_, entry)| {
                entry.exemplar_of.is_none()
                    && !entry.failed
                    && changes_schema(&entry.sent.sql)
                    && spelled(&entry.sent.sql) == *statement
            });
            match same {
                Some((at, _)) => places.push(at),
                None => return 0,
            }
        }
        let mut nth = 0..;
        history
            .entries
            .retain(|_| nth.next().is_some_and(|at: usize| !places.contains(&at)));
        places.len() as u64
    }
}

impl Planned {
    fn class(&self, number: usize, database: u32) -> TransactionClass {
        let line = self.statements.first().map_or(1, |s| s.line);
        TransactionClass {
            name: if self.is_whole_file {
                self.file.clone()
            } else {
                format!("{}:{line}", self.file)
            },
            database,
            statements: self.statements.iter().map(|s| self.statement(s)).collect(),
            occurrences: 0,
            sessions: 0,
            in_test_transaction: false,
            is_rolled_back: false,
            begin: None,
            settings: self.settings.iter().map(|sql| sent(sql)).collect(),
            migration: Some(MigrationStep {
                file: self.file.clone(),
                number,
                outside: self.outside,
            }),
        }
    }

    fn statement(&self, statement: &Statement) -> TransactionStatement {
        let masked = mask_literals(&statement.sql);
        let words: Vec<&str> = masked.split_whitespace().collect();
        let tags = Tags {
            pairs: vec![
                ("file".to_owned(), self.file.clone()),
                ("line".to_owned(), statement.line.to_string()),
            ],
        };
        TransactionStatement {
            shape: words.join(" ").into(),
            kind: template(&statement.sql, &[]).kind,
            sent: sent(&statement.sql),
            tags: Some(Arc::new(tags)),
            rows: 0,
            failed: None,
        }
    }
}

fn sent(sql: &str) -> SentText {
    SentText {
        sql: sql.into(),
        parameters: Vec::new(),
    }
}

fn significant(sql: &str) -> Vec<Token<'_>> {
    let tokens = tokenize(sql).into_iter();
    tokens.filter(Token::is_significant).collect()
}

/// The statement without its comments and layout, to be compared.
fn spelled(sql: &str) -> String {
    let mut text = String::new();
    for token in significant(sql).iter().filter(|t| !t.is_symbol(";")) {
        text.push_str(&token.text.to_lowercase());
        text.push(' ');
    }
    text
}

fn begins(tokens: &[Token<'_>], words: &[&str]) -> bool {
    let first = tokens.first();
    first.is_some_and(|first| words.iter().any(|word| first.is_word(word)))
}

fn changes_schema(sql: &str) -> bool {
    begins(
        &significant(sql),
        &["create", "alter", "drop", "reindex", "comment"],
    )
}

fn is_rollback(sql: &str) -> bool {
    begins(&significant(sql), &["rollback", "abort"])
}

/// SET and RESET that hold beyond their transaction.
fn sets_session(sql: &str) -> bool {
    let tokens = significant(sql);
    let passing = ["local", "transaction", "constraints"];
    let is_passing = tokens
        .get(1)
        .is_some_and(|second| passing.iter().any(|word| second.is_word(word)));
    begins(&tokens, &["set", "reset"]) && !is_passing
}

/// Whether the server refuses the statement in a transaction block ("cannot run inside a transaction
/// block", SQLSTATE 25001), as the pages of these commands say.
fn refuses_transactions(sql: &str) -> bool {
    let tokens = significant(sql);
    let has = |word: &str| tokens.iter().any(|token| token.is_word(word));
    let second = |words: &[&str]| {
        let second = tokens.get(1);
        second.is_some_and(|second| words.iter().any(|word| second.is_word(word)))
    };
    let concurrently = begins(&tokens, &["create", "drop", "reindex", "alter"]);
    concurrently && has("concurrently")
        || begins(&tokens, &["vacuum"])
        || begins(&tokens, &["cluster"]) && tokens.len() == 1
        || begins(&tokens, &["reindex"]) && (second(&["database", "system", "schema"]))
        || begins(&tokens, &["create", "drop"]) && second(&["database", "tablespace"])
        || begins(&tokens, &["alter"]) && second(&["system"])
}

#[cfg(test)]
mod tests {
    use dbproof_analysis::transactions::HistoryEntry;

    use super::*;
    use crate::project::SourceFile;

    fn plan(text: &str, transaction: MigrationTransaction) -> MigrationPlan {
        let migration = Migration::new(SourceFile {
            name: "m/7.sql".to_owned(),
            text: text.to_owned(),
        });
        let config = RegressConfig {
            transaction,
            ..RegressConfig::default()
        };
        MigrationPlan::of(&[migration], &config)
    }

    /// Each transaction: its name, its lines, whether it is outside, and its settings.
    #[track_caller]
    fn check(text: &str, transaction: MigrationTransaction, expected: &[&str]) {
        let planned = plan(text, transaction);
        let told = planned.transactions.iter().enumerate().map(|(nth, t)| {
            let class = t.class(nth, 0);
            let lines: Vec<String> = t.statements.iter().map(|s| s.line.to_string()).collect();
            let settings: Vec<&str> = class.settings.iter().map(|s| &*s.sql).collect();
            let outside = if t.outside { " outside" } else { "" };
            format!(
                "{} [{}]{outside} {}",
                class.name,
                lines.join(" "),
                settings.join("; ")
            )
        });
        let told: Vec<String> = told.map(|t| t.trim_end().to_owned()).collect();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn files_are_put_into_transactions_as_their_tools_do() {
        use MigrationTransaction::{File, Statement};
        let two = "ALTER TABLE a ADD x int;\nALTER TABLE b ADD x int;";
        check(two, File, &["m/7.sql [1 2]"]);
        check(two, Statement, &["m/7.sql:1 [1]", "m/7.sql:2 [2]"]);
        check(
            &format!("-- no-transaction\n{two}"),
            File,
            &["m/7.sql:2 [2]", "m/7.sql:3 [3]"],
        );
        check(
            "ALTER TABLE a ADD x int;\nCREATE INDEX CONCURRENTLY i ON a (x);",
            File,
            &["m/7.sql:1 [1]", "m/7.sql:2 [2] outside"],
        );
        check(
            "BEGIN;\nALTER TABLE a ADD x int;\nCOMMIT;\nDROP TABLE b;\nBEGIN;\nDROP TABLE c;\nROLLBACK;",
            File,
            &["m/7.sql:2 [2]", "m/7.sql:4 [4]"],
        );
        check(
            "SET lock_timeout = '1s';\nDROP TABLE a;\nRESET lock_timeout;\nDROP TABLE b;",
            Statement,
            &[
                "m/7.sql:2 [2] SET lock_timeout = '1s'",
                "m/7.sql:4 [4] SET lock_timeout = '1s'; RESET lock_timeout",
            ],
        );
        check(
            "SET LOCAL lock_timeout = '1s';\nDROP TABLE a;",
            File,
            &["m/7.sql [1 2]"],
        );
        check("", File, &[]);
    }

    #[test]
    fn what_does_not_run_in_a_block_is_known() {
        for (sql, expected) in [
            ("CREATE UNIQUE INDEX CONCURRENTLY ON a (x)", true),
            ("drop index concurrently i", true),
            ("REINDEX (VERBOSE) TABLE CONCURRENTLY a", true),
            ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", true),
            ("VACUUM a", true),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", false),
            ("CREATE INDEX ON a (x)", false),
            ("REINDEX TABLE a", false),
            ("-- concurrently\nCREATE INDEX i ON a (x)", false),
        ] {
            assert_eq!(refuses_transactions(sql), expected, "{sql}");
        }
    }

    fn history(statements: &[&str]) -> History {
        History {
            entries: statements
                .iter()
                .map(|sql| HistoryEntry {
                    session: 1,
                    transaction: None,
                    exemplar_of: None,
                    kind: template(sql, &[]).kind,
                    sent: sent(sql),
                    failed: false,
                })
                .collect(),
            ..History::default()
        }
    }

    #[test]
    fn what_the_migration_has_done_is_taken_out_of_a_history_that_has_all_of_it() {
        let planned = plan(
            "ALTER TABLE a ADD x int; -- a column\nUPDATE a SET x = 1;\nCREATE INDEX i ON a (x);",
            MigrationTransaction::File,
        );
        let left = |statements: &[&str]| {
            let mut history = history(statements);
            let out = planned.take_out(&mut history);
            let left = history.entries.iter().map(|e| e.sent.sql.to_string());
            (out, left.collect::<Vec<String>>())
        };
        let (out, rest) = left(&[
            "CREATE TABLE a ()",
            "alter table a\n  add x int",
            "UPDATE a SET x = 1",
            "CREATE INDEX i ON a (x);",
            "INSERT INTO a VALUES (1)",
        ]);
        assert_eq!(out, 2);
        assert_eq!(
            rest,
            [
                "CREATE TABLE a ()",
                "UPDATE a SET x = 1",
                "INSERT INTO a VALUES (1)"
            ]
        );
        let (out, rest) = left(&["CREATE TABLE a ()", "ALTER TABLE a ADD x int"]);
        assert_eq!((out, rest.len()), (0, 2));
    }
}
