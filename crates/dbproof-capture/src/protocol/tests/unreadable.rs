//! Sessions that are read no further.

use super::wire::*;
use super::{check, read};

#[test]
fn a_stream_that_is_not_understood_is_told_of_once() {
    let good = simple("select 1", "SELECT 0", b'I');
    let cases: [(&[Sent], &str); 9] = [
        (
            &[server(b'!', b"")],
            "the server sent a message of the unknown type '!'",
        ),
        (
            &[client(b'!', b"")],
            "the application sent a message of the unknown type '!'",
        ),
        (
            &[server(b'Z', b"II")],
            "the server sent a message 'Z' of the impossible length 6",
        ),
        (
            &[ready(b'I')],
            "the server sent a message 'Z', which answers no open request",
        ),
        (
            &[row(&["1"])],
            "the server sent a message 'D', which answers no open request",
        ),
        (
            &[client(b'E', b"no end")],
            "the application sent a message 'E' that cannot be read",
        ),
        (
            &[Sent::Client(vec![b'Q', 0x80, 0, 0, 0])],
            "the application sent a message 'Q' of the impossible length -2147483648",
        ),
        (
            &[sync(), parsed()],
            "the server sent a message '1', which answers no open request",
        ),
        (
            &[query("select 1"), columns(&[("a", INT4)]), row(&["1", "2"])],
            "the server sent a message 'D' that cannot be read",
        ),
    ];
    for (bad, reason) in cases {
        let in_flight =
            usize::from(matches!(bad[0], Sent::Client(ref b) if bad.len() > 2 && b[0] == b'Q'));
        check(
            &[&good, bad, &good, bad],
            &format!("select ? [1] 0\n! not read ({in_flight}): {reason}"),
        );
    }
}

#[test]
fn replication_is_not_read() {
    let opened = [
        startup_message(&[("user", "u"), ("replication", "database")]),
        server(b'W', b""),
        server(b'!', b""),
    ];
    assert_eq!(
        read(&opened),
        "! not read (0): it is a replication connection\n"
    );
    check(
        &[&[
            query("START_REPLICATION"),
            server(b'W', &[0, 0, 0]),
            client(b'!', b""),
        ]],
        "! not read (1): it streams changes both ways",
    );
    let ordinary = [
        startup_message(&[("user", "u"), ("replication", "off")]),
        ready(b'I'),
    ];
    assert_eq!(read(&ordinary), "");
}

#[test]
fn sessions_that_are_refused_or_ended() {
    let refused = [startup_message(&[("user", "u")]), error("28P01")];
    assert_eq!(read(&refused), "! 28P01\n");
    check(
        &[&simple("begin", "BEGIN", b'T'), &[error("25P03")]],
        "begin [] 0, t1\n! 25P03",
    );
    let older = [Sent::Client(vec![0, 0, 0, 9, 0, 2, 0, 0, 0])];
    assert_eq!(
        read(&older),
        "! not read (0): it speaks protocol 2.0; only 3 is known\n"
    );
}
