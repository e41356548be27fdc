//! Transactions as test frameworks and drivers wrap them.

use super::check;

const TRANSFER: &str = "select 1 from account where id = 1 for update; update account set b = 1 where id = 1; update account set b = 2 where id = 2";

#[test]
fn django_testcase() {
    // The class, the test, the request; django.test.TestCase, and pytest-django's `db`.
    check(
        "begin
         insert into account values (1) #1
         savepoint \"s140_x1\"
         insert into account values (2)
         savepoint \"s140_x2\"
         select 1 from account where id = 1 for update
         update account set b = 1 where id = 1
         update account set b = 2 where id = 2
         release savepoint \"s140_x2\"
         select * from account
         rollback to savepoint \"s140_x1\"
         release savepoint \"s140_x1\"
         savepoint \"s140_x3\"
         update account set b = 5 where id = 2
         update account set b = 5 where id = 1
         rollback to savepoint \"s140_x3\"
         release savepoint \"s140_x3\"
         rollback",
        &format!(
            "insert into account ×2: insert into account values (1)
             lock account ×1 in test: {TRANSFER}
             update account ×2: update account set b = 5 where id = 2"
        ),
    );
}

#[test]
fn django_without_any_transaction_of_its_own() {
    check(
        "begin
         savepoint s1
         update account set b = 1 where id = 1
         update account set b = 1 where id = 2
         rollback to s1
         release s1
         rollback",
        "update account ×2: update account set b = 1 where id = 1",
    );
}

#[test]
fn django_request_that_fails() {
    // The request's own savepoint is rolled back, and is a transaction.
    check(
        "begin
         savepoint s1
         savepoint s2
         update account set b = 1 where id = 1
         update account set b = -1 where id = 2 !23514
         rollback to s2
         release s2
         rollback to s1
         release s1
         savepoint s3
         savepoint s4
         update account set b = 1 where id = 1
         release s4
         rollback to s3
         release s3
         rollback",
        "update account ×1 rolled back: update account set b = 1 where id = 1; update account set b = -1 where id = 2
         update account (2) ×1 in test: update account set b = 1 where id = 1",
    );
}

#[test]
fn django_atomic_in_atomic() {
    check(
        "begin
         savepoint s1
         savepoint s2
         update a set b = 1
         savepoint s3
         update c set b = 1
         release s3
         release s2
         savepoint s4
         update d set b = 1
         savepoint s5
         update e set b = 1 !23505
         rollback to s5
         release s5
         release s4
         rollback to s1
         rollback",
        "update a ×1 in test: update a set b = 1; savepoint s3; update c set b = 1; release s3
         update d ×1 in test: update d set b = 1; savepoint s5; update e set b = 1; rollback to s5; release s5",
    );
}

#[test]
fn rails_transactional_tests() {
    check(
        "BEGIN
         SAVEPOINT active_record_1
         INSERT INTO users (name) VALUES ('a')
         RELEASE SAVEPOINT active_record_1
         SAVEPOINT active_record_1
         UPDATE account SET b = 1 WHERE id = 1 /*controller='transfers',action='create'*/
         UPDATE account SET b = 2 WHERE id = 2 /*controller='transfers',action='create'*/
         RELEASE SAVEPOINT active_record_1
         ROLLBACK
         BEGIN
         UPDATE account SET seen = 1 WHERE id = 2
         UPDATE account SET seen = 1 WHERE id = 1
         ROLLBACK
         BEGIN
         SAVEPOINT active_record_1
         UPDATE account SET b = 1 WHERE id = 1
         UPDATE log SET b = 1 WHERE id = 1
         ROLLBACK TO SAVEPOINT active_record_1
         ROLLBACK",
        "insert into users ×1 in test: INSERT INTO users (name) VALUES ('a')
         transfers#create ×1 in test: UPDATE account SET b = 1 WHERE id = 1 /*controller='transfers',action='create'*/; UPDATE account SET b = 2 WHERE id = 2 /*controller='transfers',action='create'*/
         update account ×2: UPDATE account SET seen = 1 WHERE id = 2
         update account (2) ×1 rolled back: UPDATE account SET b = 1 WHERE id = 1; UPDATE log SET b = 1 WHERE id = 1",
    );
}

#[test]
fn sqlalchemy_create_savepoint() {
    check(
        "BEGIN (implicit) !42601
         BEGIN
         SAVEPOINT sa_savepoint_1
         UPDATE account SET b = 1 WHERE id = 1
         UPDATE account SET b = 2 WHERE id = 2
         RELEASE SAVEPOINT sa_savepoint_1
         SAVEPOINT sa_savepoint_2
         SELECT * FROM account
         ROLLBACK TO SAVEPOINT sa_savepoint_2
         ROLLBACK",
        "update account ×1 in test: UPDATE account SET b = 1 WHERE id = 1; UPDATE account SET b = 2 WHERE id = 2",
    );
}

#[test]
fn asyncpg_transactions() {
    check(
        "BEGIN;
         SAVEPOINT __asyncpg_savepoint_1__;
         UPDATE account SET b = 1 WHERE id = 1
         UPDATE account SET b = 2 WHERE id = 2
         RELEASE SAVEPOINT __asyncpg_savepoint_1__;
         ROLLBACK;
         BEGIN ISOLATION LEVEL REPEATABLE READ;
         UPDATE account SET b = 1 WHERE id = 1
         COMMIT;
         UPDATE account SET b = 3 WHERE id = 7 ;; UPDATE account SET b = 3 WHERE id = 6",
        "update account ×1 in test: UPDATE account SET b = 1 WHERE id = 1; UPDATE account SET b = 2 WHERE id = 2
         update account (2) ×1 BEGIN ISOLATION LEVEL REPEATABLE READ: UPDATE account SET b = 1 WHERE id = 1
         update account (3) ×1: UPDATE account SET b = 3 WHERE id = 7; UPDATE account SET b = 3 WHERE id = 6",
    );
}

#[test]
fn psycopg_rolls_back_and_releases_at_once() {
    check(
        "BEGIN
         SAVEPOINT \"_pg3_1\"
         UPDATE account SET b = 1 WHERE id = 1
         ROLLBACK TO \"_pg3_1\" ;; RELEASE \"_pg3_1\"
         SAVEPOINT \"_pg3_1\"
         UPDATE account SET b = 2 WHERE id = 2
         RELEASE \"_pg3_1\"
         ROLLBACK",
        "update account ×2 in test: UPDATE account SET b = 2 WHERE id = 2",
    );
}

#[test]
fn prisma_and_knex() {
    check(
        "BEGIN
         UPDATE \"public\".\"Account\" SET \"balance\" = 1 WHERE (\"public\".\"Account\".\"id\" = 1)
         UPDATE \"public\".\"Account\" SET \"balance\" = 2 WHERE (\"public\".\"Account\".\"id\" = 2)
         COMMIT
         BEGIN;
         update \"account\" set \"b\" = 1 where \"id\" = 1
         SAVEPOINT trx2;
         update \"account\" set \"b\" = 1 where \"id\" = 2
         RELEASE trx2;
         COMMIT;",
        "update Account ×1: UPDATE \"public\".\"Account\" SET \"balance\" = 1 WHERE (\"public\".\"Account\".\"id\" = 1); UPDATE \"public\".\"Account\" SET \"balance\" = 2 WHERE (\"public\".\"Account\".\"id\" = 2)
         update account ×1: update \"account\" set \"b\" = 1 where \"id\" = 1; SAVEPOINT trx2;; update \"account\" set \"b\" = 1 where \"id\" = 2; RELEASE trx2;",
    );
}

#[test]
fn drivers_savepoints_bound_nothing() {
    check(
        "BEGIN
         SAVEPOINT PGJDBC_AUTOSAVE
         UPDATE account SET b = 1 WHERE id = 1
         RELEASE SAVEPOINT PGJDBC_AUTOSAVE
         SAVEPOINT PGJDBC_AUTOSAVE
         UPDATE account SET b = 2 WHERE id = 2
         RELEASE SAVEPOINT PGJDBC_AUTOSAVE
         ROLLBACK",
        "update account ×1 rolled back: SAVEPOINT PGJDBC_AUTOSAVE; UPDATE account SET b = 1 WHERE id = 1; RELEASE SAVEPOINT PGJDBC_AUTOSAVE; SAVEPOINT PGJDBC_AUTOSAVE; UPDATE account SET b = 2 WHERE id = 2; RELEASE SAVEPOINT PGJDBC_AUTOSAVE",
    );
}
