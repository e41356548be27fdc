//! A record of the deadlock laboratory: shapes with their lines of time, and a storm.

use dbproof_model::RunRecord;
use dbproof_report::terminal::{self, Style};
use dbproof_report::{html, markdown};

fn record() -> RunRecord {
    let text = include_str!("deadlock_sample.json");
    dbproof_report::json::parse(text).expect("the sample is a record")
}

#[test]
fn shapes_and_a_storm_on_a_terminal() {
    insta::assert_snapshot!(terminal::render(&record(), &Style::default()));
}

#[test]
fn shapes_and_a_storm_as_markdown() {
    insta::assert_snapshot!(markdown::render(&record()));
}

#[test]
fn the_line_of_time_is_drawn_with_who_waited_for_whom() {
    let html = html::render(&record());
    let from = html.find("<section id=\"deadlock\">").unwrap();
    let section = &html[from..];
    let to = section.find("<h3>").unwrap();
    insta::assert_snapshot!(&section[..to]);
}

/// Names and statements come from the user's files, and may be anything.
#[test]
fn hostile_names_and_statements_are_escaped() {
    let hostile = "<script>alert('\u{1b}[2J')</script>| \"x\"";
    let mut record = record();
    let deadlock = record.scenarios.deadlock.as_mut().unwrap();
    for shape in &mut deadlock.shapes {
        let fill = |text: &mut String| hostile.clone_into(text);
        fill(&mut shape.name);
        fill(&mut shape.summary);
        for participant in &mut shape.participants {
            fill(&mut participant.session);
            fill(&mut participant.statement);
            fill(&mut participant.blocked_by);
            participant.lock = Some(hostile.to_owned());
            participant.held_by_statement = Some(hostile.to_owned());
        }
        let timeline = shape.timeline.as_mut().unwrap();
        timeline.duration_ms = 0.0;
        for session in &mut timeline.sessions {
            fill(&mut session.name);
            for span in &mut session.spans {
                fill(&mut span.statement);
                fill(&mut span.outcome);
                span.blocked_by = vec![hostile.to_owned()];
                span.from_ms = f64::NAN;
            }
        }
    }
    deadlock.storms[0].order = hostile.to_owned();
    let drawn = html::render(&record);
    assert!(!drawn.contains("<script") && !drawn.contains('\u{1b}'));
    assert!(!terminal::render(&record, &Style::default()).contains('\u{1b}'));
    assert!(!markdown::render(&record).contains("<script"));
}
