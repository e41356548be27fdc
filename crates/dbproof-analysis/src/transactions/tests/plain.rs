//! Transactions as applications send them in production.

use super::super::Collector;
use super::{check, collect, collect_with, shown};

#[test]
fn a_transaction_is_what_lies_between_begin_and_commit() {
    check(
        "begin
         select balance from account where id = 1 for update
         update account set balance = 2 where id = 1
         commit",
        "lock account ×1: select balance from account where id = 1 for update; update account set balance = 2 where id = 1",
    );
}

#[test]
fn what_only_reads_is_none() {
    check(
        "begin isolation level serializable
         select * from account where id = 1
         commit
         select * from account
         begin
         rollback
         set client_encoding to 'utf8'",
        "",
    );
}

/// A migration can hold up whoever reads, so that these are kept where there is one.
#[test]
fn what_only_reads_is_one_where_it_is_asked_for() {
    let script = "begin
         select * from account where id = 1
         select * from bank
         commit
         begin
         select * from account where id = 2
         select * from bank
         commit
         begin
         select * from bank
         select * from bank where id = 2
         commit
         begin
         select * from account where id = 1
         select * from account where id = 2
         commit
         select * from account
         select * from bank";
    let seen = shown(&collect_with(
        script,
        Collector::new().keeping_readers(true),
    ));
    let expected = [
        "read account ×2: select * from account where id = 1; select * from bank",
        "read bank ×1: select * from bank; select * from bank where id = 2",
    ];
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn statements_by_themselves_count_where_they_write_or_lock() {
    check(
        "update account set balance = 0 where bank = 'x' #7
         select 1
         delete from account where id = 1
         select pg_advisory_lock(3)
         delete from account
         truncate account
         create index on account (id)",
        "update account ×1: update account set balance = 0 where bank = 'x'
         delete from account ×1: delete from account where id = 1
         call pg_advisory_lock ×1: select pg_advisory_lock(3)",
    );
}

#[test]
fn the_order_of_keys_makes_another_class() {
    let pay = |a: u32, b: u32| {
        format!(
            "begin\nupdate account set balance = 1 where id = {a}\nupdate account set balance = 2 where id = {b}\ncommit\n"
        )
    };
    let ascending =
        "update account set balance = 1 where id = 1; update account set balance = 2 where id = 2";
    check(
        &(pay(1, 2) + &pay(3, 14) + &pay(6, 5) + &pay(9, 9)),
        &format!(
            "update account ×2: {ascending}
             update account (2) ×1: update account set balance = 1 where id = 6; update account set balance = 2 where id = 5
             update account (3) ×1: update account set balance = 1 where id = 9; update account set balance = 2 where id = 9"
        ),
    );
}

#[test]
fn loops_of_any_length_from_four_rounds_on_are_one_class() {
    let order = |ids: &[u32]| {
        let lines = ids.iter().map(|id| format!("insert into item (order_id, product_id) values (1, {id})\nupdate product set stock = 0 where id = {id}\n"));
        format!("begin\n{}commit\n", lines.collect::<String>())
    };
    let script = order(&[1, 2, 3, 4])
        + &order(&[1, 2, 3, 4, 5, 6])
        + &order(&[1, 3, 2, 4])
        + &order(&[7, 8]);
    let transactions = collect(&script);
    let counts: Vec<_> = transactions
        .classes
        .iter()
        .map(|c| (c.occurrences, c.statements.len()))
        .collect();
    assert_eq!(counts, [(2, 8), (1, 8), (1, 4)]);
}

#[test]
fn rounds_beyond_the_third_do_not_tell_classes_apart() {
    let batch = |ids: &[u32]| {
        let lines = ids
            .iter()
            .map(|id| format!("update product set stock = 0 where id = {id}\n"));
        format!("begin\n{}commit\n", lines.collect::<String>())
    };
    let transactions = collect(&(batch(&[1, 2, 3, 4]) + &batch(&[1, 2, 3, 9, 4])));
    assert_eq!(transactions.classes.len(), 1);
}

#[test]
fn an_isolation_level_is_kept() {
    check(
        "begin isolation level serializable
         update a set b = 1 where id = 1
         commit
         begin
         set transaction isolation level serializable
         update a set b = 1 where id = 1
         commit",
        "update a ×1 BEGIN ISOLATION LEVEL SERIALIZABLE: update a set b = 1 where id = 1
         update a (2) ×1: set transaction isolation level serializable; update a set b = 1 where id = 1",
    );
}

#[test]
fn what_the_application_rolls_back_has_locked_all_the_same() {
    check(
        "begin
         update a set b = 1 where id = 1
         rollback
         begin
         update a set b = 1 where id = 1
         commit
         begin
         update c set b = 1 where id = 1
         update d set b = 1 where id = 1 !40P01
         update e set b = 1 !25P02
         rollback
         begin
         update f set b = 1 where id = 1
         update g set x = 1 !42703
         commit",
        "update a ×2: update a set b = 1 where id = 1
         update c ×1 rolled back: update c set b = 1 where id = 1; update d set b = 1 where id = 1
         update f ×1 rolled back: update f set b = 1 where id = 1; update g set x = 1",
    );
}

#[test]
fn what_failed_before_it_locked_is_none() {
    check(
        "update g set x = 1 !42703\nbegin\nupdate g set x = 1 !42703\nrollback",
        "",
    );
}

#[test]
fn a_savepoint_in_a_committed_transaction_is_a_part_of_it() {
    check(
        "begin
         insert into a values (1)
         savepoint s
         insert into a values (1) !23505
         rollback to s
         release s
         update b set c = 1 where id = 1
         commit",
        "insert into a ×1: insert into a values (1); savepoint s; insert into a values (1); rollback to s; release s; update b set c = 1 where id = 1",
    );
}

#[test]
fn statements_of_one_request_are_one_transaction() {
    check(
        "update a set b = 1 where id = 1 ;; update a set b = 1 where id = 2
         update a set b = 1 where id = 1
         update a set b = 1 where id = 2
         update c set b = 1 where id = 1 ;; update d set b = 1 !23505
         begin ;; update e set f = 1 where id = 1 ;; update e set f = 2 where id = 2 ;; commit",
        "update a ×1: update a set b = 1 where id = 1; update a set b = 1 where id = 2
         update a (2) ×2: update a set b = 1 where id = 1
         update c ×1 rolled back: update c set b = 1 where id = 1; update d set b = 1
         update e ×1: update e set f = 1 where id = 1; update e set f = 2 where id = 2",
    );
}

#[test]
fn tags_name_a_transaction() {
    check(
        "begin
         update a set b = 1 where id = 1 /*route='%2Fpay'*/
         commit
         begin
         update a set b = 1 /*controller='orders',action='create'*/
         commit
         update c set b = 1 /*route='%2Fpay'*/
         update d set b = 1 /*test='t1'*/",
        "/pay ×1: update a set b = 1 where id = 1 /*route='%2Fpay'*/
         orders#create ×1: update a set b = 1 /*controller='orders',action='create'*/
         /pay (2) ×1: update c set b = 1 /*route='%2Fpay'*/
         t1 ×1: update d set b = 1 /*test='t1'*/",
    );
}

#[test]
fn sessions_are_kept_apart_and_counted() {
    let transactions = collect(
        "1| begin
         2| begin
         1| update a set b = 1 where id = 1
         2| update a set b = 1 where id = 2
         2| update a set b = 1 where id = 3
         1| commit
         2| commit
         3| update a set b = 1 where id = 1",
    );
    let seen: Vec<_> = transactions
        .classes
        .iter()
        .map(|c| (c.occurrences, c.sessions, c.statements.len()))
        .collect();
    assert_eq!(seen, [(2, 2, 1), (1, 1, 2)]);
}

#[test]
fn what_the_session_had_set_goes_with_the_transaction() {
    let transactions = collect(
        "set search_path to tenant
         set lock_timeout = '1s'
         reset client_encoding
         begin
         set local lock_timeout = '2s'
         update a set b = 1
         commit
         discard all
         begin
         update a set b = 1
         commit",
    );
    let settings = |at: usize| {
        let settings = transactions.classes[at].settings.iter();
        settings
            .map(|sent| sent.sql.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        settings(0),
        ["set search_path to tenant", "set lock_timeout = '1s'"]
    );
    assert_eq!(transactions.classes[0].statements.len(), 2);
    assert_eq!(transactions.classes.len(), 2);
    assert!(settings(1).is_empty());
}

#[test]
fn a_change_of_the_schema_or_a_clean_up_is_no_transaction_of_the_application() {
    check(
        "begin
         create table a (b int)
         insert into a values (1)
         commit
         begin
         truncate a, b
         delete from c
         select setval('a_id_seq', 1)
         commit
         begin
         delete from cache
         insert into cache values (1)
         commit",
        "insert into cache ×1: delete from cache; insert into cache values (1)",
    );
}

#[test]
fn copied_rows_cannot_be_run_again() {
    check(
        "begin
         update a set b = 1
         copy c from stdin #100
         commit",
        "lost: 1 transaction that copied rows in (COPY … FROM STDIN), which are not kept",
    );
}

#[test]
fn the_end_of_the_capture_ends_what_is_open() {
    check(
        "begin\nupdate a set b = 1",
        "update a ×1 rolled back: update a set b = 1",
    );
}

#[test]
fn of_reads_in_a_row_three_are_kept() {
    let reads = "select * from a where id = 1\n".repeat(9);
    let script = format!("begin\n{reads}update a set b = 1 where id = 1\n{reads}commit");
    assert_eq!(collect(&script).classes[0].statements.len(), 7);
}
