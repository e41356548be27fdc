//! What each generator yields.

use std::collections::{BTreeMap, BTreeSet};

use dbproof_data::Value;

use crate::with_parents;

/// The values of column `a` in a table of this many rows.
fn column(rows: u64, notation: &str) -> Vec<Value> {
    let rows = with_parents(&format!("rows = {rows}"), &format!("a = {notation}"))
        .unwrap_or_else(|error| panic!("{notation}: {error}"));
    rows.map(|mut row| row.remove(0)).collect()
}

fn written(values: &[Value]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn numbers(values: &[Value]) -> Vec<f64> {
    written(values)
        .iter()
        .map(|text| text.parse().expect("a number"))
        .collect()
}

#[test]
fn values_that_leave_nothing_to_chance() {
    let cases = [
        ("{ sequence = {} }", "1 2 3"),
        ("{ sequence = { start = 10, step = -5 } }", "10 5 0"),
        ("{ sequence = { start = 7, cycle = 2 } }", "7 8 7"),
        ("{ constant = \"EUR\" }", "EUR EUR EUR"),
        (
            "{ constant = 2000-01-02 }",
            "2000-01-02 00:00:00.000000+00 2000-01-02 00:00:00.000000+00 2000-01-02 00:00:00.000000+00",
        ),
        ("{ template = \"{{{row:4}}}\" }", "{0001} {0002} {0003}"),
        ("{ boolean = 1 }", "true true true"),
        ("{ boolean = 0 }", "false false false"),
        ("{ sequence = {}, null_rate = 1 }", "\\N \\N \\N"),
        ("{ uniform = { low = 0x10, high = 16 } }", "16 16 16"),
        (
            "{ uniform = { low = 2.5, high = 2.5, decimals = 2 } }",
            "2.50 2.50 2.50",
        ),
        (
            "{ normal = { mean = 3, deviation = 0, decimals = 0 } }",
            "3 3 3",
        ),
        ("{ categorical = { a = 1, b = 0 } }", "a a a"),
        ("{ categorical = [{ value = 7 }] }", "7 7 7"),
        ("{ text = { length = 0 } }", "  "),
    ];
    for (notation, expected) in cases {
        assert_eq!(
            written(&column(3, notation)).join(" "),
            expected,
            "{notation}"
        );
    }
}

#[test]
fn means_and_bounds_are_as_asked() {
    // Notation, expected mean, tolerance (five standard errors of 20,000 values), bounds.
    let cases = [
        ("{ uniform = { low = 1, high = 6 } }", 3.5, 0.06, 1.0, 6.0),
        (
            "{ uniform = { low = -1.0, high = 1.0 } }",
            0.0,
            0.021,
            -1.0,
            1.0,
        ),
        (
            "{ normal = { mean = 170, deviation = 10 } }",
            170.0,
            0.36,
            110.0,
            230.0,
        ),
        (
            "{ normal = { mean = 0, deviation = 1, min = 0 } }",
            0.798,
            0.022,
            0.0,
            7.0,
        ),
        (
            "{ lognormal = { median = 20, sigma = 0.5 } }",
            22.663,
            0.43,
            0.0,
            400.0,
        ),
        (
            "{ exponential = { mean = 50, max = 1000 } }",
            50.0,
            1.8,
            0.0,
            1000.0,
        ),
        (
            "{ zipf = { low = 1, high = 3, exponent = 1 } }",
            1.636,
            0.027,
            1.0,
            3.0,
        ),
    ];
    for (notation, mean, tolerance, low, high) in cases {
        let values = numbers(&column(20_000, notation));
        let found = values.iter().sum::<f64>() / values.len() as f64;
        assert!((found - mean).abs() < tolerance, "{notation}: mean {found}");
        assert!(
            values.iter().all(|x| (low..=high).contains(x)),
            "{notation}: out of bounds"
        );
    }
}

#[test]
fn shares_are_as_asked() {
    let cases = [
        ("{ categorical = { a = 6, b = 3, c = 1 } }", "b", 0.3),
        ("{ boolean = 0.2 }", "true", 0.2),
        ("{ constant = 1, null_rate = 0.4 }", "\\N", 0.4),
    ];
    for (notation, wanted, share) in cases {
        let values = written(&column(20_000, notation));
        let found = values.iter().filter(|value| *value == wanted).count() as f64 / 20_000.0;
        assert!((found - share).abs() < 0.018, "{notation}: {found}");
    }
}

#[test]
fn unique_values_are_unique() {
    let cases = [
        "{ uniform = { low = 1, high = 5000 }, unique = true }",
        "{ uniform = { low = -9223372036854775808, high = 9223372036854775807 }, unique = true }",
        "{ fake = \"email\", unique = true }",
        "{ fake = \"city\", unique = true }",
        "{ fake = { kind = \"sentence\", words = 2 }, unique = true }",
        "{ text = { length = 5 }, unique = true }",
        "{ text = { min = 5, max = 9 }, unique = true }",
        "{ sequence = {}, unique = true }",
    ];
    for notation in cases {
        let distinct: BTreeSet<String> = written(&column(5000, notation)).into_iter().collect();
        assert_eq!(distinct.len(), 5000, "{notation}");
    }
}

#[test]
fn text_has_the_length_asked_for() {
    for (notation, low, high) in [
        ("{ text = { length = 40 } }", 40, 40),
        ("{ text = { min = 3, max = 9 } }", 3, 9),
        ("{ text = { max = 2 } }", 0, 2),
    ] {
        for text in written(&column(500, notation)) {
            assert!(
                (low..=high).contains(&text.chars().count()),
                "{notation}: {text:?}"
            );
            assert!(!text.ends_with(' '), "{notation}: {text:?}");
        }
    }
}

#[test]
fn time_rises_or_leans_to_the_end() {
    let span = "start = \"2025-01-01\", end = \"2026-01-01\"";
    let rising = column(
        1000,
        &format!("{{ time_series = {{ {span}, growth = 2 }} }}"),
    );
    let times = written(&rising);
    assert!(times.is_sorted());
    assert!(times[0].as_str() >= "2025-01-01" && times[999].as_str() < "2026-01-01");
    // The second half of the time holds 1 - 0.5^3 = 7/8 of the rows.
    let late = times
        .iter()
        .filter(|time| time.as_str() >= "2025-07-02 12")
        .count();
    assert!((865..=885).contains(&late), "{late}");

    let random = written(&column(
        1000,
        &format!("{{ time_series = {{ {span}, order = \"random\", unit = \"date\" }} }}"),
    ));
    assert!(!random.is_sorted());
    assert!(
        random
            .iter()
            .all(|date| date.len() == 10 && date.starts_with("2025-"))
    );
}

#[test]
fn columns_of_a_row_agree() {
    let columns = r#"
        status = { categorical = { open = 1, closed = 1 } }
        opened = { time_series = {} }
        closed = { case = { of = "status", when = { closed = { correlated = { with = "opened", plus = 3600 } } } } }
        weight = { uniform = { low = 1, high = 9 } }
        price = { correlated = { with = "weight", factor = 2.5, plus = { uniform = { low = 0.0, high = 1.0 } }, max = 20, decimals = 2 } }
        label = { template = "{status}/{weight}" }
        note = { template = "closed at {closed}" }
        name = { fake = "name" }
        email = { fake = { kind = "email", from = "name" } }
    "#;
    for row in with_parents("rows = 300", columns).unwrap() {
        let [
            status,
            opened,
            closed,
            weight,
            price,
            label,
            note,
            name,
            email,
        ] = row.as_slice()
        else {
            panic!("nine columns, not {row:?}");
        };
        match (status, opened, closed) {
            (Value::Text(open), _, Value::Null) if open == "open" => assert_eq!(*note, Value::Null),
            (Value::Text(_), Value::TimestampMicros(from), Value::TimestampMicros(to)) => {
                assert_eq!(to - from, 3_600_000_000);
            }
            other => panic!("{other:?}"),
        }
        let (Value::Integer(kilos), Value::Numeric { unscaled, scale: 2 }) = (weight, price) else {
            panic!("{weight:?}, {price:?}");
        };
        let low = (kilos * 250).min(2000);
        assert!(
            (low..=(low + 100).min(2000)).contains(unscaled),
            "{kilos}: {unscaled}"
        );
        assert_eq!(label.to_string(), format!("{status}/{weight}"));
        let mailbox = name.to_string().to_lowercase().replace(' ', ".");
        assert!(
            email
                .to_string()
                .starts_with(&format!("{mailbox}@example.")),
            "{name}, {email}"
        );
    }
}

/// How many children each of the 100 parents has; the parents' ids are 1 to 100.
fn children(rows: &str, reference: &str) -> BTreeMap<i64, u32> {
    let mut counts: BTreeMap<i64, u32> = (1..=100).map(|id| (id, 0)).collect();
    for row in with_parents(rows, &format!("p_id = {{ reference = {{ {reference} }} }}")).unwrap() {
        let Value::Integer(parent) = row[0] else {
            panic!("{row:?}")
        };
        *counts.get_mut(&parent).expect("an existing parent") += 1;
    }
    counts
}

#[test]
fn fan_out_follows_its_distribution() {
    let even = children("rows = 10000", "table = \"p\"");
    assert!(
        even.values().all(|count| (50..=150).contains(count)),
        "{even:?}"
    );

    let zipf = children("rows = 10000", "table = \"p\", fan_out = { zipf = 1.0 }");
    let mut sorted: Vec<u32> = zipf.values().copied().collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    // 10,000 / 5.187 = 1,928 for the first, half of it for the second.
    assert!((1_720..2_140).contains(&sorted[0]), "{sorted:?}");
    assert!((800..1_130).contains(&sorted[1]), "{sorted:?}");
    let heavy: Vec<i64> = zipf
        .iter()
        .filter(|(_, n)| **n >= sorted[4])
        .map(|(id, _)| *id)
        .collect();
    assert!(
        heavy[4] - heavy[0] > 10 && heavy[0] > 1,
        "not scattered: {heavy:?}"
    );

    let three = children("", "table = \"p\", fan_out = { constant = 3 }");
    assert!(three.values().all(|count| *count == 3));

    let few = children("", "table = \"p\", fan_out = { uniform = [0, 2] }");
    let seen: BTreeSet<u32> = few.values().copied().collect();
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));

    let poisson = children("", "table = \"p\", fan_out = { poisson = 4 }");
    let mean = f64::from(poisson.values().sum::<u32>()) / 100.0;
    assert!((3.0..5.0).contains(&mean), "{mean}");
}

#[test]
fn a_table_may_reference_itself() {
    let columns = "id = { sequence = { start = 100 } }\nboss = { reference = { table = \"t\" } }";
    for (index, row) in with_parents("rows = 500", columns).unwrap().enumerate() {
        match (&row[0], &row[1]) {
            (Value::Integer(100), Value::Null) => assert_eq!(index, 0),
            (Value::Integer(id), Value::Integer(boss)) => assert!((100..*id).contains(boss)),
            other => panic!("{other:?}"),
        }
    }
}
