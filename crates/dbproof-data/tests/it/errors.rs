//! Every mistake is answered with its line, what is wrong, and the nearest right name.

use dbproof_data::Specification;

use crate::error_of;

/// A table `t` of ten rows whose column `a` is on line 4.
fn column(notation: &str) -> String {
    format!("[table.t]\nrows = 10\n[table.t.columns]\na = {notation}\n")
}

/// A column's notation, and what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "{ uniorm = { low = 1, high = 2 } }",
        "unknown generator `uniorm` (did you mean `uniform`?)",
    ),
    (
        "{ uniform = { lo = 1, high = 2 } }",
        "unknown key of `uniform`: `lo` (did you mean `low`?)",
    ),
    ("{ uniform = { low = 1 } }", "`uniform` needs `high`"),
    (
        "{ uniform = { low = 2, high = 1 } }",
        "`high` must not be below `low`",
    ),
    (
        "{ uniform = { low = \"1\", high = 2 } }",
        "`low` must be a number, not a string",
    ),
    (
        "{ uniform = { low = 0.0, high = inf } }",
        "`high` must be finite",
    ),
    (
        "{ uniform = 5 }",
        "`uniform` must be a table, not an integer",
    ),
    (
        "{ unique = true, uniform = { low = 1, high = 9 } }",
        "10 rows cannot have unique values out of 9",
    ),
    ("{ sequence = { step = 0 } }", "`step` must not be 0"),
    (
        "{ sequence = { start = 9223372036854775800 } }",
        "the sequence ends at 9223372036854775809, beyond 64 bits",
    ),
    (
        "{ sequence = {}, boolean = 0.5 }",
        "`a` has two generators: `sequence` and `boolean`",
    ),
    (
        "{ boolean = 1.5 }",
        "`boolean` must be between 0 and 1, not 1.5",
    ),
    (
        "{ sequence = {}, null_rate = 2 }",
        "`null_rate` must be between 0 and 1, not 2",
    ),
    (
        "{ fake = \"emial\" }",
        "unknown kind of fake data `emial` (did you mean `email`?)",
    ),
    (
        "{ fake = { kind = \"city\", words = 3 } }",
        "only a `sentence` has a number of `words`",
    ),
    (
        "{ normal = { mean = 1, deviation = -1 } }",
        "`deviation` must be at least 0, not -1",
    ),
    (
        "{ lognormal = { median = 0, sigma = 1 } }",
        "`median` must be above 0, not 0",
    ),
    (
        "{ exponential = { mean = 1, min = 5, max = 4 } }",
        "`max` must not be below `min`",
    ),
    (
        "{ exponential = { mean = 1, decimals = 16 } }",
        "`decimals` must be between 0 and 15",
    ),
    (
        "{ zipf = { low = 1, high = 9, exponent = -1 } }",
        "the exponent of a Zipf distribution must be a number of at least 0",
    ),
    (
        "{ categorical = {} }",
        "`categorical` needs at least one value with a weight above 0",
    ),
    (
        "{ categorical = { a = -1 } }",
        "`a` must be at least 0, not -1",
    ),
    (
        "{ constant = [1] }",
        "a constant must be a string, a number, a boolean or a date",
    ),
    (
        "{ time_series = { end = \"now\" } }",
        "`end` must be a date (such as \"2026-01-01\" or \"2026-01-01T12:00:00Z\")",
    ),
    (
        "{ time_series = { start = 2026-01-02, end = 2026-01-01 } }",
        "`end` must be after `start`",
    ),
    (
        "{ time_series = { order = \"risin\" } }",
        "unknown order `risin` (did you mean `rising`?)",
    ),
    (
        "{ text = {} }",
        "`text` needs either `length`, or `max` with or without `min`",
    ),
    (
        "{ text = { min = 5, max = 4 } }",
        "`max` must not be below `min`",
    ),
    (
        "{ text = { length = 2 }, unique = true }",
        "unique text for 10 rows needs at least 3 characters",
    ),
    (
        "{ template = \"{b}\" }",
        "unknown column above this one: `b`",
    ),
    ("{ template = \"{row\" }", "`{row` is not closed"),
    (
        "{ template = \"}\" }",
        "a single `}`; write `}}` for a brace",
    ),
    (
        "{ template = \"{row:99}\" }",
        "the width in `{row:99}` must be between 1 and 18",
    ),
    (
        "{ correlated = { with = \"a\" } }",
        "unknown column above this one: `a`",
    ),
    (
        "{ reference = { table = \"t\", fan_out = { zipf = 1 } } }",
        "a table that references itself has no fan-out to choose",
    ),
    (
        "{ reference = { table = \"t\", fan_out = { zip = 1 } } }",
        "unknown fan-out `zip` (did you mean `zipf`?)",
    ),
    (
        "{ reference = { table = \"t\", fan_out = {} } }",
        "`fan_out` needs one distribution, such as `{ zipf = 0.6 }`",
    ),
    (
        "{ reference = { table = \"q\" } }",
        "unknown table `q` (did you mean `t`?)",
    ),
    (
        "{ case = { of = \"b\", when = { x = { reference = { table = \"t\" } } } } }",
        "`x` cannot hold a reference (make it a column of its own, and read that)",
    ),
    (
        "{ correlated = { with = \"b\", plus = { reference = { table = \"t\" } } } }",
        "`plus` cannot hold a reference (make it a column of its own, and read that)",
    ),
];

#[test]
fn mistakes_in_a_column() {
    for (notation, expected) in MISTAKES {
        assert_eq!(
            error_of(&column(notation)),
            format!("data/test.toml:4: {expected}"),
            "for {notation}"
        );
    }
}

#[test]
fn what_has_a_long_help_starts_with_the_message() {
    let cases = [
        (
            "{}",
            "`a` has no generator (known are: sequence, reference, uniform,",
        ),
        (
            "{ zzzzzzzz = 1 }",
            "unknown generator `zzzzzzzz` (known are: sequence,",
        ),
        ("7", "column `a` needs a table with a generator (such as"),
        (
            "{ boolean = 0.5, unique = true }",
            "column `a` cannot be made unique (`unique` goes with",
        ),
        (
            "{ sequence = { cycle = 3 }, unique = true }",
            "column `a` cannot be made unique",
        ),
    ];
    for (notation, expected) in cases {
        let error = error_of(&column(notation));
        assert!(
            error.starts_with(&format!("data/test.toml:4: {expected}")),
            "{notation}: {error}"
        );
    }
}

#[test]
fn mistakes_in_a_table() {
    let cases = [
        (
            "[tabel.t]\n",
            "1: unknown key `tabel` (did you mean `table`?)",
        ),
        (
            "table = 5\n",
            "1: a table needs a name (write `[table.users]`)",
        ),
        ("[table.t]\nrows = 5\n", "1: `t` needs `columns`"),
        (
            "[table.t]\nrow = 5\n",
            "2: unknown key of `t`: `row` (did you mean `rows`?)",
        ),
        (
            "[table.t]\nrows = -5\n[table.t.columns]\na = { boolean = 1 }\n",
            "2: `rows` must be at least 0",
        ),
        (
            "[table.t]\n[table.t.columns]\na = { boolean = 1 }\n",
            "1: table `t` needs `rows`",
        ),
        (
            "[table.t]\nrows = 1\ncolumns = {}\n",
            "1: table `t` has no columns",
        ),
        (
            "[table.p]\nrows = 1\n[table.p.columns]\nid = { sequence = {} }\n[table.t]\nrows = 1\n\
             [table.t.columns]\np = { reference = { table = \"p\", fan_out = { constant = 1 } } }\n",
            "6: `rows` contradicts the fan-out of `p`, which already says how many there are \
             (take `rows` away)",
        ),
        (
            "[table.p]\nrows = 1\n[table.p.columns]\nid = { sequence = {} }\n[table.t]\nrows = 1\n\
             [table.t.columns]\np = { reference = { table = \"p\", column = \"di\" } }\n",
            "8: unknown column of `p`: `di` (did you mean `id`?)",
        ),
        (
            "[table.p]\nrows = 0\n[table.p.columns]\nid = { sequence = {} }\n[table.t]\nrows = 1\n\
             [table.t.columns]\np = { reference = { table = \"p\" } }\n",
            "8: there is no row of `p` to reference",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            error_of(text),
            format!("data/test.toml:{expected}"),
            "for {text}"
        );
    }
}

#[test]
fn broken_toml_is_told_with_its_place() {
    let error = Specification::parse("data/x.toml", "[table.t]\nrows = = 5\n").unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("data/x.toml", 2));
    assert!(!error.message.contains('\n'), "{error}");
    assert_eq!(
        error.to_string(),
        format!("data/x.toml:2: {}", error.message)
    );
}

#[test]
fn columns_are_counted_in_characters() {
    let text = "[table.t]\nrows = 1\n[table.t.columns]\n\"é\" = { boolean = 3 }\n";
    let error = Specification::parse("data/x.toml", text).unwrap_err();
    assert_eq!((error.line, error.column), (4, 19));
}
