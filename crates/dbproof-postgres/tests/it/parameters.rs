//! Parameters in binary form mean what their text means, on a real server.

use std::collections::BTreeMap;

use dbproof_postgres::{MeasuringConnection, PostgresError, Session, connect};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use crate::server;

/// Types, with values that have an encoder here and values that are left to the server.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CASES: &[Case] = &[
    (
        "bool",
        &["t", "true", "on", "1", "f", "no", "0"],
        &["TRUE", " t", "tru"],
    ),
    (
        "int2",
        &["0", "-32768", "32767", "+7", "007"],
        &[" 1", "1 "],
    ),
    ("int4", &["0", "-2147483648", "2147483647"], &[" 1"]),
    (
        "int8",
        &["-9223372036854775808", "9223372036854775807"],
        &["\t1"],
    ),
    ("oid", &["0", "4294967295"], &["-1"]),
    (
        "float4",
        &[
            "0",
            "-0",
            "0.1",
            "1e38",
            "-1.5e-45",
            "3.4028235e38",
            "16777217",
            "NaN",
            "Infinity",
        ],
        &["inf", "nan", " 1"],
    ),
    (
        "float8",
        &[
            "0.1",
            "-0",
            "5.",
            ".5",
            "1e308",
            "4.9e-324",
            "2.2250738585072011e-308",
            "NaN",
            "Infinity",
            "-Infinity",
            "123456789012345678901234567890",
        ],
        &["inf", "infinity", "-inf"],
    ),
    (
        "numeric",
        &[
            "0",
            "-0",
            "-0.00",
            "1",
            "10000",
            "-12.50",
            "0.0001",
            "5.",
            "00012.340",
            "99999999999999999999999999999999999999",
            "0.00000000000000000000000000000000000001",
            "NaN",
            "Infinity",
            "-Infinity",
        ],
        &[
            "1e10",
            "-1.5E-3",
            ".5",
            "+5",
            "nan",
            "123456789012345678901234567890123456789012345678901234567890.5",
        ],
    ),
    (
        "text",
        &["", " a b ", "käse ☃ 𝄞", "NULL", "'\"\\", "a\nb"],
        &[],
    ),
    ("varchar", &["", "abc "], &[]),
    ("bpchar", &["", "abc  "], &[]),
    (
        "name",
        &["", "pg_class"],
        &[
            "ä",
            "a123456789b123456789c123456789d123456789e123456789f123456789g123456789",
        ],
    ),
    ("citext", &["Abc", ""], &[]),
    (
        "bytea",
        &["", "abc", "\\x", "\\x00ff7F", "it's"],
        &["\\\\", "\\000\\377", "ä", "\\x 00"],
    ),
    (
        "uuid",
        &[
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        ],
        &[
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        ],
    ),
    (
        "date",
        &[
            "2000-01-01",
            "1999-12-31",
            "2024-02-29",
            "1900-02-28",
            "0001-01-01",
            "0001-12-31 BC",
            "0044-03-15 BC",
            "4700-01-01 BC",
            "10000-01-01",
            "294000-12-31",
            "infinity",
            "-infinity",
        ],
        &[
            "5874897-12-31",
            "4713-01-01 BC",
            "Jan 8, 1999",
            "2024-1-2",
            "20240102",
            "today",
            "epoch",
            "2024-01-02 10:00:00",
            "01/02/2024",
            "Infinity",
        ],
    ),
    (
        "time",
        &[
            "00:00:00",
            "23:59:59.999999",
            "24:00:00",
            "12:34",
            "12:34:56.5",
        ],
        &[
            "23:59:60",
            "12:34:56.1234567",
            "1:02:03",
            "04:05 PM",
            "allballs",
        ],
    ),
    (
        "timetz",
        &[
            "12:34:56+02",
            "00:00:00.000001-05:30",
            "24:00:00+15:59:59",
            "12:34-00:00:01",
        ],
        &["12:34:56", "12:34:56Z", "12:34:56 UTC", "12:34:56+0230"],
    ),
    (
        "timestamp",
        &[
            "2000-01-01 00:00:00",
            "1999-12-31 23:59:59.999999",
            "2024-02-29T12:34:56.7",
            "0044-03-15 10:00:00 BC",
            "294000-01-01 00:00:00",
            "infinity",
            "-infinity",
        ],
        &[
            "2016-12-31 23:59:60",
            "2024-01-01 24:00:00",
            "2024-01-01",
            "2024-01-01 10:00:00+02",
            "epoch",
            "294276-12-31 23:59:59.999999",
            "4713-01-01 00:00:00 BC",
            "2024-01-01 00:00:00.1234567",
        ],
    ),
    (
        "timestamptz",
        &[
            "2024-06-01 12:00:00+00",
            "2024-06-01T12:00:00.25-07",
            "2024-06-01 00:00:00+05:30",
            "1890-01-01 00:00:00+00:53:28",
            "0044-03-15 10:00:00+00 BC",
            "1999-12-31 23:59:59-15:59",
            "infinity",
            "-infinity",
        ],
        &[
            "2024-06-01 12:00:00",
            "2024-06-01 12:00:00Z",
            "2024-06-01 12:00:00 Europe/Berlin",
            "2024-03-31 02:30:00",
            "2016-12-31 23:59:60+00",
            "2024-06-01 12:00:00+0200",
        ],
    ),
    (
        "interval",
        &[
            "1 day",
            "-1 day",
            "1 year 2 mons -3 days +04:05:06.789",
            "00:00:00",
            "-00:00:01",
            "36:00:00",
            "3 weeks 2 hours",
            "-1 year -2 mons",
            "-1 day +02:00:00",
            "90 minutes",
            "5 seconds",
            "999999:59:59.999999",
        ],
        &[
            "-1 day 02:00:00",
            "-1 year 2 mons",
            "1.5 days",
            "1 day ago",
            "P1Y2M",
            "@ 1 minute",
            "1 day 1 hour 00:01:00.5 ago",
            "1-2",
            "12345678 days",
            "1:02:03.4567891",
            "04:05",
        ],
    ),
    (
        "json",
        &["{\"a\": [1, null, \"x\"]}", "  1  ", "\"☃\""],
        &[],
    ),
    (
        "jsonb",
        &["{\"b\":1,\"a\":[1.50,null,\"x\"]}", "  1  ", "\"\\u00e4\""],
        &[],
    ),
    (
        "inet",
        &[
            "192.168.0.1",
            "192.168.0.1/24",
            "0.0.0.0/0",
            "::1",
            "2001:db8::/32",
            "::ffff:1.2.3.4",
        ],
        &["192.168.0.1/024"],
    ),
    (
        "cidr",
        &[
            "192.168.0.0/24",
            "0.0.0.0/0",
            "2001:db8::/32",
            "10.1.2.3/32",
            "::/0",
            "::1/128",
        ],
        &["192.168.0.0", "10", "10.1", "128.1"],
    ),
    (
        "int4[]",
        &[
            "{}",
            "{1}",
            "{1,NULL,-3}",
            "{{1,2},{3,null}}",
            "{{{1}},{{2}}}",
            "{1, 2, 3}",
            "{NULL}",
        ],
        &["[2:3]={1,2}", "{1 ,2}", " {1}"],
    ),
    (
        "text[]",
        &[
            "{}",
            "{a,NULL,\"NULL\",\"\",\"a,b\",\"it's\",\"q\\\"\\\\\"}",
            "{{a,b},{\"{c}\",d}}",
            "{☃,\" a \"}",
        ],
        &["{a b}", "{a\\,b}", "{ a , b }"],
    ),
    ("bool[]", &["{t,f,NULL}"], &["{T}"]),
    ("numeric[]", &["{-1.50,NaN,0}", "{}"], &["{1e3}"]),
    (
        "date[]",
        &["{2024-02-29,infinity,\"0044-03-15 BC\"}"],
        &["{today}"],
    ),
    (
        "timestamptz[]",
        &["{\"2024-06-01 12:00:00+02\",NULL}"],
        &["{\"2024-06-01 12:00:00\"}"],
    ),
    (
        "interval[]",
        &["{\"1 day 02:00:00\",-00:00:01}"],
        &["{\"1 day ago\"}"],
    ),
    ("bytea[]", &["{\"\\\\x00ff\",abc}"], &[]),
    ("uuid[]", &["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"], &[]),
    ("inet[]", &["{10.0.0.1,::1/64}"], &[]),
    ("jsonb[]", &["{\"{\\\"a\\\": 1}\",\"null\"}"], &[]),
    ("mood", &["ok", "it's, fine"], &[]),
    ("mood[]", &["{ok,\"it's, fine\",NULL}", "{}"], &[]),
    ("positive", &["3"], &[" 3"]),
    ("positive[]", &["{3,4}"], &[]),
    ("triple", &["{1,2,3}"], &[]),
    ("citext[]", &["{Abc,NULL}"], &[]),
    ("int4range", &[], &["[1,5)", "empty"]),
    ("point", &[], &["(1,2)"]),
    ("macaddr", &[], &["08:00:2b:01:02:03"]),
    ("int2vector", &[], &["1 2 3"]),
];

const TYPES: &str = "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('ok', 'it''s, fine');
     CREATE DOMAIN positive AS int CHECK (value > 0);
     CREATE DOMAIN triple AS int[] CHECK (cardinality(value) = 3)";

/// Settings under which the server reads dates, zones and intervals in other ways.
const SETTINGS: [&str; 3] = [
    "SET timezone = 'UTC'",
    "SET datestyle = 'SQL, DMY'; SET timezone = 'Europe/Berlin'; SET intervalstyle = 'sql_standard'",
    "SET datestyle = 'German'; SET timezone = 'Australia/Adelaide'; SET intervalstyle = 'iso_8601';
     SET array_nulls = off",
];

/// Compares the server's reading of a parameter with its reading of the same text as a literal.
struct Comparison {
    session: Session,
    connection: MeasuringConnection,
}

/// How the server answers a value: its own text for it, or the code of its error.
type Answer = Result<Option<String>, String>;

impl Comparison {
    async fn literal(&self, kind: &str, text: &str) -> Answer {
        let quoted = format!("'{}'", text.replace('\'', "''"));
        let sql = format!("SELECT ({quoted}::{kind})::text");
        match self.session.text(&sql).await {
            Ok(text) => Ok(text),
            Err(PostgresError::Server(error)) => Err(error.sqlstate),
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether the parameter is sent in binary, and whether the server reads what is expected.
    fn parameter(&mut self, kind: &str, text: &str, expected: &Answer) -> (bool, Answer) {
        let sql = format!("SELECT WHERE ($1::{kind})::text IS NOT DISTINCT FROM $2::text");
        let statement = self.connection.prepare(&sql).unwrap();
        let expectation = expected.clone().ok().flatten();
        let values = [Some(text.to_owned()), expectation.clone()];
        let request = self.connection.encode(&statement, &values).unwrap();
        let answer = match self.connection.execute(&request) {
            Ok(1) => Ok(expectation),
            Ok(_) => Ok(Some("something else".to_owned())),
            Err(error) => Err(error
                .server_error()
                .expect("a server's error")
                .sqlstate
                .clone()),
        };
        (request.binary_parameters() == 2, answer)
    }
}

async fn comparison(server: &dbproof_postgres::EphemeralServer, settings: &str) -> Comparison {
    let session = connect(server.address()).await.unwrap();
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    session.run(settings).await.unwrap();
    connection.run(settings).unwrap();
    Comparison {
        session,
        connection,
    }
}

#[tokio::test]
async fn binary_and_text_mean_the_same_under_every_setting() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run(TYPES).await.unwrap();
    let mut wrong = Vec::new();
    for settings in SETTINGS {
        let mut comparison = comparison(&server, settings).await;
        for (kind, binary, text) in CASES {
            for value in binary.iter().chain(*text) {
                let expected = comparison.literal(kind, value).await;
                let (_, answer) = comparison.parameter(kind, value, &expected);
                if answer != expected {
                    wrong.push(format!("{kind} {value:?}: {answer:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_known_is_sent_in_binary_and_nothing_else() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run(TYPES).await.unwrap();
    let mut comparison = comparison(&server, "SET timezone = 'UTC'").await;
    let mut wrong = BTreeMap::new();
    for (kind, binary, text) in CASES {
        for (values, expected) in [(binary, true), (text, false)] {
            for value in *values {
                let (is_binary, _) = comparison.parameter(kind, value, &Ok(None));
                if is_binary != expected {
                    wrong.insert((*kind, *value), is_binary);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "sent in binary: {wrong:#?}");
}

#[tokio::test]
async fn null_is_null_in_every_type() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run(TYPES).await.unwrap();
    let mut connection = MeasuringConnection::open(server.address()).unwrap();
    for (kind, ..) in CASES {
        let statement = connection
            .prepare(&format!("SELECT WHERE $1::{kind} IS NULL"))
            .unwrap();
        let request = connection.encode(&statement, &[None]).unwrap();
        assert_eq!(connection.execute(&request).unwrap(), 1, "{kind}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_as_text_it_refuses() {
    let server = server().await;
    let mut comparison = comparison(&server, "SET timezone = 'UTC'").await;
    let cases = [
        ("int2", "32768"),
        ("int4", "one"),
        ("float4", "1e39"),
        ("float8", "1e-400"),
        ("numeric", "1,5"),
        ("bool", "perhaps"),
        ("bytea", "\\xf"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"),
        ("date", "2023-02-29"),
        ("date", "0000-01-01"),
        ("date", "2024-13-01"),
        ("time", "24:00:01"),
        ("timestamptz", "2024-06-01 12:00:00+17"),
        ("interval", "1 day 2 days"),
        ("json", "{"),
        ("jsonb", "{"),
        ("inet", "10.0.0.1/33"),
        ("cidr", "10.0.0.1/24"),
        ("int4[]", "{1,2"),
        ("int4[]", "{{1,2},{3}}"),
        ("int4[]", "{1,{2}}"),
        ("int4[]", "{1,}"),
        ("int4[]", "{1}2"),
        ("text[]", "{\"a\"b}"),
    ];
    for (kind, value) in cases {
        let expected = comparison.literal(kind, value).await;
        assert!(expected.is_err(), "{kind} {value}: {expected:?}");
        let (_, answer) = comparison.parameter(kind, value, &expected);
        assert_eq!(answer, expected, "{kind} {value}");
    }
}

/// Text that is nearly right for some type: what it is made of, put together at random.
fn nearly_right() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "0",
        "1",
        "9",
        "59",
        "60",
        "24",
        "2024",
        "-",
        "+",
        ":",
        ".",
        " ",
        "/",
        "e",
        "T",
        "{",
        "}",
        ",",
        "\"",
        "\\",
        "NULL",
        "02",
        "day",
        "mons",
        "::",
        "f",
        "x",
        "BC",
        "NaN",
        "10.0.0.",
        "2024-02-29",
        "12:34:56",
        "+02",
        "infinity",
    ]);
    prop::collection::vec(pieces, 1..9).prop_map(|pieces| pieces.concat())
}

#[tokio::test]
async fn whatever_is_sent_in_binary_is_read_as_its_text_is() {
    let server = server().await;
    let session = connect(server.address()).await.unwrap();
    session.run(TYPES).await.unwrap();
    let mut comparison = comparison(&server, "SET intervalstyle = 'sql_standard'").await;
    let mut runner = TestRunner::new(Config::with_cases(3000));
    let kinds: Vec<&str> = CASES.iter().map(|(kind, ..)| *kind).collect();
    let strategy = (prop::sample::select(kinds), nearly_right());
    for _ in 0..3000 {
        let (kind, text) = strategy.new_tree(&mut runner).unwrap().current();
        let expected = comparison.literal(kind, &text).await;
        let (is_binary, answer) = comparison.parameter(kind, &text, &expected);
        assert_eq!(answer, expected, "{kind} {text:?} in binary: {is_binary}");
    }
}
