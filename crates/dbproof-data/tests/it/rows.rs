//! The same rows from the same seed, whatever the order in which they are asked for.

use std::thread;

use dbproof_data::{Rows, Value};

use crate::generate_all;

const TEXT: &str = r#"
[table.users]
rows = 200
[table.users.columns]
id = { sequence = {} }
name = { fake = "name", null_rate = 0.1 }
email = { fake = { kind = "email", from = "name" }, unique = true }

[table.orders]
rows = 1000
[table.orders.columns]
id = { sequence = {} }
user_id = { reference = { table = "users", fan_out = { zipf = 0.8 } } }
total = { lognormal = { median = 40, sigma = 1, decimals = 2 } }
created_at = { time_series = {} }

[table.items.columns]
order_id = { reference = { table = "orders", fan_out = { poisson = 2.5 } } }
user = { template = "{order_id}-{row}" }
"#;

#[test]
fn threads_and_ranges_change_nothing() {
    for rows in generate_all(TEXT, 42, 1.0).unwrap() {
        let whole: Vec<Vec<Value>> = rows.clone().collect();
        assert_eq!(whole.len() as u64, rows.row_count());
        let parts = 7;
        let size = rows.row_count().div_ceil(parts);
        let threads: Vec<_> = (0..parts)
            .map(|part| {
                let rows: Rows = rows.rows(part * size..(part + 1) * size);
                thread::spawn(move || rows.collect::<Vec<_>>())
            })
            .collect();
        let pieces: Vec<_> = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect();
        assert_eq!(pieces, whole, "{}", rows.table_name());
        // The last row first, then one in the middle.
        for row in [rows.row_count() - 1, rows.row_count() / 2] {
            let at = usize::try_from(row).unwrap();
            assert_eq!(rows.rows(row..row + 1).next().as_ref(), Some(&whole[at]));
        }
    }
}

#[test]
fn the_seed_decides() {
    let values = |seed| -> Vec<Vec<Value>> {
        generate_all(TEXT, seed, 1.0)
            .unwrap()
            .into_iter()
            .flatten()
            .collect()
    };
    assert_eq!(values(1), values(1));
    assert_ne!(values(1), values(2));
}

#[test]
fn another_column_or_table_leaves_the_rest_alone() {
    let more = TEXT.replace(
        "[table.orders.columns]",
        "[table.orders.columns]\nx = { boolean = 0.5 }",
    );
    let (before, after) = (
        generate_all(TEXT, 1, 1.0).unwrap(),
        generate_all(&more, 1, 1.0).unwrap(),
    );
    let without_x = after[1].clone().map(|row| row[1..].to_vec());
    assert!(without_x.eq(before[1].clone()));
    assert!(after[2].clone().eq(before[2].clone()));
}

#[test]
fn ranges_are_cut_off_at_the_end() {
    let users = generate_all(TEXT, 42, 1.0).unwrap().remove(0);
    assert_eq!(users.rows(190..500).count(), 10);
    assert_eq!(users.rows(500..600).count(), 0);
    assert_eq!(users.rows(0..0).count(), 0);
    assert_eq!(
        users.clone().nth(199).map(|row| row[0].clone()),
        Some(Value::Integer(200))
    );
    assert_eq!(users.size_hint(), (200, Some(200)));
}

#[test]
fn the_scale_multiplies_rows_and_leaves_at_least_one() {
    let text = "[table.a]\nrows = 300\n[table.a.columns]\nid = { sequence = {} }\n\
                [table.b]\nrows = 300\nscaled = false\n[table.b.columns]\nid = { sequence = {} }\n\
                [table.c]\nrows = 0\n[table.c.columns]\nid = { sequence = {} }\n";
    for (scale, expected) in [
        (1.0, [300, 300, 0]),
        (2.5, [750, 300, 0]),
        (0.001, [1, 300, 0]),
    ] {
        let counts: Vec<u64> = generate_all(text, 42, scale)
            .unwrap()
            .iter()
            .map(Rows::row_count)
            .collect();
        assert_eq!(counts, expected, "scale {scale}");
    }
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(generate_all(text, 42, scale).is_err(), "scale {scale}");
    }
}
