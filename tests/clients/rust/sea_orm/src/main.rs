//! The pages on SeaORM: client-sea-orm looped|eager PAGE.
//!
//! Looped, with `find_related` on each model; eager, with `find_also_related` and `load_many`.

mod entities;

use entities::{item, order, user};
use sea_orm::{prelude::*, *};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), DbErr> {
    let mut arguments = std::env::args().skip(1);
    let (Some(version), Some(page)) = (arguments.next(), arguments.next()) else {
        panic!("usage: client-sea-orm looped|eager PAGE");
    };
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let database =
        Database::connect(ConnectOptions::new(url).max_connections(2).to_owned()).await?;
    let looped = version == "looped";
    match page.as_str() {
        "recent_orders" => recent_orders(&database, looped).await?,
        "order_counts" => order_counts(&database, looped).await?,
        "order_items" => order_items(&database, looped).await?,
        "nested" => nested(&database, looped).await?,
        "ship_orders" => ship_orders(&database, looped).await?,
        _ => panic!("no page {page}"),
    }
    database.close().await
}

async fn recent_orders(database: &DatabaseConnection, looped: bool) -> Result<(), DbErr> {
    let latest = order::Entity::find()
        .order_by_desc(order::Column::CreatedAt)
        .limit(20);
    let found = if looped {
        let mut found = Vec::new();
        for order in latest.all(database).await? {
            let user = order.find_related(user::Entity).one(database).await?;
            found.push((order, user));
        }
        found
    } else {
        latest.find_also_related(user::Entity).all(database).await?
    };
    for (order, user) in found {
        println!(
            "#{} {} {}",
            order.id,
            order.status,
            user.expect("every order has a user").name
        );
    }
    Ok(())
}

async fn order_counts(database: &DatabaseConnection, looped: bool) -> Result<(), DbErr> {
    let users = user::Entity::find()
        .order_by_asc(user::Column::Id)
        .limit(20)
        .all(database)
        .await?;
    let grouped: Vec<(i64, i64)> = if looped {
        Vec::new()
    } else {
        order::Entity::find()
            .select_only()
            .column(order::Column::UserId)
            .column_as(order::Column::Id.count(), "count")
            .filter(order::Column::UserId.is_in(users.iter().map(|user| user.id)))
            .group_by(order::Column::UserId)
            .into_tuple()
            .all(database)
            .await?
    };
    for user in users {
        let count = if looped {
            user.find_related(order::Entity)
                .count(database)
                .await?
                .to_string()
        } else {
            grouped
                .iter()
                .find(|(id, _)| *id == user.id)
                .map_or(0, |(_, count)| *count)
                .to_string()
        };
        println!("{}: {count} orders", user.name);
    }
    Ok(())
}

async fn order_items(database: &DatabaseConnection, looped: bool) -> Result<(), DbErr> {
    let latest = order::Entity::find()
        .order_by_desc(order::Column::CreatedAt)
        .limit(15);
    let orders = latest.all(database).await?;
    let items = items_of(database, &orders, looped).await?;
    for (order, items) in orders.iter().zip(items) {
        println!("#{}: {}", order.id, show(&items));
    }
    Ok(())
}

async fn nested(database: &DatabaseConnection, looped: bool) -> Result<(), DbErr> {
    let users = user::Entity::find()
        .order_by_asc(user::Column::Id)
        .limit(5)
        .all(database)
        .await?;
    let by_id = order::Entity::find().order_by_asc(order::Column::Id);
    let batch = if looped {
        Vec::new()
    } else {
        users.load_many(by_id.clone(), database).await?
    };
    let all: Vec<order::Model> = batch.iter().flatten().cloned().collect();
    let mut batch_items = items_of(database, &all, false).await?.into_iter();
    for (place, user) in users.iter().enumerate() {
        println!("{}", user.name);
        let (orders, items) = if looped {
            let by_id = user
                .find_related(order::Entity)
                .order_by_asc(order::Column::Id);
            let orders = by_id.all(database).await?;
            let items = items_of(database, &orders, true).await?;
            (orders, items)
        } else {
            let orders = batch[place].clone();
            let items = batch_items.by_ref().take(orders.len()).collect();
            (orders, items)
        };
        for (order, items) in orders.iter().zip(items) {
            println!("  #{}: {}", order.id, show(&items));
        }
    }
    Ok(())
}

async fn ship_orders(database: &DatabaseConnection, looped: bool) -> Result<(), DbErr> {
    let pending = order::Entity::find().filter(order::Column::Status.eq("pending"));
    let orders = pending
        .clone()
        .order_by_asc(order::Column::Id)
        .limit(12)
        .all(database)
        .await?;
    let ids: Vec<i64> = orders.iter().map(|order| order.id).collect();
    if looped {
        for order in orders {
            let mut order = order.into_active_model();
            order.status = Set("shipped".to_owned());
            order.update(database).await?;
        }
    } else {
        order::Entity::update_many()
            .col_expr(order::Column::Status, Expr::value("shipped"))
            .filter(order::Column::Id.is_in(ids.clone()))
            .exec(database)
            .await?;
    }
    println!("shipped {ids:?}, {} left", pending.count(database).await?);
    Ok(())
}

/// The items of each order.
async fn items_of(
    database: &DatabaseConnection,
    orders: &[order::Model],
    looped: bool,
) -> Result<Vec<Vec<item::Model>>, DbErr> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    if !looped {
        return orders
            .load_many(
                item::Entity::find().order_by_asc(item::Column::Id),
                database,
            )
            .await;
    }
    let mut found = Vec::new();
    for order in orders {
        found.push(
            order
                .find_related(item::Entity)
                .order_by_asc(item::Column::Id)
                .all(database)
                .await?,
        );
    }
    Ok(found)
}

fn show(items: &[item::Model]) -> String {
    let shown: Vec<String> = items
        .iter()
        .map(|item| format!("{}x{}", item.quantity, item.product_id))
        .collect();
    shown.join(" ")
}
