//! A record of deadlocks predicted from captured transactions.

use dbproof_model::{
    DeadlockPrediction, DeadlockTimeline, GroupOrigin, NotChecked, PredictedLock,
    PredictedMigration, PredictedStatement, PredictedTransaction, PredictionCoverage,
    PredictionSandbox, RunRecord, TimelineSession, TimelineSpan, Verdict,
};
use dbproof_report::terminal::{self, Style};
use dbproof_report::{html, markdown};

fn lock(statement: u64) -> PredictedLock {
    PredictedLock {
        statement,
        object: "a row of public.accounts".to_owned(),
        mode: "FOR NO KEY UPDATE".to_owned(),
    }
}

fn key() -> PredictedLock {
    PredictedLock {
        statement: 0,
        object: "a key of index tags_name on public.tags".to_owned(),
        mode: "entered and not committed".to_owned(),
    }
}

fn member(name: &str, occurrences: u64, line: u32) -> PredictedTransaction {
    let statement = |sql: &str, line| PredictedStatement {
        statement: sql.to_owned(),
        origin: Some(GroupOrigin {
            file: Some("bank/views.py".to_owned()),
            line: Some(line),
            function: Some(name.to_owned()),
            ..GroupOrigin::default()
        }),
    };
    PredictedTransaction {
        name: name.to_owned(),
        session: name.to_owned(),
        occurrences,
        migration: None,
        statements: vec![
            statement("select rate from rates where day = ?", line),
            statement(
                "update accounts set balance = balance - ? where id = ?",
                line + 1,
            ),
            statement(
                "update accounts set balance = balance + ? where id = ?",
                line + 2,
            ),
        ],
        holds: lock(1),
        asks: lock(2),
    }
}

fn timeline() -> DeadlockTimeline {
    let span = |kind: &str, from_ms, to_ms, by: &[&str], outcome: &str| TimelineSpan {
        kind: kind.to_owned(),
        statement: "update accounts set balance = balance + ? where id = ?".to_owned(),
        from_ms,
        to_ms,
        blocked_by: by.iter().map(|name| (*name).to_owned()).collect(),
        lock: Some("ShareLock on transactionid".to_owned()),
        outcome: outcome.to_owned(),
    };
    DeadlockTimeline {
        run: 1,
        closed_ms: Some(4.0),
        ended_ms: Some(104.0),
        duration_ms: 106.0,
        sessions: vec![
            TimelineSession {
                name: "transfer".to_owned(),
                spans: vec![
                    span("run", 0.0, 0.5, &[], "done"),
                    span("wait", 2.0, 104.0, &["refund"], "40P01"),
                ],
            },
            TimelineSession {
                name: "refund".to_owned(),
                spans: vec![
                    span("run", 1.0, 1.5, &[], "done"),
                    span("wait", 4.0, 105.0, &["transfer"], "done"),
                ],
            },
        ],
    }
}

/// One that is confirmed, one that is possible, and what was not checked.
fn record() -> RunRecord {
    let text = include_str!("deadlock_sample.json");
    let mut record = dbproof_report::json::parse(text).expect("the sample is a record");
    record.findings.clear();
    let deadlock = record.scenarios.deadlock.as_mut().unwrap();
    deadlock.shapes.clear();
    deadlock.storms.clear();
    deadlock.verdict = Verdict::Fail;
    deadlock.predictions = vec![
        DeadlockPrediction {
            verdict: "confirmed".to_owned(),
            transactions: vec!["transfer".to_owned(), "refund".to_owned()],
            objects: vec!["a row of public.accounts".to_owned()],
            remedy: "lock the rows of public.accounts in one order".to_owned(),
            remedy_sql: Some(
                "SELECT 1 FROM public.accounts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"
                    .to_owned(),
            ),
            database: Some("test_bank".to_owned()),
            members: vec![member("transfer", 12, 10), member("refund", 1, 30)],
            reason: None,
            orders_tried: 2,
            deadlocks: 1,
            timeline: Some(timeline()),
        },
        DeadlockPrediction {
            verdict: "possible".to_owned(),
            transactions: vec!["import".to_owned(), "import (2)".to_owned()],
            objects: vec!["a key of index tags_name on public.tags".to_owned()],
            remedy: "sort the keys before they are entered".to_owned(),
            reason: Some("a statement failed there: 23503".to_owned()),
            orders_tried: 2,
            members: vec![PredictedTransaction {
                name: "import".to_owned(),
                session: "import".to_owned(),
                occurrences: 0,
                migration: Some("migrations/7.sql".to_owned()),
                statements: vec![PredictedStatement {
                    statement: "insert into tags (name) values (?), ...".to_owned(),
                    origin: None,
                }],
                holds: key(),
                asks: key(),
            }],
            ..DeadlockPrediction::default()
        },
    ];
    deadlock.prediction = Some(PredictionCoverage {
        refuted: 0,
        contained: 0,
        migrations: vec![PredictedMigration {
            file: "migrations/7.sql".to_owned(),
            transactions: 2,
            replayed: 1,
        }],
        notes: vec![
            "migrations/7.sql was applied in the capture; the sandbox was made without it"
                .to_owned(),
        ],
        transactions: 340,
        classes: 12,
        replayed: 11,
        guarded: 3,
        candidates: 2,
        confirmed: 1,
        possible: 1,
        sandboxes: vec![
            PredictionSandbox {
                database: "test_bank".to_owned(),
                made_from: "history".to_owned(),
                statements: 1200,
                failed: 4,
            },
            PredictionSandbox {
                database: "other".to_owned(),
                made_from: "none".to_owned(),
                ..PredictionSandbox::default()
            },
        ],
        not_checked: vec![
            NotChecked {
                what: "public.events".to_owned(),
                why: "larger than 64 MiB, and not searched for locked rows".to_owned(),
            },
            NotChecked {
                what: "other".to_owned(),
                why: "somebody is connected to the database, so it cannot be copied".to_owned(),
            },
        ],
        duration_ms: 2300.0,
    });
    record
}

#[test]
fn predictions_on_a_terminal() {
    insta::assert_snapshot!(terminal::render(&record(), &Style::default()));
}

#[test]
fn predictions_as_markdown() {
    insta::assert_snapshot!(markdown::render(&record()));
}

#[test]
fn predictions_as_html() {
    let html = html::render(&record());
    let from = html.find("<section id=\"deadlock\">").unwrap();
    let to = html[from..].find("</section>").unwrap();
    insta::assert_snapshot!(&html[from..from + to]);
}

#[test]
fn a_prediction_that_checked_nothing_is_not_silent() {
    let mut record = record();
    let deadlock = record.scenarios.deadlock.as_mut().unwrap();
    deadlock.predictions.clear();
    deadlock.prediction = Some(PredictionCoverage {
        not_checked: (0..25)
            .map(|n| NotChecked {
                what: format!("kind {n}"),
                why: "it could not be run".to_owned(),
            })
            .collect(),
        ..PredictionCoverage::default()
    });
    let drawn = terminal::render(&record, &Style::default());
    assert!(
        drawn.contains("not checked") && drawn.contains("kind 19"),
        "{drawn}"
    );
    assert!(
        drawn.contains("not checked: 5 more") && !drawn.contains("kind 20"),
        "{drawn}"
    );
}

/// Names, statements and tags come from the application, and may be anything; so may a record.
#[test]
fn hostile_names_statements_and_tags_are_escaped() {
    let hostile = "<script>alert('\u{1b}[2J')</script>| \"x\" `y`\n# z";
    let mut record = record();
    let deadlock = record.scenarios.deadlock.as_mut().unwrap();
    let fill = |text: &mut String| hostile.clone_into(text);
    for prediction in &mut deadlock.predictions {
        let free = [&mut prediction.remedy, &mut prediction.verdict];
        free.into_iter().for_each(fill);
        prediction.transactions.iter_mut().for_each(fill);
        prediction.objects.iter_mut().for_each(fill);
        prediction.reason = Some(hostile.to_owned());
        prediction.remedy_sql = Some(hostile.to_owned());
        prediction.database = Some(hostile.to_owned());
        for member in &mut prediction.members {
            fill(&mut member.name);
            fill(&mut member.session);
            for lock in [&mut member.holds, &mut member.asks] {
                fill(&mut lock.object);
                fill(&mut lock.mode);
            }
            for statement in &mut member.statements {
                fill(&mut statement.statement);
                statement.origin = Some(GroupOrigin {
                    file: Some(hostile.to_owned()),
                    function: Some(hostile.to_owned()),
                    route: Some(hostile.to_owned()),
                    controller: Some(hostile.to_owned()),
                    action: Some(hostile.to_owned()),
                    ..GroupOrigin::default()
                });
            }
        }
        let sessions = prediction
            .timeline
            .iter_mut()
            .flat_map(|line| &mut line.sessions);
        for session in sessions {
            fill(&mut session.name);
            for span in &mut session.spans {
                fill(&mut span.statement);
                fill(&mut span.outcome);
                span.blocked_by = vec![hostile.to_owned()];
                span.to_ms = f64::INFINITY;
            }
        }
    }
    // A statement that is not there.
    deadlock.predictions[0].members[0].asks.statement = u64::MAX;
    let coverage = deadlock.prediction.as_mut().unwrap();
    for sandbox in &mut coverage.sandboxes {
        fill(&mut sandbox.database);
        fill(&mut sandbox.made_from);
    }
    for missing in &mut coverage.not_checked {
        fill(&mut missing.what);
        fill(&mut missing.why);
    }
    let drawn = html::render(&record);
    assert!(!drawn.contains("<script") && !drawn.contains('\u{1b}'));
    assert!(!terminal::render(&record, &Style::default()).contains('\u{1b}'));
    // A statement stands in a fence, in which nothing means anything but a longer fence.
    for prediction in &mut record.scenarios.deadlock.as_mut().unwrap().predictions {
        prediction.remedy_sql = Some("SELECT 1\n```\nSELECT 2".to_owned());
    }
    let drawn = markdown::render(&record);
    assert!(drawn.contains("````sql"));
    assert!(!drawn.contains("<script") && !drawn.contains("\n# z"));
}
