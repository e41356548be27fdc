//! The sample project's data are what its scenarios count on.

use std::collections::BTreeMap;

use dbproof_data::{Rows, Value};

use crate::generate_all;

fn shop(scale: f64) -> BTreeMap<String, Rows> {
    let files = [
        include_str!("../../../../examples/shop/data/users.toml"),
        include_str!("../../../../examples/shop/data/products.toml"),
        include_str!("../../../../examples/shop/data/orders.toml"),
    ];
    let tables = generate_all(&files.join("\n"), 42, scale).unwrap();
    tables
        .into_iter()
        .map(|rows| (rows.table_name().to_owned(), rows))
        .collect()
}

#[test]
fn the_tables_have_their_sizes() {
    let sizes = |scale| -> Vec<u64> {
        let shop = shop(scale);
        ["users", "products", "inventory", "orders"]
            .map(|table| shop[table].row_count())
            .to_vec()
    };
    assert_eq!(sizes(1.0), [1000, 200, 2000, 2500]);
    assert_eq!(sizes(3.0), [3000, 600, 6000, 7500]);
    let items = shop(1.0)["order_items"].row_count();
    assert!((7_300..7_700).contains(&items), "{items}");
}

#[test]
fn no_user_has_so_many_orders_that_the_index_would_not_pay() {
    let orders = shop(1.0).remove("orders").unwrap();
    let column = orders
        .column_names()
        .iter()
        .position(|name| *name == "user_id")
        .unwrap();
    let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
    for row in orders {
        let Value::Integer(user) = row[column] else {
            panic!("{row:?}")
        };
        *counts.entry(user).or_default() += 1;
    }
    let most = counts.values().max().copied().unwrap();
    assert!((10..=15).contains(&most), "{most}");
}
