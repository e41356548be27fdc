//! Our own format of a shape: [`parse`].

use std::ops::Range;

use dbproof_model::DeadlockExpectation;
use serde::Deserialize;
use toml::Spanned;

use super::{BystanderStatements, Script, Shape, ShapeSession, Sql, Step, schedule, statements};
use crate::error::InputError;
use crate::project::config::describe;
use crate::project::{SourceFile, place};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    name: Spanned<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    expect: DeadlockExpectation,
    setup: Option<Spanned<String>>,
    reset: Option<Spanned<String>>,
    teardown: Option<Spanned<String>>,
    #[serde(default)]
    schedule: Vec<Spanned<String>>,
    #[serde(rename = "session")]
    sessions: Vec<RawSession>,
    control: Option<RawVersion>,
    mended: Option<RawVersion>,
    bystander: Option<RawBystander>,
    #[serde(default)]
    bystanders: RawBystanders,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVersion {
    #[serde(default)]
    note: String,
    #[serde(default)]
    schedule: Vec<Spanned<String>>,
    #[serde(rename = "session")]
    sessions: Vec<RawSession>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSession {
    name: Spanned<String>,
    begin: Option<Spanned<String>>,
    steps: Vec<Spanned<String>>,
    retry_from_savepoint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBystander {
    sql: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBystanders {
    uninvolved: Option<Spanned<String>>,
    same_table: Option<Spanned<String>>,
    queued: Option<Spanned<String>>,
}

/// Reads a shape.
pub(super) fn parse(file: &SourceFile) -> Result<Shape, Box<InputError>> {
    let raw: RawShape =
        toml::from_str(&file.text).map_err(|error| describe(&file.name, &file.text, &error))?;
    let reader = Reader { file };
    let script = reader.script(String::new(), raw.sessions, &raw.schedule, raw.expect)?;
    let without = DeadlockExpectation::None;
    let version = |version: Option<RawVersion>| {
        version
            .map(|v| reader.script(v.note, v.sessions, &v.schedule, without))
            .transpose()
    };
    let (control, mended) = (version(raw.control)?, version(raw.mended)?);
    let needs_control = raw.expect != without && raw.expect != DeadlockExpectation::Any;
    if control.is_none() && needs_control {
        let message = format!(
            "shape `{}`: has no [[control.session]]; write the same transactions with their locks in \
             one order, since a deadlock proves little without the run that has none",
            raw.name.get_ref()
        );
        return Err(reader.error(&raw.name.span(), message));
    }
    let same_table = raw.bystander.map(|bystander| bystander.sql);
    let one = |sql: Option<Spanned<String>>| sql.map(|sql| reader.sql(&sql));
    Ok(Shape {
        name: raw.name.into_inner(),
        summary: raw.summary,
        expected: raw.expect,
        setup: reader.statements(raw.setup.as_ref()),
        reset: reader.statements(raw.reset.as_ref()),
        teardown: reader.statements(raw.teardown.as_ref()),
        script,
        control,
        mended,
        bystanders: BystanderStatements {
            uninvolved: one(raw.bystanders.uninvolved),
            same_table: one(raw.bystanders.same_table.or(same_table)),
            queued: one(raw.bystanders.queued),
        },
        verbatim: false,
        is_ours: false,
        file: file.clone(),
    })
}

struct Reader<'a> {
    file: &'a SourceFile,
}

impl Reader<'_> {
    fn script(
        &self,
        note: String,
        sessions: Vec<RawSession>,
        lines: &[Spanned<String>],
        expected: DeadlockExpectation,
    ) -> Result<Script, Box<InputError>> {
        let mut read: Vec<ShapeSession> = Vec::new();
        for session in sessions {
            let span = session.name.span();
            if read
                .iter()
                .any(|other| &other.name == session.name.get_ref())
            {
                let message = format!("a second session is named `{}`", session.name.get_ref());
                return Err(self.error(&span, message));
            }
            if session.steps.is_empty() {
                let message = format!("session `{}` has no steps", session.name.get_ref());
                return Err(self.error(&span, message));
            }
            read.push(self.session(session));
        }
        if read.len() < 2 {
            let line = read.first().map_or(1, |session| session.begin.line);
            return Err(InputError::at(
                "a shape takes at least two sessions",
                place(self.file, line, None),
            ));
        }
        let entries = if lines.is_empty() {
            schedule::in_turn(&read, expected).map_err(|message| {
                InputError::at(message, place(self.file, read[0].begin.line, None))
            })?
        } else {
            let line = |line: &Spanned<String>| {
                let at = self.line(&line.span());
                schedule::entry(line.get_ref(), at, &read)
                    .map_err(|message| self.error(&line.span(), message))
            };
            let entries = lines.iter().map(line).collect::<Result<Vec<_>, _>>()?;
            schedule::check(&entries, &read)
                .map_err(|(line, message)| InputError::at(message, place(self.file, line, None)))?;
            entries
        };
        Ok(Script {
            note,
            sessions: read,
            entries,
        })
    }

    fn session(&self, raw: RawSession) -> ShapeSession {
        let steps = raw.steps.iter().enumerate().map(|(index, step)| Step {
            name: (index + 1).to_string(),
            sql: self.sql(step),
        });
        let begin = raw.begin.as_ref().map_or_else(
            || Sql {
                text: "BEGIN".to_owned(),
                line: self.line(&raw.name.span()),
            },
            |begin| self.sql(begin),
        );
        ShapeSession {
            begin,
            steps: steps.collect(),
            teardown: None,
            savepoint: raw.retry_from_savepoint,
            name: raw.name.into_inner(),
        }
    }

    fn statements(&self, text: Option<&Spanned<String>>) -> Vec<Sql> {
        text.map_or_else(Vec::new, |text| {
            let sql = self.sql(text);
            statements(&sql.text, sql.line)
        })
    }

    fn sql(&self, text: &Spanned<String>) -> Sql {
        // A line break right behind the opening quotes is no part of the text.
        let opening = self.file.text.get(text.span()).unwrap_or_default();
        let skipped = opening.starts_with("\"\"\"\n") || opening.starts_with("'''\n");
        Sql {
            text: text.get_ref().clone(),
            line: self.line(&text.span()) + u32::from(skipped),
        }
    }

    fn line(&self, span: &Range<usize>) -> u32 {
        let before = self.file.text.get(..span.start).unwrap_or_default();
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(1)
    }

    fn error(&self, span: &Range<usize>, message: impl Into<String>) -> Box<InputError> {
        InputError::at(message, place(self.file, self.line(span), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "name = \"s\"\n[[session]]\nname = \"a\"\nsteps = [\"SELECT 1\", \"SELECT 2\"]\n\
                       [[session]]\nname = \"b\"\nsteps = [\"SELECT 2\", \"SELECT 1\"]\n";

    fn check(text: &str, expected: &[&str]) {
        let file = SourceFile {
            name: "deadlocks/s.toml".to_owned(),
            text: text.to_owned(),
        };
        let error = parse(&file).unwrap_err().to_string();
        for expected in expected {
            assert!(error.contains(expected), "`{expected}` is not in: {error}");
        }
    }

    #[test]
    fn shapes_that_cannot_be_run_are_refused_with_their_line() {
        let one = "name = \"s\"\n[[session]]\nname = \"a\"\nsteps = [\"SELECT 1\", \"SELECT 2\"]\n";
        check(one, &["at least two sessions", "deadlocks/s.toml:3"]);
        check(TWO, &["no [[control.session]]", "s.toml:1"]);
        check(
            &format!("{one}stepz = 3\n"),
            &["did you mean `steps`", "s.toml:5"],
        );
        let uneven = format!("{one}[[session]]\nname = \"b\"\nsteps = [\"SELECT 1\"]\n");
        check(&uneven, &["needs a `schedule`"]);
        let twice = format!("{TWO}[[session]]\nname = \"a\"\nsteps = [\"SELECT 1\"]\n");
        check(&twice, &["second session is named `a`", "s.toml:9"]);
        check(&format!("{TWO}steps = 3\n"), &["s.toml:8"]);
        check(
            &format!("expect = \"maybe\"\n{TWO}"),
            &["maybe", "s.toml:1", "immediate"],
        );
    }

    #[test]
    fn a_schedule_that_makes_no_sense_is_refused_with_its_line() {
        let with = |lines: &str| format!("schedule = [\n{lines}\n]\n{TWO}");
        check(&with("\"a 1\",\n\"c 1\""), &["no session `c`", "s.toml:3"]);
        check(&with("\"a 3\""), &["`a` has no step 3", "s.toml:2"]);
        check(
            &with("\"a 1\",\n\"a 1\""),
            &["step 1 of `a` is launched twice", "s.toml:3"],
        );
        check(&with("\"a 2\""), &["step 1 of `a` comes first", "s.toml:2"]);
        check(
            &with("\"a 1\",\n\"a 2 waits for a\""),
            &["cannot wait for itself", "s.toml:3"],
        );
        check(
            &with("\"a runs\""),
            &["SESSION STEP waits for SESSION", "s.toml:2"],
        );
        check(&with("\"a 1\""), &["step 2 of `a` is never launched"]);
    }

    #[test]
    fn statements_know_their_line() {
        let text = "name = \"s\"\nexpect = \"none\"\nsetup = \"\"\"\nSELECT 1;\n\nSELECT 2;\n\"\"\"\n\
                    [[session]]\nname = \"a\"\nsteps = [\n  \"SELECT 1\",\n  \"SELECT 2\",\n]\n\
                    [[session]]\nname = \"b\"\nsteps = [\"SELECT 2\", \"SELECT 1\"]\n";
        let file = SourceFile {
            name: "s.toml".to_owned(),
            text: text.to_owned(),
        };
        let shape = parse(&file).unwrap();
        let lines: Vec<u32> = shape.setup.iter().map(|sql| sql.line).collect();
        assert_eq!(lines, [4, 6]);
        let steps = shape.script.sessions[0].steps.iter();
        assert_eq!(
            steps.map(|step| step.sql.line).collect::<Vec<_>>(),
            [11, 12]
        );
    }
}
