//! The `.spec` files of PostgreSQL's isolation tester, read as they are: [`parse`].
//!
//! The format is described in `src/test/isolation/README` of PostgreSQL's sources. What a file
//! cannot say is how its runs should end, so every outcome is accepted and told, unless a comment
//! says `# dbproof: expect deadlock` (or `soft`, `immediate`, `none`).

mod grammar;
mod token;

use dbproof_model::DeadlockExpectation;

use super::{
    Action, BystanderStatements, Entry, Marker, Script, Shape, ShapeSession, Sql, Step, Wait,
    statements,
};
use crate::error::InputError;
use crate::project::{SourceFile, place};
use grammar::{Blocker, PermutationStep, Spec, SpecSession};

/// Orders of the steps that are run where a file names none; more than these must be named.
const MOST_PERMUTATIONS: usize = 200;

/// What is wrong with a file, and the line.
#[derive(Debug)]
struct SpecError {
    line: u32,
    message: String,
}

/// Reads a file: one shape a permutation.
pub(super) fn parse(file: &SourceFile) -> Result<Vec<Shape>, Box<InputError>> {
    read(file).map_err(|error| InputError::at(error.message, place(file, error.line, None)))
}

fn read(file: &SourceFile) -> Result<Vec<Shape>, SpecError> {
    let expected = expectation(&file.text)?;
    let tokens = token::tokens(&file.text)?;
    let spec = grammar::read(&tokens)?;
    let permutations = if spec.permutations.is_empty() {
        all_orders(&spec)?
    } else {
        spec.permutations.clone()
    };
    let stem = file.name.rsplit('/').next().unwrap_or(&file.name);
    let stem = stem.strip_suffix(".spec").unwrap_or(stem);
    let single = permutations.len() == 1;
    let shapes = permutations.iter().enumerate().map(|(index, steps)| {
        let entries = steps.iter().map(|step| entry(&spec, step, steps));
        let name = if single {
            stem.to_owned()
        } else {
            format!("{stem} #{}", index + 1)
        };
        let order = steps.iter().map(|step| step.name.as_str());
        Ok(Shape {
            name,
            summary: format!("the steps {}", order.collect::<Vec<_>>().join(" ")),
            expected,
            setup: whole(&spec.setup),
            reset: Vec::new(),
            teardown: whole(&spec.teardown),
            script: Script {
                note: String::new(),
                sessions: spec.sessions.iter().map(session).collect(),
                entries: entries.collect::<Result<_, _>>()?,
            },
            control: None,
            mended: None,
            bystanders: BystanderStatements::default(),
            verbatim: true,
            is_ours: false,
            file: file.clone(),
        })
    });
    shapes.collect()
}

fn whole(blocks: &[Sql]) -> Vec<Sql> {
    let each = blocks
        .iter()
        .flat_map(|sql| statements(&sql.text, sql.line));
    each.collect()
}

/// `# dbproof: expect deadlock`, where a comment says so.
fn expectation(text: &str) -> Result<DeadlockExpectation, SpecError> {
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["#", "dbproof:", "expect", word] = words.as_slice() {
            let value = serde_json::Value::String((*word).to_owned());
            return serde_json::from_value(value).map_err(|_| SpecError {
                line: u32::try_from(index + 1).unwrap_or(1),
                message: format!(
                    "`{word}` is no expectation: known are deadlock, soft, immediate and none"
                ),
            });
        }
    }
    Ok(DeadlockExpectation::Any)
}

fn session(spec: &SpecSession) -> ShapeSession {
    ShapeSession {
        name: spec.name.clone(),
        begin: spec.setup.clone().unwrap_or(Sql {
            text: String::new(),
            line: spec.line,
        }),
        steps: spec
            .steps
            .iter()
            .map(|(name, sql)| Step {
                name: name.clone(),
                sql: sql.clone(),
            })
            .collect(),
        teardown: spec.teardown.clone(),
        savepoint: None,
    }
}

/// A step of a permutation as a line of the schedule. A marker may name any other step of it.
fn entry(spec: &Spec, step: &PermutationStep, all: &[PermutationStep]) -> Result<Entry, SpecError> {
    let wrong = |message: String| SpecError {
        line: step.line,
        message,
    };
    let find = |name: &str| {
        spec.find(name)
            .ok_or_else(|| wrong(format!("there is no step `{name}`")))
    };
    let (session, index) = find(&step.name)?;
    let mut markers = Vec::new();
    for blocker in &step.blockers {
        markers.push(match blocker {
            Blocker::Asterisk => Marker::Asterisk,
            Blocker::Step(other) | Blocker::Notices(other, _)
                if !all.iter().any(|s| &s.name == other) =>
            {
                return Err(wrong(format!(
                    "`{}` waits for the step `{other}`, which this permutation has not",
                    step.name
                )));
            }
            Blocker::Step(other) => {
                let (of, at) = find(other)?;
                if of == session {
                    return Err(wrong(format!(
                        "`{}` cannot wait for a step of its own session",
                        step.name
                    )));
                }
                Marker::After {
                    session: of,
                    step: at,
                }
            }
            Blocker::Notices(other, count) => Marker::Notices {
                session: find(other)?.0,
                count: *count,
            },
        });
    }
    Ok(Entry {
        line: step.line,
        session,
        action: Action::Step {
            step: index,
            wait: Wait::Perhaps,
            markers,
        },
    })
}

/// Every order of the steps that keeps each session's own, as the isolation tester runs them where
/// a file has no `permutation`.
fn all_orders(spec: &Spec) -> Result<Vec<Vec<PermutationStep>>, SpecError> {
    let mut orders = Vec::new();
    let mut taken = vec![0; spec.sessions.len()];
    if extend(spec, &mut taken, &mut Vec::new(), &mut orders) {
        return Ok(orders);
    }
    Err(SpecError {
        line: 1,
        message: format!(
            "the steps have more than {MOST_PERMUTATIONS} orders: name those to run, as \
             `permutation STEP STEP …`"
        ),
    })
}

/// Whether there were few enough orders.
fn extend(
    spec: &Spec,
    taken: &mut Vec<usize>,
    order: &mut Vec<PermutationStep>,
    orders: &mut Vec<Vec<PermutationStep>>,
) -> bool {
    let mut complete = true;
    for (index, session) in spec.sessions.iter().enumerate() {
        let Some((name, sql)) = session.steps.get(taken[index]) else {
            continue;
        };
        complete = false;
        taken[index] += 1;
        order.push(PermutationStep {
            name: name.clone(),
            line: sql.line,
            blockers: Vec::new(),
        });
        let few = extend(spec, taken, order, orders);
        order.pop();
        taken[index] -= 1;
        if !few {
            return false;
        }
    }
    if complete {
        orders.push(order.clone());
    }
    orders.len() <= MOST_PERMUTATIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile {
            name: "deadlocks/x.spec".to_owned(),
            text: text.to_owned(),
        }
    }

    const TWO: &str = "# a comment\nsetup { CREATE TABLE t (a int); }\nteardown { DROP TABLE t; }\n\
                       session \"s 1\"\nsetup { BEGIN; }\nstep a { SELECT 1; }\nstep b {\n  COMMIT;\n}\n\
                       session s2 step c { SELECT '}' }\n";

    #[test]
    fn every_order_is_taken_where_none_is_named() {
        let text = TWO.replace("'}'", "2");
        let shapes = parse(&file(&text)).unwrap();
        let orders: Vec<&str> = shapes.iter().map(|shape| shape.summary.as_str()).collect();
        assert_eq!(
            orders,
            ["the steps a b c", "the steps a c b", "the steps c a b"]
        );
        assert_eq!(shapes[0].expected, DeadlockExpectation::Any);
        let sessions = &shapes[0].script.sessions;
        assert_eq!(sessions[0].name, "s 1");
        assert_eq!(sessions[0].begin.text, "BEGIN;");
        assert_eq!(
            sessions[0].steps[1].sql,
            Sql {
                text: "COMMIT;".to_owned(),
                line: 8
            }
        );
    }

    #[test]
    fn markers_and_the_expectation_are_read() {
        let text = format!(
            "# dbproof: expect soft\n{}permutation a(*) c(a, b notices 2) b\n",
            TWO.replace("'}'", "2")
        );
        let shapes = parse(&file(&text)).unwrap();
        assert_eq!((shapes.len(), shapes[0].name.as_str()), (1, "x"));
        assert_eq!(shapes[0].expected, DeadlockExpectation::Soft);
        let markers = |entry: &Entry| match &entry.action {
            Action::Step { markers, .. } => markers.clone(),
            _ => Vec::new(),
        };
        let entries = &shapes[0].script.entries;
        assert_eq!(markers(&entries[0]), [Marker::Asterisk]);
        let after = Marker::After {
            session: 0,
            step: 0,
        };
        let notices = Marker::Notices {
            session: 0,
            count: 2,
        };
        assert_eq!(markers(&entries[1]), [after, notices]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let check = |text: &str, line: u32, expected: &str| {
            let error = parse(&file(text)).unwrap_err();
            assert_eq!(error.place.as_ref().map(|p| p.line), Some(line), "{error}");
            assert!(error.message.contains(expected), "{error}");
        };
        check("setup { SELECT 1;\n", 1, "never closed");
        check(
            "session a\nstep x { SELECT 1 }\nstep x { SELECT 2 }\n",
            3,
            "second step is named `x`",
        );
        check(
            "session a\nstep x { SELECT 1 }\n\npermutation y\n",
            4,
            "no step `y`",
        );
        check(
            "session a\nstep x { SELECT 1 }\npermutation x(z)\n",
            3,
            "`z`",
        );
        check("sesion a\n", 1, "`sesion`");
        check("session a\nstep x\n", 2, "a block of SQL");
        check(
            "session a\nstep x { SELECT 1 }\npermutation x(x notices)\n",
            3,
            "a number",
        );
        check("session a\n", 1, "`a` has no step");
        check("setup { SELECT 1 }\n", 1, "no session");
        check("# dbproof: expect trouble\n", 1, "`trouble`");
        check("session a step \"x\n", 1, "never closed");
        check("session a step x { SELECT 1 } permutation x ?\n", 1, "`?`");
        let session = |i: u32| format!("session s{i} step x{i} {{ SELECT 1 }}\n");
        let many = (0..8).map(session).collect::<Vec<_>>().concat();
        check(&many, 1, "more than 200 orders");
    }
}
