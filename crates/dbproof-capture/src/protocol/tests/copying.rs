//! COPY, in and out.

use super::check;
use super::wire::*;

fn copy_in() -> Sent {
    server(b'G', &[0, 0, 1, 0, 0])
}

fn data() -> Sent {
    client(b'd', b"1\tx\n")
}

fn done() -> Sent {
    client(b'c', b"")
}

const SQL: &str = "copy t from stdin";

#[test]
fn simple_copies() {
    check(
        &[
            &[
                query("copy t from stdin; select 1"),
                copy_in(),
                data(),
                data(),
                done(),
                complete("COPY 2"),
                complete("SELECT 0"),
                ready(b'I'),
            ],
            &[
                query("copy t to stdout"),
                server(b'H', &[0, 0, 1, 0, 0]),
                server(b'd', b"1\n"),
                server(b'c', b""),
                complete("COPY 1"),
                ready(b'I'),
            ],
            &[
                query(SQL),
                copy_in(),
                data(),
                client(b'f', b"no more\0"),
                error("57014"),
                ready(b'I'),
            ],
            &simple("select 2", "SELECT 0", b'I'),
        ],
        "copy t from stdin [] 2
         select ? [1] 0
         copy t to stdout [] 1
         copy t from stdin [] 0, 57014
         select ? [2] 0",
    );
}

/// Parse, Bind, Execute and Sync; the Sync is ignored, for the server reads data by then.
fn begun() -> Vec<Sent> {
    vec![
        parse("", SQL, &[]),
        bind("", "", &[]),
        execute("", 0),
        sync(),
        parsed(),
        bound(),
        copy_in(),
        data(),
    ]
}

#[test]
fn a_sync_within_the_data_is_ignored() {
    check(
        &[
            &begun(),
            &[
                sync(),
                data(),
                done(),
                sync(),
                complete("COPY 2"),
                ready(b'I'),
            ],
            &begun(),
            &[done(), complete("COPY 1"), sync(), ready(b'I')],
            &simple("select 2", "SELECT 0", b'I'),
        ],
        "copy t from stdin [] 2
         copy t from stdin [] 1
         select ? [2] 0",
    );
}

#[test]
fn a_copy_that_fails() {
    check(
        &[
            &begun(),
            &[error("22P04"), data(), done(), sync(), ready(b'I')],
            // The Sync was read after the copy had failed, and is answered like any other.
            &begun(),
            &[sync(), error("22P04"), ready(b'I')],
            &extended("select 2", "SELECT 0", b'I'),
        ],
        "copy t from stdin [] 0, 22P04
         copy t from stdin [] 0, 22P04
         select ? [2] 0",
    );
}

#[test]
fn data_that_is_sent_before_it_is_asked_for() {
    check(
        &[
            &[
                query(SQL),
                data(),
                done(),
                query("select 1"),
                copy_in(),
                complete("COPY 1"),
                ready(b'I'),
                complete("SELECT 0"),
                ready(b'I'),
            ],
            &[
                parse("", SQL, &[]),
                bind("", "", &[]),
                execute("", 0),
                data(),
                done(),
                sync(),
                parsed(),
                bound(),
                copy_in(),
                complete("COPY 1"),
                ready(b'I'),
            ],
            &extended("select 2", "SELECT 0", b'I'),
        ],
        "copy t from stdin [] 1
         select ? [1] 0
         copy t from stdin [] 1
         select ? [2] 0",
    );
}
