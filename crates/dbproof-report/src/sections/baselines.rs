//! Today's plans against the accepted ones.

use dbproof_model::{
    BaselineCause, BaselineComparison, BaselineQuery, BaselineVerdict, BaselinesRecord,
};

use crate::document::{Align, Block, Cell, Table, Tone, many_lines};
use crate::figures;

impl From<BaselineVerdict> for Tone {
    fn from(verdict: BaselineVerdict) -> Self {
        match verdict {
            BaselineVerdict::Kept => Tone::Muted,
            BaselineVerdict::Improved => Tone::Good,
            BaselineVerdict::Regressed => Tone::Bad,
            BaselineVerdict::Changed
            | BaselineVerdict::NoBaseline
            | BaselineVerdict::StatementEdited
            | BaselineVerdict::NotRun => Tone::Doubt,
        }
    }
}

/// Nothing where no plan was ever accepted; else how many are kept, and what the others came to.
pub(crate) fn blocks(record: &BaselinesRecord) -> Vec<Block> {
    if !record.present {
        return Vec::new();
    }
    let mut blocks = vec![
        Block::Heading(vec![
            Cell::plain("Accepted plans: "),
            Cell::code(format!("{}/", record.folder)),
        ]),
        Block::Line(vec![Cell::plain(counts(record))]),
    ];
    let table = table(record);
    if !table.rows.is_empty() {
        blocks.push(Block::Table(table));
    }
    blocks.extend(record.queries.iter().filter_map(moved));
    blocks.extend(
        record
            .unused
            .iter()
            .map(|file| Block::Item(vec![Cell::toned("unused ", Tone::Doubt), Cell::code(file)])),
    );
    blocks.extend(record.queries.iter().flat_map(plans));
    blocks
}

/// `12 queries: 10 kept, 1 regressed, 1 no-baseline`
fn counts(record: &BaselinesRecord) -> String {
    let verdicts = [
        BaselineVerdict::Kept,
        BaselineVerdict::Regressed,
        BaselineVerdict::Improved,
        BaselineVerdict::Changed,
        BaselineVerdict::NoBaseline,
        BaselineVerdict::StatementEdited,
        BaselineVerdict::NotRun,
    ];
    let counted = verdicts.iter().filter_map(|verdict| {
        let of_it = record.queries.iter().filter(|q| q.verdict == *verdict);
        let count = of_it.count() as u64;
        (count > 0).then(|| format!("{} {}", figures::count(count), verdict.as_str()))
    });
    let all = record.queries.len() as u64;
    let noun = if all == 1 { "query" } else { "queries" };
    let counted: Vec<String> = counted.collect();
    format!("{} {noun}: {}.", figures::count(all), counted.join(", "))
}

/// What is not kept, one row a set of parameters, or a query where it has none to show.
fn table(record: &BaselinesRecord) -> Table {
    let mut table = Table::new(&[
        ("query", Align::Left),
        ("set", Align::Left),
        ("verdict", Align::Left),
        ("by", Align::Left),
        ("why", Align::Left),
    ]);
    for query in &record.queries {
        let name = || Cell::code(&query.name);
        if query.sets.is_empty() {
            let verdict = Cell::toned(query.verdict.as_str(), query.verdict);
            let absent = || Cell::plain(figures::ABSENT);
            let why = Cell::plain(why(query.verdict));
            table
                .rows
                .push(vec![name(), absent(), verdict, absent(), why]);
        }
        let notable = |set: &&BaselineComparison| set.verdict != BaselineVerdict::Kept;
        table
            .rows
            .extend(query.sets.iter().filter(notable).map(|set| {
                vec![
                    name(),
                    Cell::plain(&set.label),
                    Cell::toned(set.verdict.as_str(), set.verdict),
                    Cell::plain(set.cause.map_or(figures::ABSENT, in_words)),
                    Cell::plain(set.reasons.join("; ")),
                ]
            }));
    }
    table
}

fn why(verdict: BaselineVerdict) -> &'static str {
    match verdict {
        BaselineVerdict::NoBaseline => "nothing was accepted yet",
        BaselineVerdict::StatementEdited => "the query was edited since",
        BaselineVerdict::NotRun => "the query fails",
        _ => "",
    }
}

fn in_words(cause: BaselineCause) -> &'static str {
    match cause {
        BaselineCause::Change => "the change",
        BaselineCause::EarlierMigration => "an earlier migration",
        BaselineCause::Unclear => "the change or an earlier one",
        BaselineCause::Base => "the base",
    }
}

/// What of the base is not as it was, where that explains a difference.
fn moved(query: &BaselineQuery) -> Option<Block> {
    let explains = query.cause == Some(BaselineCause::Base) && !query.moved.is_empty();
    explains.then(|| {
        Block::Item(vec![
            Cell::code(&query.name),
            Cell::plain(format!(": the base moved: {}", query.moved.join(", "))),
        ])
    })
}

/// The accepted plans that differ, each with today's below it.
fn plans(query: &BaselineQuery) -> Vec<Block> {
    let now = |label: &str| {
        let sets = &query.now.as_ref()?.sets;
        sets.iter().find(|set| set.label == label)
    };
    let folded = |set: &BaselineComparison| {
        let accepted = set.accepted.as_ref()?.nodes.join("\n");
        let today = now(&set.label)?.plan.nodes.join("\n");
        Some(Block::Folded {
            title: format!(
                "Accepted plan of {} ({}), and today's",
                query.name, set.label
            ),
            text: many_lines(&format!("accepted\n{accepted}\n\ntoday\n{today}")),
        })
    };
    query.sets.iter().filter_map(folded).collect()
}
