//! The lines of a schedule, such as `refund 2 waits for restock`: [`entry`].

use dbproof_model::DeadlockExpectation;

use super::{Action, Entry, ShapeSession, Wait};

const FORMS: &str = "a line of the schedule is `SESSION STEP`, `SESSION STEP waits for SESSION`, \
                     `SESSION waits for SESSION`, `SESSION commit` or `SESSION awaits SESSION`";

/// Reads a line of a schedule; the error is what is wrong with it.
pub(super) fn entry(text: &str, line: u32, sessions: &[ShapeSession]) -> Result<Entry, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let session_of = |name: &str| {
        let found = sessions.iter().position(|session| session.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = sessions.iter().map(|s| s.name.as_str()).collect();
            format!(
                "there is no session `{name}`; there are {}",
                known.join(", ")
            )
        })
    };
    let other_than = |session: usize, name: &str| match session_of(name)? {
        other if other == session => Err(format!("`{name}` cannot wait for itself")),
        other => Ok(other),
    };
    let [name, rest @ ..] = words.as_slice() else {
        return Err(FORMS.to_owned());
    };
    let session = session_of(name)?;
    let step_of = |number: &str| {
        let steps = sessions[session].steps.len();
        let index = number.parse::<usize>().map_err(|_| FORMS.to_owned())?;
        if index == 0 || index > steps {
            return Err(format!("`{name}` has no step {index}; it has {steps}"));
        }
        Ok(index - 1)
    };
    let action = match rest {
        ["commit"] => Action::Commit,
        ["awaits", other] => Action::Awaits(other_than(session, other)?),
        ["waits", "for", other] => Action::StillWaits(other_than(session, other)?),
        [number] => step_action(step_of(number)?, Wait::No),
        [number, "waits", "for", other] => {
            let other = other_than(session, other)?;
            step_action(step_of(number)?, Wait::For(other))
        }
        _ => return Err(FORMS.to_owned()),
    };
    Ok(Entry {
        line,
        session,
        action,
    })
}

fn step_action(step: usize, wait: Wait) -> Action {
    Action::Step {
        step,
        wait,
        markers: Vec::new(),
    }
}

/// Refuses a schedule that leaves a step out, or has it twice or too early; the error is the line
/// and what is wrong there.
pub(super) fn check(entries: &[Entry], sessions: &[ShapeSession]) -> Result<(), (u32, String)> {
    let mut next = vec![0; sessions.len()];
    for entry in entries {
        let Action::Step { step, .. } = entry.action else {
            continue;
        };
        let (name, expected) = (&sessions[entry.session].name, next[entry.session]);
        if step < expected {
            return Err((
                entry.line,
                format!("step {} of `{name}` is launched twice", step + 1),
            ));
        }
        if step > expected {
            return Err((
                entry.line,
                format!("step {} of `{name}` comes first", expected + 1),
            ));
        }
        next[entry.session] += 1;
    }
    for (session, launched) in sessions.iter().zip(next) {
        if launched < session.steps.len() {
            let line = entries.last().map_or(1, |entry| entry.line);
            let message = format!(
                "step {} of `{}` is never launched",
                launched + 1,
                session.name
            );
            return Err((line, message));
        }
    }
    Ok(())
}

/// The schedule of a shape that has none: everybody's first step, everybody's second one, and so
/// on. Where a deadlock is expected, each last step waits for the session that comes next.
pub(super) fn in_turn(
    sessions: &[ShapeSession],
    expected: DeadlockExpectation,
) -> Result<Vec<Entry>, String> {
    let steps = sessions[0].steps.len();
    let even = sessions.iter().all(|session| session.steps.len() == steps);
    let closes = expected.is_error();
    if closes && (!even || steps < 2) {
        return Err(
            "this shape needs a `schedule`: without one, every session has the same number of \
             steps, two at least, and the last step of each waits for the next session"
                .to_owned(),
        );
    }
    let longest = sessions.iter().map(|session| session.steps.len()).max();
    let mut entries = Vec::new();
    for step in 0..longest.unwrap_or(0) {
        for (index, session) in sessions.iter().enumerate() {
            let Some(of_session) = session.steps.get(step) else {
                continue;
            };
            let wait = match (closes, step + 1 == steps) {
                (true, true) => Wait::For((index + 1) % sessions.len()),
                (true, false) => Wait::No,
                (false, _) => Wait::Perhaps,
            };
            entries.push(Entry {
                line: of_session.sql.line,
                session: index,
                action: step_action(step, wait),
            });
        }
    }
    Ok(entries)
}
