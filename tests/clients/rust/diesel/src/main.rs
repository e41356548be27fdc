//! The pages on Diesel, on libpq: client-diesel looped|eager PAGE.
//!
//! Eager, with joins, or with `belonging_to` and `grouped_by` where an order has many items.

use diesel::dsl::count_star;
use diesel::prelude::*;

diesel::table! {
    users (id) { id -> BigInt, name -> Text, }
}
diesel::table! {
    orders (id) { id -> BigInt, user_id -> BigInt, status -> Text, created_at -> Timestamptz, }
}
diesel::table! {
    order_items (id) { id -> BigInt, order_id -> BigInt, product_id -> BigInt, quantity -> Integer, }
}
diesel::joinable!(orders -> users (user_id));
diesel::joinable!(order_items -> orders (order_id));
diesel::allow_tables_to_appear_in_same_query!(users, orders, order_items);

#[derive(Queryable, Selectable, Identifiable)]
#[diesel(table_name = users)]
struct User {
    id: i64,
    name: String,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = orders, belongs_to(User))]
struct Order {
    id: i64,
    user_id: i64,
    status: String,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = order_items, belongs_to(Order))]
struct Item {
    id: i64,
    order_id: i64,
    product_id: i64,
    quantity: i32,
}

fn main() -> QueryResult<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(version), Some(page)) = (arguments.next(), arguments.next()) else {
        panic!("usage: client-diesel looped|eager PAGE");
    };
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let connection = &mut PgConnection::establish(&url).expect("the database answers");
    let looped = version == "looped";
    match page.as_str() {
        "recent_orders" => recent_orders(connection, looped),
        "order_counts" => order_counts(connection, looped),
        "order_items" => order_items_page(connection, looped),
        "nested" => nested(connection, looped),
        "ship_orders" => ship_orders(connection, looped),
        _ => panic!("no page {page}"),
    }
}

fn recent_orders(connection: &mut PgConnection, looped: bool) -> QueryResult<()> {
    let latest = orders::table.order(orders::created_at.desc()).limit(20);
    if looped {
        for order in latest.select(Order::as_select()).load(connection)? {
            let name: String = users::table
                .find(order.user_id)
                .select(users::name)
                .first(connection)?;
            println!("#{} {} {name}", order.id, order.status);
        }
        return Ok(());
    }
    let joined = latest
        .inner_join(users::table)
        .select((Order::as_select(), users::name));
    for (order, name) in joined.load::<(Order, String)>(connection)? {
        println!("#{} {} {name}", order.id, order.status);
    }
    Ok(())
}

fn order_counts(connection: &mut PgConnection, looped: bool) -> QueryResult<()> {
    let first = users::table.order(users::id).limit(20);
    if looped {
        for user in first.select(User::as_select()).load(connection)? {
            let count: i64 = Order::belonging_to(&user).count().get_result(connection)?;
            println!("{}: {count} orders", user.name);
        }
        return Ok(());
    }
    let counted = users::table
        .inner_join(orders::table)
        .group_by(users::id)
        .order(users::id)
        .limit(20)
        .select((users::name, count_star()));
    for (name, count) in counted.load::<(String, i64)>(connection)? {
        println!("{name}: {count} orders");
    }
    Ok(())
}

fn order_items_page(connection: &mut PgConnection, looped: bool) -> QueryResult<()> {
    let latest = orders::table.order(orders::created_at.desc()).limit(15);
    let found: Vec<Order> = latest.select(Order::as_select()).load(connection)?;
    for (order, items) in found.iter().zip(items_of(connection, &found, looped)?) {
        println!("#{}: {}", order.id, show(&items));
    }
    Ok(())
}

fn nested(connection: &mut PgConnection, looped: bool) -> QueryResult<()> {
    let users: Vec<User> = users::table
        .order(users::id)
        .limit(5)
        .select(User::as_select())
        .load(connection)?;
    let orders: Vec<Order> = if looped {
        let mut found = Vec::new();
        for user in &users {
            let own = Order::belonging_to(user)
                .order(orders::id)
                .select(Order::as_select());
            found.extend(own.load(connection)?);
        }
        found
    } else {
        let own = Order::belonging_to(&users)
            .order((orders::user_id, orders::id))
            .select(Order::as_select());
        own.load(connection)?
    };
    let items = items_of(connection, &orders, looped)?;
    for user in users {
        println!("{}", user.name);
        for (order, items) in orders
            .iter()
            .zip(&items)
            .filter(|(order, _)| order.user_id == user.id)
        {
            println!("  #{}: {}", order.id, show(items));
        }
    }
    Ok(())
}

fn ship_orders(connection: &mut PgConnection, looped: bool) -> QueryResult<()> {
    let pending = orders::table.filter(orders::status.eq("pending"));
    let ids: Vec<i64> = pending
        .order(orders::id)
        .limit(12)
        .select(orders::id)
        .load(connection)?;
    if looped {
        for id in &ids {
            diesel::update(orders::table.find(id))
                .set(orders::status.eq("shipped"))
                .execute(connection)?;
        }
    } else {
        let chosen = orders::table.filter(orders::id.eq_any(&ids));
        diesel::update(chosen)
            .set(orders::status.eq("shipped"))
            .execute(connection)?;
    }
    let left: i64 = pending.count().get_result(connection)?;
    println!("shipped {ids:?}, {left} left");
    Ok(())
}

/// The items of each order.
fn items_of(
    connection: &mut PgConnection,
    orders: &[Order],
    looped: bool,
) -> QueryResult<Vec<Vec<Item>>> {
    if !looped {
        let all = Item::belonging_to(orders)
            .order(order_items::id)
            .select(Item::as_select());
        return Ok(all.load::<Item>(connection)?.grouped_by(orders));
    }
    let mut found = Vec::new();
    for order in orders {
        let own = Item::belonging_to(order)
            .order(order_items::id)
            .select(Item::as_select());
        found.push(own.load(connection)?);
    }
    Ok(found)
}

fn show(items: &[Item]) -> String {
    let shown: Vec<String> = items
        .iter()
        .map(|item| format!("{}x{}", item.quantity, item.product_id))
        .collect();
    shown.join(" ")
}
