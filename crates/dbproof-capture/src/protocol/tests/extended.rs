//! Parse, Bind, Describe, Execute and Sync, and what comes between.

use super::check;
use super::wire::*;

const SQL: &str = "select id from t where a = $1";

fn described() -> Sent {
    columns(&[("id", INT4)])
}

/// A statement is prepared and described, as drivers do once.
fn prepared(name: &str, sql: &str, types: &[u32]) -> Vec<Sent> {
    vec![
        parse(name, sql, &[]),
        describe('S', name),
        sync(),
        parsed(),
        parameters(types),
        described(),
        ready(b'I'),
    ]
}

/// A prepared statement is executed.
fn run(name: &str, value: &str, found: &[&str]) -> Vec<Sent> {
    let mut sent = vec![
        bind("", name, &[Some(value)]),
        execute("", 0),
        sync(),
        bound(),
    ];
    sent.extend(found.iter().map(|found| row(&[found])));
    sent.push(complete(&format!("SELECT {}", found.len())));
    sent.push(ready(b'I'));
    sent
}

#[test]
fn prepared_once_and_executed_often() {
    check(
        &[
            &prepared("s", SQL, &[INT4]),
            &run("s", "7", &["1", "2"]),
            &run("s", "8", &[]),
        ],
        "select id from t where a = ? [7] 2 -> (id) [1 2]
         select id from t where a = ? [8] 0 -> (id) []",
    );
}

#[test]
fn parameters_and_results_in_binary_form() {
    let four = |number: i32| number.to_be_bytes();
    check(
        &[
            &prepared(
                "s",
                "select id from t where a = $1 and b = $2 and c = $3",
                &[INT4, TEXT, BPCHAR],
            ),
            &[
                bind_as(
                    "",
                    "s",
                    &[1, 0, 0],
                    &[Some(&four(7)), None, Some(b"x  ")],
                    &[1],
                ),
                execute("", 0),
                sync(),
                bound(),
                row_of(&[Some(&four(-3))]),
                complete("SELECT 1"),
                ready(b'I'),
                bind_as(
                    "",
                    "s",
                    &[1],
                    &[Some(&four(8)), Some(b"a"), Some(b"b ")],
                    &[0],
                ),
                execute("", 0),
                sync(),
                bound(),
                row(&["4"]),
                complete("SELECT 1"),
                ready(b'I'),
            ],
        ],
        "select id from t where a = ? and b = ? and c = ? [7 - x] 1 -> (id) [-3]
         select id from t where a = ? and b = ? and c = ? [8 a b] 1 -> (id) [4]",
    );
    // The types of Parse, and a binary value of which only the length tells the type.
    check(
        &[&[
            parse("", "select $1, $2", &[INT4, 0]),
            bind_as(
                "",
                "",
                &[1],
                &[Some(&four(7)), Some(&8_i64.to_be_bytes())],
                &[],
            ),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
            complete("SELECT 0"),
            ready(b'I'),
        ]],
        "select ?, ? [7 8] 0",
    );
}

#[test]
fn never_described() {
    check(
        &[&[
            parse("s", SQL, &[]),
            bind("", "s", &[Some("1")]),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
            row(&["5"]),
            row(&["6"]),
            complete("SELECT 2"),
            ready(b'I'),
        ]],
        "select id from t where a = ? [1] 2 -> () []",
    );
}

#[test]
fn many_in_one_pipeline() {
    check(
        &[
            &[
                parse("", "begin", &[]),
                bind("", "", &[]),
                execute("", 0),
                parse("", SQL, &[]),
                bind("p", "", &[Some("1")]),
                describe('P', "p"),
                bind("q", "", &[Some("2")]),
                execute("q", 0),
                execute("p", 0),
                flush(),
                parsed(),
                bound(),
                complete("BEGIN"),
                parsed(),
                bound(),
                described(),
                bound(),
                row(&["20"]),
                complete("SELECT 1"),
                server(b'A', b"asynchronous"),
                row(&["10"]),
                complete("SELECT 1"),
                close('P', "p"),
                sync(),
                closed(),
                ready(b'T'),
            ],
            &extended("commit", "COMMIT", b'I'),
        ],
        "begin [] 0, t1
         select id from t where a = ? [2] 1, t1 -> (id) [20]
         select id from t where a = ? [1] 1, t1 -> (id) [10]
         commit [] 0, t1",
    );
}

#[test]
fn after_an_error_all_is_skipped_up_to_sync() {
    check(
        &[
            &prepared("s", SQL, &[INT4]),
            &[
                bind("", "s", &[Some("1")]),
                execute("", 0),
                bind("", "s", &[Some("x")]),
                execute("", 0),
                bind("", "s", &[Some("3")]),
                execute("", 0),
                bound(),
                row(&["10"]),
                complete("SELECT 1"),
                error("22P02"),
                // Sent before the application knew of the error.
                query("select 'skipped'"),
                bind("", "s", &[Some("4")]),
                sync(),
                bind("", "s", &[Some("5")]),
                execute("", 0),
                sync(),
                ready(b'I'),
                bound(),
                complete("SELECT 0"),
                ready(b'I'),
            ],
        ],
        "select id from t where a = ? [1] 1 -> (id) [10]
         select id from t where a = ? [x] 0, 22P02
         select id from t where a = ? [5] 0 -> (id) []",
    );
}

#[test]
fn errors_of_every_step() {
    check(
        &[&[
            parse("", "selct $1 + 3", &[]),
            bind("", "", &[Some("1")]),
            execute("", 0),
            sync(),
            error("42601"),
            ready(b'I'),
            bind("", "none", &[]),
            sync(),
            error("26000"),
            ready(b'I'),
            parse("", "insert into t values ($1, 2)", &[]),
            bind("", "", &[Some("1")]),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
            error("23505"),
            ready(b'I'),
            parse("", "insert into t values ($1)", &[]),
            bind("", "", &[Some("1")]),
            execute("", 0),
            sync(),
            parsed(),
            bound(),
            complete("INSERT 0 1"),
            // A deferred constraint.
            error("23503"),
            ready(b'I'),
        ]],
        "selct ? + ? [- 3] 0, 42601
         insert into t values (?, ?) [1 2] 0, 23505
         insert into t values (?) [1] 1
         ! 26000
         ! 23503",
    );
}

#[test]
fn a_portal_in_parts_is_one_execution() {
    check(
        &[
            &extended("begin", "BEGIN", b'T'),
            &[
                parse("", SQL, &[]),
                bind("p", "", &[Some("1")]),
                describe('P', "p"),
                execute("p", 2),
                sync(),
                parsed(),
                bound(),
                described(),
                row(&["10"]),
                row(&["11"]),
                suspended(),
                ready(b'T'),
            ],
            &extended("select 5", "SELECT 0", b'T'),
            &[
                execute("p", 2),
                sync(),
                row(&["12"]),
                complete("SELECT 1"),
                ready(b'T'),
                // There is nothing left to be executed.
                execute("p", 2),
                sync(),
                complete("SELECT 0"),
                ready(b'T'),
            ],
            &extended("commit", "COMMIT", b'I'),
        ],
        "begin [] 0, t1
         select ? [5] 0, t1
         select id from t where a = ? [1] 3, t1 -> (id) [10 11 12]
         commit [] 0, t1",
    );
}

#[test]
fn a_portal_that_is_left_is_told_of() {
    let begun = |portal: &str, value: &str| {
        vec![
            parse("", SQL, &[]),
            bind(portal, "", &[Some(value)]),
            describe('P', portal),
            execute(portal, 1),
            flush(),
            parsed(),
            bound(),
            described(),
            row(&["10"]),
            suspended(),
        ]
    };
    check(
        &[
            &begun("p", "1"),
            &[close('P', "p"), closed()],
            &begun("", "2"),
            &begun("", "3"),
            &begun("q", "4"),
            &[sync(), ready(b'I')],
        ],
        "select id from t where a = ? [1] 1 -> (id) [10]
         select id from t where a = ? [2] 1 -> (id) [10]
         select id from t where a = ? [3] 1 -> (id) [10]
         select id from t where a = ? [4] 1 -> (id) [10]",
    );
}

#[test]
fn an_insert_that_returns_in_parts_is_counted_once() {
    check(
        &[&[
            parse("", "insert into t select 1 returning id", &[]),
            bind("", "", &[]),
            describe('P', ""),
            execute("", 1),
            flush(),
            parsed(),
            bound(),
            described(),
            row(&["10"]),
            suspended(),
            execute("", 0),
            sync(),
            row(&["11"]),
            complete("INSERT 0 2"),
            ready(b'I'),
        ]],
        "insert into t select ? returning id [1] 2 -> (id) [10 11]",
    );
}

#[test]
fn a_simple_query_between() {
    check(
        &[
            &prepared("s", SQL, &[INT4]),
            &[
                bind("", "s", &[Some("1")]),
                execute("", 0),
                query("select 9"),
                bound(),
                row(&["3"]),
                complete("SELECT 1"),
                complete("SELECT 0"),
                ready(b'I'),
            ],
            &run("s", "2", &[]),
        ],
        "select id from t where a = ? [1] 1 -> (id) [3]
         select ? [9] 0
         select id from t where a = ? [2] 0 -> (id) []",
    );
}

#[test]
fn what_has_no_answer_is_counted() {
    check(
        &[
            &prepared("s", SQL, &[INT4]),
            &[
                bind("", "s", &[Some("1")]),
                execute("", 0),
                sync(),
                query("select 1"),
            ],
        ],
        "! over with 2 in flight",
    );
}

#[test]
fn a_portal_in_parts_is_finished_with_its_first_part() {
    let times = |conversation: &[&[Sent]]| -> Vec<(u64, u64)> {
        let mut whole = startup();
        whole.extend(conversation.iter().copied().flatten().cloned());
        let executed = super::executed(&whole);
        executed
            .iter()
            .map(|e| (e.sent_us / 10, e.finished_us / 10))
            .collect()
    };
    // The messages of the opening come first.
    let before = u64::try_from(startup().len()).unwrap();
    let begun = vec![
        parse("", SQL, &[]),
        bind("p", "", &[Some("1")]),
        execute("p", 1),
        flush(),
        parsed(),
        bound(),
        row(&["10"]),
        suspended(),
    ];
    let child = simple("select 5", "SELECT 0", b'T');
    let rest = [
        execute("p", 0),
        sync(),
        row(&["11"]),
        complete("SELECT 1"),
        ready(b'I'),
    ];
    assert_eq!(
        times(&[&begun, &child, &rest]),
        [(before + 9, before + 10), (before + 3, before + 8)]
    );
    assert_eq!(
        times(&[
            &begun,
            &[execute("p", 0), error("57014"), sync(), ready(b'I')]
        ]),
        [(before + 3, before + 10)]
    );
}
