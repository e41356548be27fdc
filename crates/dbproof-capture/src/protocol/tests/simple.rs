//! Simple queries.

use super::check;
use super::wire::*;

#[test]
fn one_statement() {
    check(
        &[&[
            query("select id from t where a = 7;"),
            columns(&[("id", INT4), ("name", TEXT)]),
            row(&["1", "a"]),
            row_of(&[Some(b"2"), None]),
            complete("SELECT 2"),
            ready(b'I'),
        ]],
        "select id from t where a = ? [7] 2 -> (id name) [1 a 2 -]",
    );
    check(
        &[&simple("update t set a = 1", "UPDATE 12", b'I')],
        "update t set a = ? [1] 12",
    );
    check(&[&[query(""), server(b'I', b""), ready(b'I')]], "");
}

#[test]
fn several_statements_have_a_result_each() {
    check(
        &[&[
            query("select 1; insert into t values (2) /* x;y */; select 'a;b', 3"),
            columns(&[("c", INT4)]),
            row(&["1"]),
            complete("SELECT 1"),
            notice(),
            complete("INSERT 0 1"),
            columns(&[("c", TEXT), ("d", INT4)]),
            row(&["a;b", "3"]),
            complete("SELECT 1"),
            ready(b'I'),
        ]],
        "select ? [1] 1 -> (c) [1]
         insert into t values (?) [2] 1
         select ?, ? [? 3] 1 -> (c d) [? 3]",
    );
}

#[test]
fn an_error_ends_the_query() {
    check(
        &[
            &[
                query("select 1; select * from none where a = 3; select 2"),
                columns(&[("c", INT4)]),
                row(&["1"]),
                complete("SELECT 1"),
                error("42P01"),
                ready(b'I'),
            ],
            &simple("select 5", "SELECT 0", b'I'),
        ],
        "select ? [1] 1 -> (c) [1]
         select * from none where a = ? [3] 0, 42P01
         select ? [5] 0",
    );
    // In the midst of its rows.
    check(
        &[&[
            query("select 1 / a from t"),
            columns(&[("c", INT4)]),
            row(&["1"]),
            error("22012"),
            ready(b'I'),
        ]],
        "select ? / a from t [1] 1, 22012 -> (c) [1]",
    );
}

#[test]
fn transactions_are_numbered() {
    check(
        &[
            &simple("begin", "BEGIN", b'T'),
            &simple("select 1", "SELECT 0", b'T'),
            &[query("select 2"), error("42P01"), ready(b'E')],
            &simple("rollback", "ROLLBACK", b'I'),
            &simple("select 3", "SELECT 0", b'I'),
            &simple("start transaction", "START TRANSACTION", b'T'),
            &simple("rollback to s", "ROLLBACK", b'T'),
            &simple("commit and chain", "COMMIT", b'T'),
            &simple("select 4", "SELECT 0", b'T'),
            &simple("commit", "COMMIT", b'I'),
            &simple("select 5", "SELECT 0", b'I'),
        ],
        "begin [] 0, t1
         select ? [1] 0, t1
         select ? [2] 0, t1, 42P01
         rollback [] 0, t1
         select ? [3] 0
         start transaction [] 0, t2
         rollback to s [] 0, t2
         commit and chain [] 0, t2
         select ? [4] 0, t3
         commit [] 0, t3
         select ? [5] 0",
    );
}

#[test]
fn a_transaction_within_one_query_is_one() {
    check(
        &[&[
            query("select 1; begin; select 2; commit; select 3; select 4"),
            complete("SELECT 0"),
            complete("BEGIN"),
            complete("SELECT 0"),
            complete("COMMIT"),
            complete("SELECT 0"),
            complete("SELECT 0"),
            ready(b'I'),
        ]],
        "select ? [1] 0
         begin [] 0, t1
         select ? [2] 0, t1
         commit [] 0, t1
         select ? [3] 0
         select ? [4] 0",
    );
}

#[test]
fn a_transaction_left_idle_is_told() {
    check(
        &[
            &simple("begin; select 1", "BEGIN", b'T')[..2],
            &[complete("SELECT 0"), ready(b'T'), Sent::Later(999)],
            &simple("commit", "COMMIT", b'I'),
            &[Sent::Later(5_000)],
            &simple("begin", "BEGIN", b'T'),
            &[Sent::Later(10)],
            &simple("commit", "COMMIT", b'I'),
        ],
        "begin [] 0, t1
         select ? [1] 0, t1
         commit [] 0, t1
         begin [] 0, t2
         commit [] 0, t2
         ! t1 idle for 1019 after select ?",
    );
}

#[test]
fn calls_of_functions_are_no_statements() {
    check(
        &[
            &[
                client(b'F', b"anything"),
                server(b'V', b"anything"),
                ready(b'I'),
            ],
            &[client(b'F', b"anything"), error("42883"), ready(b'I')],
            &simple("select 1", "SELECT 0", b'I'),
        ],
        "select ? [1] 0
         ! 42883",
    );
}

#[test]
fn a_text_that_is_no_utf_8_is_read() {
    check(
        &[&[
            client(b'Q', b"select '\xe4' as x where a = 3\0"),
            complete("SELECT 0"),
            ready(b'I'),
        ]],
        "select ? as x where a = ? [? 3] 0",
    );
}

#[test]
fn results_that_match_no_statement_are_counted() {
    check(
        &[&[
            query("select 1"),
            complete("SELECT 0"),
            complete("SELECT 0"),
            ready(b'I'),
            query("select 1; select 2"),
            complete("SELECT 0"),
            ready(b'I'),
        ]],
        "select ? [1] 0
         select ? [1] 0
         ! 2 unassigned",
    );
}
