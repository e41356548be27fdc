//! Generated rows in real tables: every type, both formats, any number of threads; and a schema
//! that is the same afterwards as before.

use dbproof_data::{Context, Rows, Specification, generate, load_order};
use dbproof_postgres::copy::{LoadError, Loading, fill, fill_in_transaction};
use dbproof_postgres::{Address, Databases, EphemeralServer, Session, connect};

use crate::server;

fn rows(text: &str, scale: f64) -> Vec<Rows> {
    let tables = Specification::parse("data/test.toml", text).unwrap();
    let mut context = Context::new(42, scale);
    let mut all = Vec::new();
    for table in load_order(&tables).unwrap() {
        let rows = generate(table, &context).unwrap();
        context.add_parent(&rows);
        all.push(rows);
    }
    all
}

fn with_threads(threads: usize) -> Loading<'static> {
    Loading {
        threads,
        progress: &|_| {},
    }
}

/// A database of a run of ours with this schema.
async fn database(server: &EphemeralServer, name: &str, schema: &str) -> Address {
    let databases = Databases::new(server.address(), "l0ad");
    let address = databases.create(name).await.unwrap();
    let session = connect(&address).await.unwrap();
    session.run(schema).await.unwrap();
    session.close().await;
    address
}

async fn text(session: &Session, sql: &str) -> String {
    session.text(sql).await.unwrap().unwrap_or_default()
}

const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('calm', 'wild');
    CREATE DOMAIN price AS numeric(10, 2) CHECK (value >= 0);
    CREATE TABLE every (
        i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision, n numeric, n2 price,
        n0 numeric(12, 0), b boolean, t text, v varchar(20), c char(8), d date, ts timestamp,
        tz timestamptz, u uuid, j json, jb jsonb, m mood, x bytea);
    CREATE TABLE odd (id integer, tags text[], span interval, at time, i4 integer);";

const EVERY: &str = r#"
[table.every]
rows = 9000
[table.every.columns]
i2 = { uniform = { low = -32768, high = 32767 } }
i4 = { uniform = { low = -2147483648, high = 2147483647 } }
i8 = { uniform = { low = -9223372036854775807, high = 9223372036854775807 } }
f4 = { normal = { mean = 0, deviation = 1000 } }
f8 = { normal = { mean = 0, deviation = 1e9 }, null_rate = 0.1 }
n  = { normal = { mean = 0, deviation = 1e-3 } }
n2 = { lognormal = { median = 60, sigma = 3, max = 9999999, decimals = 2 } }
n0 = { uniform = { low = -100000000, high = 100000000 } }
b  = { boolean = 0.3 }
t  = { text = { min = 0, max = 300 } }
v  = { fake = "first_name" }
c  = { text = { length = 5 } }
d  = { time_series = { start = 1940-01-01, end = 2060-01-01, unit = "date" } }
ts = { time_series = { order = "random" } }
tz = { time_series = { start = "1900-01-01", end = "2100-01-01" } }
u  = { template = "3f2504e0-4f89-41d3-9a0c-{row:12}" }
j  = { template = "{{\"row\": {row}}}" }
jb = { template = "{{\"row\": {row}}}" }
m  = { categorical = { calm = 3, wild = 1 } }
x  = { text = { length = 12 } }
"#;

#[tokio::test]
async fn binary_and_text_load_the_same_values_whatever_the_threads() {
    let server = server().await;
    let (mut digests, mut layouts) = (Vec::new(), Vec::new());
    // A type without an encoder sends the whole table as text.
    let with_array = format!("{TYPES} ALTER TABLE every ADD COLUMN tags text[]");
    let as_text = format!("{EVERY}tags = {{ constant = \"{{}}\" }}\n");
    let cases = [
        ("one", TYPES, EVERY, 1),
        ("three", TYPES, EVERY, 3),
        ("text", with_array.as_str(), as_text.as_str(), 2),
    ];
    for (name, schema, data, threads) in cases {
        let address = database(&server, name, schema).await;
        let tables = rows(data, 1.0);
        let filled = fill(&address, &tables, with_threads(threads))
            .await
            .unwrap();
        assert_eq!((filled[0].table.as_str(), filled[0].rows), ("every", 9000));
        let session = connect(&address).await.unwrap();
        let columns = "i2 i4 i8 f4 f8 n n2 n0 b t v c d ts tz u j jb m x";
        let mut of_columns = Vec::new();
        for column in columns.split(' ') {
            let sql = format!(
                "SELECT '{column} ' || md5(string_agg(coalesce({column}::text, '-'), '|' ORDER BY u))
                 FROM every"
            );
            of_columns.push(text(&session, &sql).await);
        }
        digests.push(of_columns);
        let order = "SELECT md5(string_agg(concat(ctid, ' ', u), '|' ORDER BY ctid)) FROM every";
        layouts.push(text(&session, order).await);
        session.close().await;
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
    assert_eq!(layouts[0], layouts[1], "every row is in the same place");
}

#[tokio::test]
async fn a_value_that_only_the_server_can_judge_goes_as_text() {
    let server = server().await;
    let data = r#"
[table.odd]
rows = 5000
[table.odd.columns]
id = { sequence = { start = 1 } }
i4 = { case = { of = "id", when = { 4001 = { constant = " 17 " } }, otherwise = { constant = 4 } } }
"#;
    let address = database(&server, "odd", TYPES).await;
    fill(&address, &rows(data, 1.0), with_threads(2))
        .await
        .unwrap();
    let session = connect(&address).await.unwrap();
    let sql = "SELECT concat_ws(' ', count(*), sum(i4), max(i4)) FROM odd";
    assert_eq!(text(&session, sql).await, "5000 20013 17");
    let refused = data.replace(" 17 ", "17 or so");
    let error = fill(&address, &rows(&refused, 1.0), with_threads(2))
        .await
        .unwrap_err();
    let LoadError::Table { table, error } = error else {
        panic!("{error}")
    };
    assert_eq!(table, "odd");
    assert_eq!(error.server_error().unwrap().sqlstate, "22P02");
}

const SCHEMA: &str = "
    CREATE SCHEMA side;
    CREATE TABLE users (id bigserial PRIMARY KEY, email text UNIQUE, name text);
    CREATE TABLE side.\"Orders\" (
        id integer GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY,
        user_id bigint CONSTRAINT \"of whom\" REFERENCES users ON DELETE CASCADE DEFERRABLE,
        total numeric CHECK (total > 0), note text);
    CREATE INDEX \"by User\" ON side.\"Orders\" (user_id DESC, total) INCLUDE (note) WHERE total > 5;
    CREATE UNIQUE INDEX plain_unique ON users (lower(email)) WITH (fillfactor = 70);
    CREATE INDEX by_name ON users USING hash (name);
    CREATE INDEX sampled ON users ((lower(name)));
    ALTER INDEX sampled ALTER COLUMN 1 SET STATISTICS 500;
    COMMENT ON INDEX side.\"by User\" IS 'it''s the hot one';
    COMMENT ON CONSTRAINT users_pkey ON users IS 'the key';
    COMMENT ON INDEX users_pkey IS 'its index';
    CREATE VIEW grouped AS SELECT id, email FROM users GROUP BY id;
    CREATE TABLE deferred (id integer, code text UNIQUE DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT \"two of them\" PRIMARY KEY (id, code) INCLUDE (extra), extra integer);
    COMMENT ON CONSTRAINT \"two of them\" ON deferred IS 'a pair';
    COMMENT ON CONSTRAINT \"of whom\" ON side.\"Orders\" IS 'whose it is';
    CREATE TABLE clustered (id integer, k integer REFERENCES users (id));
    CREATE INDEX clustered_k ON clustered (k);
    ALTER TABLE clustered CLUSTER ON clustered_k;";

const ORDERS: &str = r#"
[table.users]
rows = 100
[table.users.columns]
id = { sequence = { start = 1 } }
email = { fake = "email", unique = true }
name = { fake = "name" }
[table."side.Orders"]
rows = 3000
[table."side.Orders".columns]
id = { sequence = { start = 5, step = 2 } }
user_id = { reference = { table = "users" } }
total = { uniform = { low = 1, high = 9 } }
[table.deferred]
rows = 50
[table.deferred.columns]
id = { sequence = { start = 1 } }
code = { template = "c{row}" }
[table.clustered]
rows = 50
[table.clustered.columns]
id = { sequence = { start = 1 } }
k = { reference = { table = "users" } }
"#;

/// Everything about indexes and constraints but their oids.
const DESCRIPTION: &str = "
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
      SELECT concat_ws(' ', 'constraint', conname, conrelid::regclass, pg_get_constraintdef(oid),
                       convalidated, obj_description(oid, 'pg_constraint')) AS line
      FROM pg_constraint WHERE contype <> 'n'
      UNION ALL
      SELECT concat_ws(' ', 'index', indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid,
                       indisclustered, obj_description(indexrelid, 'pg_class'))
      FROM pg_index WHERE indrelid >= 16384
      UNION ALL
      SELECT concat_ws(' ', 'statistics', attrelid::regclass, attstattarget)
      FROM pg_attribute WHERE attstattarget > 0) lines";

#[tokio::test]
async fn the_schema_is_the_same_afterwards_and_sequences_are_ahead() {
    let server = server().await;
    // Once with every key dropped, and once with one that stays because it is not valid.
    let kept = format!(
        "{SCHEMA} ALTER TABLE clustered ADD CONSTRAINT later
        FOREIGN KEY (id) REFERENCES users NOT VALID;"
    );
    for (name, schema) in [("dropped", SCHEMA), ("kept", kept.as_str())] {
        let address = database(&server, name, schema).await;
        let session = connect(&address).await.unwrap();
        let before = text(&session, DESCRIPTION).await;
        assert!(
            before.contains("it's the hot one") && before.contains("whose it is"),
            "{before}"
        );
        fill(&address, &rows(ORDERS, 1.0), with_threads(2))
            .await
            .unwrap();
        assert_eq!(text(&session, DESCRIPTION).await, before);
        let next =
            "SELECT concat_ws(' ', nextval('users_id_seq'), nextval('side.\"Orders_id_seq\"'))";
        assert_eq!(text(&session, next).await, "101 6004");
        let order = "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid)
                     FROM pg_index WHERE indrelid = 'users'::regclass AND NOT indisprimary
                       AND indexrelid::regclass::text IN ('plain_unique', 'by_name')";
        assert_eq!(text(&session, order).await, "plain_unique by_name");
        session.close().await;
    }
}

#[tokio::test]
async fn rows_that_break_a_key_are_told_by_their_table() {
    let server = server().await;
    let broken = ORDERS.replace(
        "{ reference = { table = \"users\" } }",
        "{ constant = 999 }",
    );
    let address = database(&server, "broken", SCHEMA).await;
    let error = fill(&address, &rows(&broken, 1.0), with_threads(2))
        .await
        .unwrap_err();
    let LoadError::Table { table, error } = error else {
        panic!("{error}")
    };
    assert_eq!(table, "side.Orders");
    assert_eq!(error.server_error().unwrap().sqlstate, "23503");
}

#[tokio::test]
async fn in_place_it_is_everything_or_nothing() {
    let server = server().await;
    let address = database(&server, "place", SCHEMA).await;
    let session = connect(&address).await.unwrap();
    let count = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM side.\"Orders\")";
    let broken = ORDERS.replace("low = 1, high = 9", "low = 0, high = 9");
    fill_in_transaction(&session, &rows(&broken, 1.0), with_threads(2))
        .await
        .unwrap_err();
    assert_eq!(text(&session, count).await, "0");
    session
        .run("INSERT INTO clustered VALUES (7, NULL)")
        .await
        .unwrap();
    let error = fill_in_transaction(&session, &rows(ORDERS, 1.0), with_threads(2))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "there are rows already in clustered");
    session.run("TRUNCATE clustered").await.unwrap();
    fill_in_transaction(&session, &rows(ORDERS, 1.0), with_threads(3))
        .await
        .unwrap();
    assert_eq!(text(&session, count).await, "3100");
    assert_eq!(
        text(&session, "SELECT nextval('users_id_seq')").await,
        "101"
    );
}

#[tokio::test]
async fn a_large_table_is_shared_between_connections() {
    let server = server().await;
    let schema = "CREATE TABLE big (id integer PRIMARY KEY, half integer)";
    let data = "[table.big]\nrows = 1100000\n[table.big.columns]\nid = { sequence = { start = 1 } }\n\
                half = { correlated = { with = \"id\", factor = 0.5, decimals = 0 } }\n";
    let address = database(&server, "big", schema).await;
    let filled = fill(&address, &rows(data, 1.0), with_threads(3))
        .await
        .unwrap();
    assert_eq!(filled[0].rows, 1_100_000);
    let session = connect(&address).await.unwrap();
    let sum = "SELECT concat_ws(' ', count(DISTINCT id), max(id), abs(sum(half) - 302500275000) < 2e6) FROM big";
    assert_eq!(text(&session, sum).await, "1100000 1100000 t");
    session.run("ANALYZE big").await.unwrap();
    let order =
        "SELECT correlation > 0.99 FROM pg_stats WHERE tablename = 'big' AND attname = 'id'";
    assert_eq!(text(&session, order).await, "t");
}
