//! Loading a page the way its access layer would: [`PageSession`].

use std::time::Instant;

use dbproof_analysis::traffic::{Executed, ResultHashes, Statements, ValueHash};
use dbproof_model::ResultSet;
use dbproof_postgres::{Address, PostgresError, Session, connect, rows};
use tokio_postgres::Statement;

use crate::error::{InputError, RunError};
use crate::project::pages::{Page, Reference, Step, Version};

/// A session that loads one version of a page and records what it executes.
pub(super) struct PageSession<'a> {
    session: Session,
    page: &'a Page,
    version: &'a Version,
    statements: Vec<Statement>,
    number: u32,
    origin: Instant,
}

/// One execution of a step, in text form.
#[derive(Debug)]
pub(super) struct PageExecution {
    session: u32,
    pub(super) sent_us: u64,
    finished_us: u64,
    sql: String,
    parameters: Vec<Option<String>>,
    result: ResultSet,
}

impl PageExecution {
    /// The execution as a capture would tell of it.
    pub(super) fn executed(&self, statements: &mut Statements) -> Executed {
        let text = statements.read(&self.sql);
        let hasher = statements.hasher();
        let parameters: Vec<Option<ValueHash>> = self
            .parameters
            .iter()
            .map(|value| hasher.text(value.as_ref()?.as_bytes()))
            .collect();
        Executed {
            session: self.session,
            database: 0,
            transaction: None,
            // Each is a trip of its own.
            series: u32::try_from(self.sent_us).unwrap_or(u32::MAX),
            sent_us: self.sent_us,
            finished_us: self.finished_us,
            values: text.values(hasher, &parameters),
            statement: text.statement,
            tags: text.tags,
            rows: self.result.row_count,
            failed: None,
            result: Some(Box::new(ResultHashes::of(&self.result, hasher))),
            sent: None,
        }
    }
}

impl<'a> PageSession<'a> {
    /// Connects and prepares every statement, as an access layer with a statement cache has done
    /// by its second request.
    pub(super) async fn open(
        address: &Address,
        page: &'a Page,
        version: &'a Version,
        number: u32,
        origin: Instant,
    ) -> Result<Self, RunError> {
        let session = connect(address).await?;
        let mut statements = Vec::with_capacity(version.steps.len());
        for step in &version.steps {
            let prepared = session
                .prepare(&step.sql)
                .await
                .map_err(|e| session.error(&e));
            statements.push(prepared.map_err(|error| in_step(page, step, error))?);
        }
        Ok(PageSession {
            session,
            page,
            version,
            statements,
            number,
            origin,
        })
    }

    /// Loads the page once and returns what was executed.
    pub(super) async fn load(&mut self) -> Result<Vec<PageExecution>, RunError> {
        let mut results: Vec<ResultSet> = Vec::with_capacity(self.version.steps.len());
        let mut executions = Vec::new();
        for (index, step) in self.version.steps.iter().enumerate() {
            let rounds = self.rounds(index, step, &results)?;
            let mut last = ResultSet::default();
            for values in rounds {
                let execution = self.execute(index, step, values).await?;
                last.clone_from(&execution.result);
                executions.push(execution);
            }
            results.push(last);
        }
        Ok(executions)
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }

    async fn execute(
        &self,
        index: usize,
        step: &Step,
        parameters: Vec<Option<String>>,
    ) -> Result<PageExecution, RunError> {
        let sent_us = self.elapsed_us();
        let result = rows::record(&self.session, &self.statements[index], &parameters)
            .await
            .map_err(|error| in_step(self.page, step, error))?;
        Ok(PageExecution {
            session: self.number,
            sent_us,
            finished_us: self.elapsed_us(),
            sql: step.sql.clone(),
            parameters,
            result,
        })
    }

    /// The parameters of each execution of a step: one, or one for each row of another step.
    fn rounds(
        &self,
        index: usize,
        step: &Step,
        results: &[ResultSet],
    ) -> Result<Vec<Vec<Option<String>>>, RunError> {
        let wrong = |message: String| InputError::at(message, step_place(self.page, step));
        let rounds = match &step.for_each {
            None => 1,
            Some(source) => results[self.version.earlier(index, source).map_err(wrong)?]
                .rows
                .len(),
        };
        let references = step
            .parameters
            .iter()
            .map(|parameter| {
                let reference = self.version.reference(index, parameter).map_err(wrong)?;
                let column = column_index(&results[reference.step], &reference).map_err(wrong)?;
                Ok((reference, column))
            })
            .collect::<Result<Vec<_>, RunError>>()?;
        let value = |row: usize, (reference, column): &(Reference, usize)| {
            let rows = &results[reference.step].rows;
            if reference.array {
                Some(array_literal(rows, *column))
            } else {
                rows[row][*column].clone()
            }
        };
        Ok((0..rounds)
            .map(|row| references.iter().map(|r| value(row, r)).collect())
            .collect())
    }

    fn elapsed_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn column_index(result: &ResultSet, reference: &Reference) -> Result<usize, String> {
    result
        .columns
        .iter()
        .position(|column| column.name == reference.column)
        .ok_or_else(|| format!("the earlier step returns no column `{}`", reference.column))
}

/// The distinct values of a column as an array in PostgreSQL's text form.
fn array_literal(rows: &[Vec<Option<String>>], column: usize) -> String {
    let mut values: Vec<&str> = rows
        .iter()
        .filter_map(|row| row[column].as_deref())
        .collect();
    values.sort_unstable();
    values.dedup();
    let quoted: Vec<String> = values
        .iter()
        .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{{{}}}", quoted.join(","))
}

fn step_place(page: &Page, step: &Step) -> crate::error::Place {
    page.place_of(&step.sql)
}

/// The server's error about a step's statement, shown in the page's file.
fn in_step(page: &Page, step: &Step, error: PostgresError) -> RunError {
    match error {
        PostgresError::Server(error) => {
            let help = error.hint.clone().or_else(|| error.detail.clone());
            InputError::at(
                format!("the server refuses step `{}`: {error}", step.name),
                step_place(page, step),
            )
            .with_help(help)
            .into()
        }
        PostgresError::Value(message) => InputError::at(
            format!("step `{}`: {message}", step.name),
            step_place(page, step),
        )
        .into(),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::array_literal;

    #[test]
    fn an_array_holds_each_value_once_and_quotes_it() {
        let row = |value: &str| vec![Some(value.to_owned())];
        let rows = [row("7"), row("a\"b\\"), row("7"), vec![None]];
        assert_eq!(array_literal(&rows, 0), r#"{"7","a\"b\\"}"#);
    }
}
