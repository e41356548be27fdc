//! Long messages, and bounds.

use super::wire::*;
use super::{KEY, check, collector, read};
use crate::protocol::{Collector, ReadingOptions, Session, SessionNews};

#[test]
fn long_values_are_no_keys() {
    let long = "x".repeat(300);
    check(
        &[&[
            parse("", "select id, body from t where a = $1 and b = $2", &[]),
            bind("", "", &[Some(&long), Some("7")]),
            describe('P', ""),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
            columns(&[("id", INT4), ("body", TEXT), ("n", INT4)]),
            row(&["1", &long, "2"]),
            complete("SELECT 1"),
            ready(b'I'),
        ]],
        "select id, body from t where a = ? and b = ? [- 7] 1 -> (id body n) [1 - 2]",
    );
}

#[test]
fn what_follows_a_long_value_is_read() {
    let huge = "x".repeat(1 << 20);
    check(
        &[
            &[
                parse("", "insert into t values ($1, $2, $3) returning id", &[]),
                bind("", "", &[Some("1"), Some(&huge), Some("2")]),
                describe('P', ""),
                execute("", 0),
                sync(),
                parsed(),
                bound(),
                columns(&[("id", INT4), ("body", TEXT), ("n", INT4)]),
                row(&["1", &huge, "2"]),
                complete("INSERT 0 1"),
                ready(b'I'),
            ],
            &[
                query("select * from t"),
                columns(&[("id", INT4), ("body", TEXT), ("n", INT4)]),
                row(&["1", &huge, "2"]),
                row(&["3", "x", "4"]),
                complete("SELECT 2"),
                ready(b'I'),
            ],
        ],
        "insert into t values (?, ?, ?) returning id [1 - 2] 1 -> (id body n) [1 - 2]
         select * from t [] 2 -> (id body n) [1 - 2 3 x 4]",
    );
}

#[test]
fn a_long_text_keeps_its_head() {
    let sql = format!("insert into t values (7){}", ", (7)".repeat(300_000));
    let mut sent = startup();
    sent.extend(simple(&sql, "INSERT 0 300001", b'I'));
    let seen = read(&sent);
    assert!(
        seen.starts_with("insert into t values (?"),
        "{}",
        &seen[..100]
    );
    assert!(seen.ends_with("300001\n"), "{}", &seen[seen.len() - 100..]);
}

#[test]
fn of_a_long_result_the_first_rows_are_kept() {
    let mut collector = collector();
    let mut session = Session::new(1);
    let mut feed = |sent: &[Sent], collector: &mut Collector| {
        for (at_us, sent) in sent.iter().enumerate() {
            match sent {
                Sent::Client(bytes) => session.from_client(bytes, at_us as u64, collector),
                Sent::Server(bytes) => session.from_server(bytes, at_us as u64, collector),
                Sent::Later(_) => {}
            }
        }
    };
    feed(&startup(), &mut collector);
    for (width, rows, kept) in [(1, 20_001, 20_000), (10, 10_000, 6_553), (2, 7, 7)] {
        let names = vec![("c", INT4); width];
        feed(&[query("select 1"), columns(&names)], &mut collector);
        let row = row(&vec!["1"; width]);
        for _ in 0..rows {
            feed(std::slice::from_ref(&row), &mut collector);
        }
        feed(
            &[complete(&format!("SELECT {rows}")), ready(b'I')],
            &mut collector,
        );
        let executed = collector.executed.pop().unwrap();
        assert_eq!(executed.rows, rows);
        assert_eq!(executed.result.unwrap().kept_rows(), kept);
    }
}

#[test]
fn every_byte_of_a_result_is_hashed() {
    let hash = |last: &str| {
        let mut collector = collector();
        let mut session = Session::new(1);
        let mut sent = startup();
        let rows = [row(&["1", "x"]), row(&["2", last])];
        sent.extend([query("select 1"), columns(&[("a", INT4), ("b", 114)])]);
        sent.extend(rows);
        sent.extend([complete("SELECT 2"), ready(b'I')]);
        for sent in &sent {
            match sent {
                Sent::Client(bytes) => session.from_client(bytes, 0, &mut collector),
                Sent::Server(bytes) => session.from_server(bytes, 1, &mut collector),
                Sent::Later(_) => {}
            }
        }
        collector.executed.pop().unwrap().result.unwrap().rows
    };
    assert_eq!(hash("y"), hash("y"));
    assert_ne!(hash("y"), hash("z"));
}

#[test]
fn texts_are_kept_where_they_are_asked_for() {
    let mut collector = Collector::new(ReadingOptions {
        key: KEY,
        keep_sent: true,
        idle_transaction_us: 1,
    });
    let mut session = Session::new(1);
    let mut sent = startup();
    sent.extend(simple("select 1;", "SELECT 1", b'I'));
    sent.extend([
        parse("", "select $1, $2", &[INT4]),
        bind_as("", "", &[1, 0], &[Some(&[0, 0, 0, 7]), None], &[]),
        execute("", 0),
        sync(),
        parsed(),
        bound(),
        complete("SELECT 1"),
        ready(b'I'),
    ]);
    for sent in &sent {
        match sent {
            Sent::Client(bytes) => session.from_client(bytes, 0, &mut collector),
            Sent::Server(bytes) => session.from_server(bytes, 1, &mut collector),
            Sent::Later(_) => {}
        }
    }
    let sent: Vec<_> = collector
        .executed
        .iter()
        .map(|e| e.sent.as_deref())
        .collect();
    let [Some(simple), Some(extended)] = sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!((&*simple.sql, simple.parameters.len()), ("select 1", 0));
    assert_eq!(&*extended.sql, "select $1, $2");
    let [first, second] = &extended.parameters[..] else {
        panic!("{extended:?}");
    };
    assert_eq!((first.type_oid, first.binary), (INT4, true));
    assert_eq!(first.value.as_deref(), Some(&[0, 0, 0, 7][..]));
    assert_eq!(
        (second.type_oid, second.binary, &second.value),
        (0, false, &None)
    );
}

/// Reads messages of one kind without an answer, until the session is given up.
fn without_end(message: impl Fn(usize) -> Sent, answer: Option<&Sent>) -> (usize, String) {
    let mut collector = collector();
    let mut session = Session::new(1);
    for sent in startup() {
        if let Sent::Client(bytes) | Sent::Server(bytes) = &sent {
            match sent {
                Sent::Client(_) => session.from_client(bytes, 0, &mut collector),
                _ => session.from_server(bytes, 0, &mut collector),
            }
        }
    }
    for n in 0..1_000_000 {
        if let Sent::Client(bytes) = message(n) {
            session.from_client(&bytes, 0, &mut collector);
        }
        if let Some(Sent::Server(bytes)) = answer {
            session.from_server(bytes, 0, &mut collector);
        }
        for event in collector.take().1 {
            if let SessionNews::NotRead { reason, .. } = event.what {
                return (n, reason.to_string());
            }
        }
    }
    (usize::MAX, String::new())
}

#[test]
fn requests_and_names_without_end_are_given_up() {
    let (count, reason) = without_end(|_| execute("", 0), None);
    assert_eq!(
        (count, &*reason),
        (262_144, "more than 262144 requests were open at once")
    );
    let (count, reason) = without_end(
        |n| parse(&format!("s{n}"), "select 1", &[]),
        Some(&parsed()),
    );
    assert_eq!(
        (count, &*reason),
        (
            100_000,
            "more than 100000 prepared statements or portals were open at once"
        )
    );
}

#[test]
fn parameters_without_end_are_not_held() {
    let value = "x".repeat(200);
    let values = vec![Some(&*value); 1_000];
    let mut sent = startup();
    sent.extend([parse("s", "select $1", &[]), parsed()]);
    // 20 MB of parameters at once, and then the answers.
    sent.extend(vec![bind("", "s", &values); 100]);
    sent.extend([execute("", 0), sync()]);
    sent.extend(vec![bound(); 100]);
    sent.extend([complete("SELECT 0"), ready(b'I')]);
    sent.extend([bind("", "s", &[Some("7")]), execute("", 0), sync()]);
    sent.extend([bound(), complete("SELECT 0"), ready(b'I')]);
    let collector = super::collected(&sent);
    let lacking = collector.totals.without_parameters;
    assert!((10..30).contains(&lacking), "{lacking}");
    assert_eq!(super::told(&collector), "select ? [-] 0\nselect ? [7] 0\n");
}
