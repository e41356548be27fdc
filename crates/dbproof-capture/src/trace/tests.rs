use std::io::Cursor;
use std::sync::Arc;

use dbproof_analysis::traffic::{
    Executed, HashKey, ResultHashes, ResultShape, SentParameter, SentText, Statements, Tags,
    ValueHash,
};
use dbproof_model::{Relation, ResultColumn, Schema};

use super::{TraceError, TraceItem, TraceReader, TraceWriter};

/// Executions of a few statements, with everything that an execution can have.
fn executed(count: u64) -> Vec<Executed> {
    let mut statements = Statements::new(HashKey(1, 2));
    let shape = Arc::new(ResultShape {
        columns: vec![ResultColumn {
            name: "id".to_owned(),
            type_oid: 20,
            relation_oid: Some(16_400),
            attribute: Some(1),
        }],
        hashed: vec![0],
    });
    let tags = Arc::new(Tags {
        pairs: vec![("test".to_owned(), "a".to_owned())],
    });
    let one = |n: u64| {
        let text = statements.read(&format!(
            "select id from t{} where a = {n} and b = $1",
            n % 3
        ));
        let parameters = [statements.hasher().text(b"x")];
        let ids: Vec<Option<ValueHash>> = (0..n % 4)
            .map(|id| statements.hasher().text(id.to_string().as_bytes()))
            .chain([None])
            .collect();
        Executed {
            session: 1 + (n % 2) as u32,
            database: 0,
            transaction: n.is_multiple_of(5).then_some(7),
            series: u32::try_from(3 * n).unwrap(),
            sent_us: 10 * n,
            finished_us: 10 * n + 5,
            values: text.values(statements.hasher(), &parameters),
            statement: text.statement,
            tags: n.is_multiple_of(2).then(|| Arc::clone(&tags)),
            rows: n % 4 + 1,
            failed: (n % 7 == 6).then_some(*b"40001"),
            result: (!n.is_multiple_of(3)).then(|| {
                Box::new(ResultHashes {
                    shape: Arc::clone(&shape),
                    values: ids.into(),
                    rows: n,
                })
            }),
            sent: Some(Box::new(SentText {
                sql: format!("select id from t{} where a = {n} and b = $1", n % 3).into(),
                parameters: vec![SentParameter {
                    type_oid: 25,
                    binary: false,
                    value: Some(b"secret".to_vec()),
                }],
            })),
        }
    };
    (0..count).map(one).collect()
}

fn written(executed: &[Executed], keep_values: bool) -> Vec<u8> {
    let mut writer = TraceWriter::new(Vec::new(), keep_values).unwrap();
    writer.server("15.18").unwrap();
    writer.databases(&["shop".to_owned()]).unwrap();
    writer.born_empty(0).unwrap();
    for executed in executed {
        writer.executed(executed).unwrap();
    }
    writer.schema(0, &schema()).unwrap();
    writer.incomplete("a reason").unwrap();
    writer.finish().unwrap()
}

fn schema() -> Schema {
    Schema {
        relations: vec![Relation {
            oid: 16_400,
            name: "t0".to_owned(),
            ..Relation::default()
        }],
        foreign_keys: vec![],
    }
}

#[derive(Debug, Default)]
struct Seen {
    server: String,
    databases: Vec<String>,
    schemas: Vec<(u32, Schema)>,
    born_empty: Vec<u32>,
    executed: Vec<Executed>,
    incomplete: Vec<String>,
}

fn read(bytes: &[u8]) -> Result<Seen, TraceError> {
    let mut reader = TraceReader::new(Cursor::new(bytes))?;
    let mut seen = Seen::default();
    while let Some(item) = reader.next_item()? {
        match item {
            TraceItem::Server(version) => seen.server = version,
            TraceItem::Database(name) => seen.databases.push(name),
            TraceItem::Schema(database, schema) => seen.schemas.push((database, schema)),
            TraceItem::Executions(more) => seen.executed.extend(more),
            TraceItem::BornEmpty(database) => seen.born_empty.push(database),
            TraceItem::Incomplete(reason) => seen.incomplete.push(reason),
        }
    }
    Ok(seen)
}

/// What of an execution has to come back.
fn told(executed: &Executed, sent: bool) -> String {
    format!(
        "{} {} {:?} {} {} {} {} {:?} {:?} {} {:?} {:?} {:?}",
        executed.session,
        executed.database,
        executed.transaction,
        executed.series,
        executed.sent_us,
        executed.finished_us,
        executed.statement.shape(),
        executed.tags,
        executed.values,
        executed.rows,
        executed.failed,
        executed.result,
        executed.sent.as_ref().filter(|_| sent)
    )
}

#[test]
fn what_is_written_is_read() {
    let all = executed(1_000);
    for keep_values in [false, true] {
        let seen = read(&written(&all, keep_values)).unwrap();
        assert_eq!(seen.server, "15.18");
        assert_eq!(seen.databases, ["shop"]);
        assert_eq!(seen.born_empty, [0]);
        assert_eq!(seen.schemas, [(0, schema())]);
        assert_eq!(seen.incomplete, ["a reason"]);
        let expected: Vec<_> = all.iter().map(|e| told(e, keep_values)).collect();
        let read: Vec<_> = seen.executed.iter().map(|e| told(e, true)).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn no_value_is_written_unless_it_is_asked_for() {
    let holds = |bytes: &[u8]| bytes.windows(6).any(|w| w == b"secret");
    assert!(!holds(&written(&executed(10), false)));
    assert!(holds(&written(&executed(10), true)));
}

#[test]
fn a_trace_that_was_cut_off_is_read_up_to_there_and_says_so() {
    let all = executed(1_000);
    let whole = written(&all, false);
    for length in (16..whole.len()).step_by(97) {
        let seen = read(&whole[..length]).unwrap();
        let last = seen.incomplete.last().unwrap();
        assert!(last.contains("cut off"), "{length}: {last}");
        assert!(seen.executed.len() <= all.len());
    }
}

#[test]
fn what_is_no_trace_says_what_to_do() {
    let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert!(message(b"").contains("--save-trace"));
    assert!(message(b"2026-11-24 12:00:00 UTC LOG: statement").contains("--from-log"));
    assert!(message(b"dbproof.trace/9\n").contains("version 9"));
}

#[test]
fn damage_never_panics() {
    let whole = written(&executed(300), false);
    for at in (16..whole.len()).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        // A changed hash or time is another value and no damage that can be seen.
        if let Err(error) = read(&damaged) {
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

#[test]
fn an_application_that_makes_up_statements_and_tags_is_written_all_the_same() {
    let mut statements = Statements::new(HashKey(1, 2));
    let mut writer = TraceWriter::new(Vec::new(), false).unwrap();
    let count = 25_000;
    for n in 0..count {
        let text = statements.read(&format!("/*test='{n}'*/ select c{n} from t"));
        writer
            .executed(&Executed {
                session: 1,
                database: 0,
                transaction: None,
                series: u32::try_from(n).unwrap(),
                sent_us: n,
                finished_us: n,
                values: text.values(statements.hasher(), &[]),
                statement: text.statement,
                tags: text.tags,
                rows: 0,
                failed: None,
                result: None,
                sent: None,
            })
            .unwrap();
    }
    let seen = read(&writer.finish().unwrap()).unwrap();
    let last = seen.executed.last().unwrap();
    assert_eq!(seen.executed.len() as u64, count);
    assert_eq!(last.statement.shape(), "select c24999 from t");
    assert_eq!(last.tags.as_ref().unwrap().unit(), Some("24999"));
}
