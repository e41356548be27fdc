//! How the bytes are cut means nothing, and any bytes are read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::collector;
use super::wire::*;
use crate::protocol::{Collector, Session, SessionEvent, SessionNews};
use crate::tap::Closed;

/// One request and its answer.
fn exchange() -> impl Strategy<Value = Vec<Sent>> {
    let text = "[a-z]{0,12}|x{250,260}";
    let state = prop::sample::select(b"ITE".to_vec());
    let sql = prop::sample::select(vec![
        "select id from t where a = $1 and b = 7",
        "insert into t values ($1, 'x')",
        "begin",
        "commit",
        "declare c cursor for select id from t",
        "fetch 2 from c",
        "close c",
        "prepare s as select $1",
        "execute s(7)",
        "deallocate s",
        "select 1; select 2",
        "discard all",
        "copy t from stdin",
        "",
    ]);
    let tag = prop::sample::select(vec![
        "SELECT 2",
        "BEGIN",
        "COMMIT",
        "INSERT 0 3",
        "DISCARD ALL",
        "COPY 1",
    ]);
    let name = prop::sample::select(vec!["", "s", "c", "p"]);
    let message = prop_oneof![
        sql.clone().prop_map(query),
        (name.clone(), sql).prop_map(|(name, sql)| parse(name, sql, &[INT4])),
        (
            name.clone(),
            name.clone(),
            vec(prop::option::of(text), 0..3)
        )
            .prop_map(|(portal, name, values)| {
                let values: Vec<_> = values.iter().map(Option::as_deref).collect();
                bind(portal, name, &values)
            }),
        (prop::sample::select(vec!['S', 'P']), name.clone()).prop_map(|(k, n)| describe(k, n)),
        (prop::sample::select(vec!['S', 'P']), name.clone()).prop_map(|(k, n)| close(k, n)),
        (name, 0..3_u32).prop_map(|(portal, most)| execute(portal, most)),
        Just(sync()),
        Just(flush()),
        Just(client(b'd', b"1\n")),
        Just(client(b'c', b"")),
        Just(client(b'F', b"call")),
    ];
    (
        vec(message, 1..8),
        vec((tag, vec(text, 2), state, any::<u8>()), 8),
    )
        .prop_map(|(mut requests, answers)| {
            requests.push(sync());
            let mut sent = requests.clone();
            let mut skips = false;
            for (request, (tag, row_values, state, choice)) in requests.iter().zip(answers) {
                let Sent::Client(request) = request else {
                    continue;
                };
                skips &= request[0] != b'S';
                if !skips {
                    skips = answer(request[0], tag, &row_values, state, choice, &mut sent);
                }
            }
            sent
        })
}

/// An answer to a request that is mostly what a server could give; whether it is one after which all
/// is skipped.
fn answer(
    request: u8,
    tag: &str,
    values: &[String],
    state: u8,
    choice: u8,
    sent: &mut Vec<Sent>,
) -> bool {
    let described = columns(&[("id", INT4), ("name", TEXT)]);
    let row = row(&[&values[0], &values[1]]);
    if choice.is_multiple_of(16) {
        sent.push(error("22P02"));
        if matches!(request, b'Q' | b'F' | b'S') {
            sent.push(ready(state));
        }
        return !matches!(request, b'Q' | b'F' | b'S');
    }
    match request {
        b'Q' => sent.extend([described, row.clone(), row, complete(tag), ready(state)]),
        b'P' => sent.push(parsed()),
        b'B' => sent.push(bound()),
        b'D' if choice.is_multiple_of(2) => sent.extend([parameters(&[INT4]), described]),
        b'D' => sent.push(no_data()),
        b'C' => sent.push(closed()),
        b'E' if choice.is_multiple_of(3) => sent.extend([row, suspended()]),
        b'E' if choice.is_multiple_of(7) => sent.extend([server(b'G', &[0, 0, 0]), complete(tag)]),
        b'E' => sent.extend([row.clone(), row, complete(tag)]),
        b'F' => sent.extend([server(b'V', b"value"), ready(state)]),
        b'S' => sent.push(ready(state)),
        _ => {}
    }
    false
}

/// Neighbours of one side are one stretch of bytes.
fn stretches(sent: &[Sent]) -> Vec<(bool, Vec<u8>)> {
    let mut stretches: Vec<(bool, Vec<u8>)> = Vec::new();
    for sent in sent {
        let (is_client, bytes) = match sent {
            Sent::Client(bytes) => (true, bytes),
            Sent::Server(bytes) => (false, bytes),
            Sent::Later(_) => continue,
        };
        match stretches.last_mut() {
            Some((same, before)) if *same == is_client => before.extend(bytes),
            _ => stretches.push((is_client, bytes.clone())),
        }
    }
    stretches
}

/// Everything that is told of, hashes included, with the cuts being of these lengths in turn.
fn cut(stretches: &[(bool, Vec<u8>)], cuts: &[usize]) -> String {
    let mut collector = collector();
    let mut session = Session::new(1);
    let mut cuts = cuts.iter().copied().cycle();
    for (at_us, (is_client, bytes)) in stretches.iter().enumerate() {
        let at_us = at_us as u64;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = cuts.next().unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(length);
            rest = later;
            feed(&mut session, *is_client, now, at_us, &mut collector);
        }
    }
    session.closed(stretches.len() as u64, Closed::ByServer, &mut collector);
    format!("{:?}{:?}", collector.executed, collector.events)
}

fn feed(session: &mut Session, is_client: bool, bytes: &[u8], at_us: u64, to: &mut Collector) {
    if is_client {
        session.from_client(bytes, at_us, to);
    } else {
        session.from_server(bytes, at_us, to);
    }
}

proptest! {
    #[test]
    fn cuts_mean_nothing(
        exchanges in vec(exchange(), 1..8),
        cuts in vec(1..40_usize, 1..30),
    ) {
        let mut sent = startup();
        sent.extend(exchanges.into_iter().flatten());
        let stretches = stretches(&sent);
        let whole = cut(&stretches, &[]);
        prop_assert_eq!(&whole, &cut(&stretches, &cuts));
        prop_assert_eq!(&whole, &cut(&stretches, &[1]));
    }

    #[test]
    fn any_bytes_are_read(
        chunks in vec((any::<bool>(), vec(any::<u8>(), 0..60)), 0..20),
        begins in any::<bool>(),
    ) {
        let mut stretches = if begins { stretches(&startup()) } else { Vec::new() };
        stretches.extend(chunks);
        cut(&stretches, &[]);
    }

    /// Messages that are right in themselves, in an order that no server would answer in, some of
    /// their bytes overwritten.
    #[test]
    fn any_conversation_is_read(
        exchanges in vec(exchange(), 1..8),
        noise in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut sent = startup();
        sent.extend(exchanges.into_iter().flatten());
        let mut stretches = stretches(&sent);
        for (at, byte) in noise {
            let stretch = at.index(stretches.len());
            let bytes = &mut stretches[stretch].1;
            let place = at.index(bytes.len());
            bytes[place] = byte;
        }
        let whole = cut(&stretches, &[]);
        prop_assert_eq!(whole, cut(&stretches, &[3, 1, 7]));
    }
}

#[test]
fn the_generated_conversations_are_mostly_read() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut executions, mut given_up) = (0, 0);
    for _ in 0..200 {
        let exchange = exchange().new_tree(&mut runner).unwrap().current();
        let mut sent = startup();
        sent.extend(exchange);
        let mut collector = collector();
        let mut session = Session::new(1);
        for (is_client, bytes) in stretches(&sent) {
            feed(&mut session, is_client, &bytes, 1, &mut collector);
        }
        executions += collector.executed.len();
        let gave_up = |event: &SessionEvent| matches!(event.what, SessionNews::NotRead { .. });
        given_up += usize::from(collector.events.iter().any(gave_up));
    }
    assert!(executions > 50 && given_up < 40, "{executions} {given_up}");
}
