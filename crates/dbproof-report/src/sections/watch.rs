//! What passed by while an application ran: the statements that took the time, first.

use dbproof_model::{
    CommandExit, FailedStatement, IdleTransaction, PointedVariable, SlowStatement, TemplateTotal,
    TrafficSource, WatchEnd, WatchRecord, WatchedDatabase,
};

use crate::document::{Align, Block, Cell, Section, Table, Tone};
use crate::figures;

/// Statements that are shown; the record has more of them.
const SHOWN: usize = 20;

pub(crate) fn section(record: &WatchRecord) -> Section {
    let mut blocks = vec![Block::Line(vec![Cell::plain(captured(record))])];
    if record.ended != WatchEnd::Source {
        blocks.push(Block::Line(command(record)));
    }
    if record.templates.is_empty() {
        blocks.push(Block::Line(vec![Cell::plain("No statement was captured.")]));
    } else {
        blocks.push(Block::Table(templates(&record.templates)));
        blocks
            .extend(left_out(record).map(|text| Block::Line(vec![Cell::toned(text, Tone::Muted)])));
    }
    let incomplete = |reason: &String| {
        Block::Item(vec![
            Cell::toned("capture incomplete ", Tone::Doubt),
            Cell::plain(reason),
        ])
    };
    blocks.extend(record.reasons.iter().map(incomplete));
    let notes = record.notes.iter();
    blocks.extend(notes.map(|note| Block::Item(vec![Cell::plain(note)])));
    blocks.extend(slow(record));
    blocks.extend(idle(record));
    blocks.extend(failed(&record.failed));
    if record.databases.len() > 1 || record.databases.iter().any(|d| !d.catalog_read) {
        blocks.push(Block::Heading(vec![Cell::plain("Databases")]));
        blocks.push(Block::Table(databases(&record.databases)));
    }
    blocks.extend(pointed(record));
    Section {
        title: "watch",
        verdict: Some(record.verdict),
        blocks,
    }
}

/// `Captured 1,840 statements of 12 sessions between 127.0.0.1:40123 and db:5432 in 3.1 s.`
fn captured(record: &WatchRecord) -> String {
    let lost = match record.dropped {
        0 => String::new(),
        n => format!(", {} lost", figures::counted(n, "event")),
    };
    let statements = figures::counted(record.executions, "statement");
    match record.source {
        TrafficSource::Wire => {}
        TrafficSource::Trace | TrafficSource::Log => {
            let kind = match record.source {
                TrafficSource::Log => {
                    "the server's log, which has no results: nothing can be proven from it"
                }
                _ => "a trace",
            };
            let sessions = figures::counted(record.sessions, "session");
            let files = record.files.join(", ");
            return format!("Read {statements} of {sessions} from {files} ({kind}).");
        }
        TrafficSource::PgStatStatements => {
            return format!(
                "pg_stat_statements counted {statements} on {} in {}.",
                record.server,
                figures::span(record.duration_ms)
            );
        }
    }
    format!(
        "Captured {statements} of {}{lost} between {} and {} in {}.",
        figures::counted(record.sessions, "session"),
        record.listened,
        record.server,
        figures::span(record.duration_ms),
    )
}

fn command(record: &WatchRecord) -> Vec<Cell> {
    let end = match (record.exit, record.ended) {
        (Some(exit), WatchEnd::Command) => ended(exit),
        (Some(exit), WatchEnd::Duration) => {
            format!("ended after the time of --for: {}", ended(exit))
        }
        (Some(exit), WatchEnd::Interrupt) => format!("interrupted: {}", ended(exit)),
        (None, WatchEnd::Duration) => "until the time of --for was over".to_owned(),
        (None, WatchEnd::Interrupt | WatchEnd::Command) => "until it was interrupted".to_owned(),
        (_, WatchEnd::Source) => "to its end".to_owned(),
    };
    if record.command.is_empty() {
        let did = match record.source {
            TrafficSource::PgStatStatements => "counted",
            _ => "listened",
        };
        return vec![Cell::plain(format!(
            "The application was started elsewhere; dbproof {did} {end}."
        ))];
    }
    let tone = match record.exit {
        Some(CommandExit { code: Some(0), .. }) | None => Tone::Plain,
        Some(_) => Tone::Doubt,
    };
    vec![
        Cell::plain("Command: "),
        Cell::code(record.command.join(" ")),
        Cell::plain(", "),
        Cell::toned(end, tone),
    ]
}

fn ended(exit: CommandExit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn templates(all: &[TemplateTotal]) -> Table {
    let mut table = Table::new(&[
        ("share", Align::Right),
        ("total ms", Align::Right),
        ("times", Align::Right),
        ("avg", Align::Right),
        ("p95", Align::Right),
        ("max", Align::Right),
        ("rows", Align::Right),
        ("statement", Align::Left),
    ]);
    let row = |total: &TemplateTotal| {
        vec![
            Cell::plain(percent(total.share)),
            Cell::plain(figures::ms(total.total_ms)),
            Cell::plain(figures::count(total.executions)),
            Cell::plain(figures::ms(total.avg_ms)),
            Cell::plain(total.p95_ms.map_or("?".to_owned(), figures::ms)),
            Cell::plain(total.max_ms.map_or("?".to_owned(), figures::ms)),
            Cell::plain(figures::count(total.rows)),
            Cell::code(&total.template),
        ]
    };
    table.rows = all.iter().take(SHOWN).map(row).collect();
    table
}

/// `12.3 %`
fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1} %", share * 100.0)
    } else {
        figures::ABSENT.to_owned()
    }
}

/// The templates that the table has no room for.
fn left_out(record: &WatchRecord) -> Option<String> {
    let hidden = record.templates.iter().skip(SHOWN);
    let (mut templates, mut executions) = (record.others.templates, record.others.executions);
    let mut total_ms = record.others.total_ms;
    for template in hidden {
        templates = templates.saturating_add(1);
        executions = executions.saturating_add(template.executions);
        total_ms += template.total_ms;
    }
    (templates > 0).then(|| {
        format!(
            "{} more, executed {}, took {} ms.",
            figures::counted(templates, "statement"),
            figures::counted(executions, "time"),
            figures::ms(total_ms)
        )
    })
}

fn slow(record: &WatchRecord) -> Vec<Block> {
    if record.slow.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Heading(vec![Cell::plain(format!(
        "Slow statements: {} ms or more",
        figures::chosen(record.threshold_ms)
    ))])];
    for statement in &record.slow {
        blocks.push(Block::Item(slow_line(statement)));
        blocks.extend(from(&statement.from));
        blocks.extend(statement.example.clone().map(Block::Sql));
    }
    blocks
}

fn slow_line(statement: &SlowStatement) -> Vec<Cell> {
    let times = format!(
        " {} of {}, ",
        figures::count(statement.slow),
        figures::counted(statement.executions, "execution")
    );
    vec![
        Cell::toned(format!("{} ms", figures::ms(statement.max_ms)), Tone::Doubt),
        Cell::plain(times),
        Cell::code(&statement.template),
    ]
}

fn idle(record: &WatchRecord) -> Vec<Block> {
    if record.idle.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Heading(vec![Cell::plain(format!(
        "Transactions left idle for {} or more",
        figures::span(record.idle_limit_ms)
    ))])];
    for idle in &record.idle {
        blocks.push(Block::Item(idle_line(idle)));
    }
    blocks
}

fn idle_line(idle: &IdleTransaction) -> Vec<Cell> {
    let how = if idle.abandoned {
        " and never ended"
    } else {
        ""
    };
    vec![
        Cell::toned(figures::span(idle.longest_ms), Tone::Doubt),
        Cell::plain(format!(
            "{how}, {} in all, after ",
            figures::counted(idle.count, "wait")
        )),
        Cell::code(&idle.after),
    ]
}

fn failed(all: &[FailedStatement]) -> Vec<Block> {
    if all.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&[
        ("times", Align::Right),
        ("SQLSTATE", Align::Left),
        ("statement", Align::Left),
    ]);
    let row = |failed: &FailedStatement| {
        vec![
            Cell::plain(figures::count(failed.count)),
            Cell::plain(&failed.sqlstate),
            Cell::code(&failed.template),
        ]
    };
    table.rows = all.iter().take(SHOWN).map(row).collect();
    let heading = Block::Heading(vec![Cell::plain("Statements that the server refused")]);
    vec![heading, Block::Table(table)]
}

fn databases(all: &[WatchedDatabase]) -> Table {
    let mut table = Table::new(&[
        ("database", Align::Left),
        ("sessions", Align::Right),
        ("statements", Align::Right),
        ("catalog", Align::Left),
    ]);
    let row = |database: &WatchedDatabase| {
        let catalog = match (&database.catalog_error, database.catalog_read) {
            (_, true) => Cell::plain("read"),
            (Some(error), false) => Cell::toned(format!("not read: {error}"), Tone::Doubt),
            (None, false) => Cell::toned("not read", Tone::Doubt),
        };
        vec![
            Cell::code(&database.name),
            Cell::plain(figures::count(database.sessions)),
            Cell::plain(figures::count(database.executions)),
            catalog,
        ]
    };
    table.rows = all.iter().map(row).collect();
    table
}

/// What led the command to dbproof; in full where it did not come.
fn pointed(record: &WatchRecord) -> Vec<Block> {
    let item = |text: Cell| {
        let title = Cell::toned("pointed ", Tone::Muted);
        Block::Item(vec![title, text])
    };
    let full = |variable: &PointedVariable| {
        item(Cell::plain(format!("{} {}", variable.name, variable.to)))
    };
    if record.executions == 0 {
        return record.pointed.iter().map(full).collect();
    }
    let names: Vec<&str> = record.pointed.iter().map(|p| p.name.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![item(Cell::plain(names.join(", ")))]
}

/// Where a statement came from.
fn from(tags: &[String]) -> Option<Block> {
    (!tags.is_empty()).then(|| {
        Block::Item(vec![
            Cell::toned("from ", Tone::Muted),
            Cell::plain(tags.join(", ")),
        ])
    })
}
