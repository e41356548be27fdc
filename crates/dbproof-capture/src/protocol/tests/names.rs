//! Names of statements and cursors, given and taken by the protocol and by SQL.

use super::check;
use super::wire::*;

/// Executes a prepared statement without rows.
fn run(name: &str, value: &str) -> Vec<Sent> {
    vec![
        bind("", name, &[Some(value)]),
        execute("", 0),
        sync(),
        bound(),
        complete("UPDATE 1"),
        ready(b'I'),
    ]
}

#[test]
fn a_name_is_given_once_the_server_says_so() {
    check(
        &[
            &[
                parse("s", "update a set x = $1", &[]),
                sync(),
                // The name is taken: the first statement stays, and the second Bind is of it.
                parse("s", "update b set x = $1", &[]),
                sync(),
                bind("", "s", &[Some("1")]),
                execute("", 0),
                sync(),
                parsed(),
                ready(b'I'),
                error("42P05"),
                ready(b'I'),
                bound(),
                complete("UPDATE 1"),
                ready(b'I'),
            ],
            &[
                close('S', "s"),
                parse("s", "update c set x = $1", &[]),
                sync(),
                closed(),
                parsed(),
                ready(b'I'),
            ],
            &run("s", "2"),
        ],
        "update b set x = ? [-] 0, 42P05
         update a set x = ? [1] 1
         update c set x = ? [2] 1",
    );
}

#[test]
fn the_unnamed_statement_is_forgotten() {
    check(
        &[
            &[
                parse("", "update a set x = $1", &[]),
                sync(),
                parsed(),
                ready(b'I'),
            ],
            &run("", "1"),
            &simple("select 1", "SELECT 0", b'I'),
            &[
                bind("", "", &[Some("2")]),
                sync(),
                error("26000"),
                ready(b'I'),
                parse("", "update a set x = $1", &[]),
                sync(),
                parsed(),
                ready(b'I'),
                parse("", "updat", &[]),
                sync(),
                error("42601"),
                ready(b'I'),
                bind("", "", &[Some("3")]),
                sync(),
                error("26000"),
                ready(b'I'),
            ],
        ],
        "update a set x = ? [1] 1
         select ? [1] 0
         updat [] 0, 42601
         ! 26000
         ! 26000",
    );
}

#[test]
fn prepared_and_executed_by_sql() {
    check(
        &[
            &simple(
                "prepare S (int, text) as update a set x = $1 where y = $2",
                "PREPARE",
                b'I',
            ),
            &simple("execute s(1, 'a'::text)", "UPDATE 3", b'I'),
            &simple("execute s(-2, null)", "UPDATE 3", b'I'),
            &simple("execute s(1 + 1, 'b')", "UPDATE 3", b'I'),
            &[query("execute s('x', 1)"), error("22P02"), ready(b'I')],
            // Both ways name the same things.
            &[
                bind("", "s", &[Some("4"), Some("b")]),
                execute("", 0),
                sync(),
                bound(),
                complete("UPDATE 1"),
                ready(b'I'),
            ],
            &simple("deallocate s", "DEALLOCATE", b'I'),
            &simple("execute s(5, 'a')", "UPDATE 3", b'I'),
        ],
        "prepare s(int, text) as update a set x = ? where y = ? [- -] 0
         update a set x = ? where y = ? [1 a] 3
         update a set x = ? where y = ? [-2 -] 3
         update a set x = ? where y = ? [- b] 3
         update a set x = ? where y = ? [x 1] 0, 22P02
         update a set x = ? where y = ? [4 b] 1
         deallocate s [] 0
         execute s(?, ?) [5 a] 3",
    );
}

#[test]
fn all_names_are_taken_away() {
    for (sql, tag) in [
        ("deallocate all", "DEALLOCATE ALL"),
        ("discard all", "DISCARD ALL"),
    ] {
        let after = format!("{sql} [] 0\n! 26000");
        check(
            &[
                &[
                    parse("s", "update a set x = $1", &[]),
                    sync(),
                    parsed(),
                    ready(b'I'),
                ],
                &simple(sql, tag, b'I'),
                &[
                    bind("", "s", &[Some("2")]),
                    sync(),
                    error("26000"),
                    ready(b'I'),
                ],
            ],
            &after,
        );
    }
}

#[test]
fn a_cursor_is_one_execution() {
    let fetched = |found: &[&str]| {
        let mut sent = vec![query("fetch forward 2 from c"), columns(&[("id", INT4)])];
        sent.extend(found.iter().map(|found| row(&[found])));
        sent.push(complete(&format!("FETCH {}", found.len())));
        sent.push(ready(b'T'));
        sent
    };
    let begin = simple("begin", "BEGIN", b'T');
    let declare = simple(
        "declare c cursor for select id from t where a = 7",
        "DECLARE CURSOR",
        b'T',
    );
    check(
        &[
            &begin,
            &declare,
            &fetched(&["1", "2"]),
            &simple("update b set x = 1", "UPDATE 1", b'T'),
            &fetched(&["3"]),
            &simple("close c", "CLOSE CURSOR", b'T'),
            &declare,
            &fetched(&["4"]),
            &simple("commit", "COMMIT", b'I'),
        ],
        "begin [] 0, t1
         update b set x = ? [1] 1, t1
         select id from t where a = ? [7] 3, t1 -> (id) [1 2 3]
         close c [] 0, t1
         select id from t where a = ? [7] 1, t1 -> (id) [4]
         commit [] 0, t1",
    );
    check(
        &[
            &begin,
            &declare,
            &fetched(&["1"]),
            &[query("fetch 2 from c"), error("57014"), ready(b'E')],
            &[query("fetch 2 from unknown"), error("25P02"), ready(b'E')],
            &simple("rollback", "ROLLBACK", b'I'),
        ],
        "begin [] 0, t1
         select id from t where a = ? [7] 1, t1, 57014 -> (id) [1]
         fetch ? from unknown [2] 0, t1, 25P02
         rollback [] 0, t1",
    );
}

#[test]
fn a_cursor_that_holds_outlives_its_transaction() {
    check(
        &[
            &simple(
                "declare c cursor with hold for select id from t where a = 7",
                "DECLARE CURSOR",
                b'I',
            ),
            &[
                query("fetch all c"),
                columns(&[("id", INT4)]),
                row(&["1"]),
                complete("FETCH 1"),
                ready(b'I'),
            ],
            &simple("select 2", "SELECT 0", b'I'),
            &simple("close all", "CLOSE CURSOR ALL", b'I'),
        ],
        "select ? [2] 0
         select id from t where a = ? [7] 1 -> (id) [1]
         close all [] 0",
    );
}

#[test]
fn a_cursor_with_parameters() {
    check(
        &[
            &simple("begin", "BEGIN", b'T'),
            &[
                parse(
                    "",
                    "/*test='a'*/ declare c cursor for select id from t where a = $1",
                    &[],
                ),
                bind("", "", &[Some("7")]),
                execute("", 0),
                parse("f", "fetch 10 from c", &[]),
                bind("", "f", &[]),
                describe('P', ""),
                execute("", 0),
                sync(),
                parsed(),
                bound(),
                complete("DECLARE CURSOR"),
                parsed(),
                bound(),
                columns(&[("id", INT4)]),
                row(&["1"]),
                complete("FETCH 1"),
                ready(b'T'),
            ],
            &simple("move 1 from c", "MOVE 1", b'T'),
            &simple("commit", "COMMIT", b'I'),
        ],
        "begin [] 0, t1
         select id from t where a = ? [7] 1, t1 -> (id) [1]
         commit [] 0, t1",
    );
}
