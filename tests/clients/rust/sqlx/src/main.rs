//! The pages on sqlx: client-sqlx [--parallel] looped|eager PAGE.
//!
//! A pool of five. With --parallel, the statements of a loop run on all of its connections at once.

use futures_util::future::try_join_all;
use sqlx::postgres::{PgPool, PgPoolOptions};

type Outcome<T = ()> = Result<T, sqlx::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parallel = arguments.iter().any(|argument| argument == "--parallel");
    let [.., version, page] = arguments.as_slice() else {
        panic!("usage: client-sqlx [--parallel] looped|eager PAGE");
    };
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let pool = PgPoolOptions::new()
        .max_connections(5)
        .connect(&url)
        .await?;
    let shop = Shop {
        pool,
        looped: version == "looped",
        parallel,
    };
    match page.as_str() {
        "recent_orders" => shop.recent_orders().await?,
        "order_counts" => shop.order_counts().await?,
        "order_items" => shop.order_items().await?,
        "nested" => shop.nested().await?,
        "ship_orders" => shop.ship_orders().await?,
        _ => panic!("no page {page}"),
    }
    shop.pool.close().await;
    Ok(())
}

struct Shop {
    pool: PgPool,
    looped: bool,
    parallel: bool,
}

impl Shop {
    async fn recent_orders(&self) -> Outcome {
        if !self.looped {
            let orders: Vec<(i64, String, String)> = sqlx::query_as(
                "SELECT o.id, o.status, u.name FROM orders o JOIN users u ON u.id = o.user_id
                 ORDER BY o.created_at DESC LIMIT 20",
            )
            .fetch_all(&self.pool)
            .await?;
            for (order, status, name) in orders {
                println!("#{order} {status} {name}");
            }
            return Ok(());
        }
        let orders: Vec<(i64, i64, String)> = sqlx::query_as(
            "SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20",
        )
        .fetch_all(&self.pool)
        .await?;
        let users = orders.iter().map(|order| order.1);
        let names: Vec<String> = self
            .each(users, async |user| {
                sqlx::query_scalar("SELECT name FROM users WHERE id = $1")
                    .bind(user)
                    .fetch_one(&self.pool)
                    .await
            })
            .await?;
        for ((order, _, status), name) in orders.iter().zip(names) {
            println!("#{order} {status} {name}");
        }
        Ok(())
    }

    async fn order_counts(&self) -> Outcome {
        let users: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, name FROM users ORDER BY id LIMIT 20")
                .fetch_all(&self.pool)
                .await?;
        let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
        let counts: Vec<i64> = if self.looped {
            self.each(ids, async |user| {
                sqlx::query_scalar("SELECT count(*) FROM orders WHERE user_id = $1")
                    .bind(user)
                    .fetch_one(&self.pool)
                    .await
            })
            .await?
        } else {
            sqlx::query_scalar(
                "SELECT count(o.id) FROM unnest($1::bigint[]) WITH ORDINALITY AS u (id, place)
                 LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.place ORDER BY u.place",
            )
            .bind(ids)
            .fetch_all(&self.pool)
            .await?
        };
        for ((_, name), count) in users.iter().zip(counts) {
            println!("{name}: {count} orders");
        }
        Ok(())
    }

    async fn order_items(&self) -> Outcome {
        let orders: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")
                .fetch_all(&self.pool)
                .await?;
        for (order, items) in orders.iter().zip(self.items_of(&orders).await?) {
            println!("#{order}: {items}");
        }
        Ok(())
    }

    async fn nested(&self) -> Outcome {
        let users: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, name FROM users ORDER BY id LIMIT 5")
                .fetch_all(&self.pool)
                .await?;
        let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
        let orders: Vec<(i64, i64)> = if self.looped {
            self.each(ids, async |user| {
                sqlx::query_as("SELECT id, user_id FROM orders WHERE user_id = $1 ORDER BY id")
                    .bind(user)
                    .fetch_all(&self.pool)
                    .await
            })
            .await?
            .concat()
        } else {
            sqlx::query_as(
                "SELECT id, user_id FROM orders WHERE user_id = ANY($1) ORDER BY user_id, id",
            )
            .bind(ids)
            .fetch_all(&self.pool)
            .await?
        };
        let items = self
            .items_of(&orders.iter().map(|order| order.0).collect::<Vec<_>>())
            .await?;
        for (user, name) in users {
            println!("{name}");
            for ((order, _), items) in orders
                .iter()
                .zip(&items)
                .filter(|((_, owner), _)| *owner == user)
            {
                println!("  #{order}: {items}");
            }
        }
        Ok(())
    }

    async fn ship_orders(&self) -> Outcome {
        let mut transaction = self.pool.begin().await?;
        let orders: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12",
        )
        .fetch_all(&mut *transaction)
        .await?;
        if self.looped {
            for order in &orders {
                sqlx::query("UPDATE orders SET status = 'shipped' WHERE id = $1")
                    .bind(order)
                    .execute(&mut *transaction)
                    .await?;
            }
        } else {
            sqlx::query("UPDATE orders SET status = 'shipped' WHERE id = ANY($1)")
                .bind(&orders)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE status = 'pending'")
            .fetch_one(&self.pool)
            .await?;
        println!("shipped {orders:?}, {left} left");
        Ok(())
    }

    /// The items of each order, as the pages print them.
    async fn items_of(&self, orders: &[i64]) -> Outcome<Vec<String>> {
        if self.looped {
            let found: Vec<Vec<(i32, i64)>> = self
                .each(orders.iter().copied(), async |order| {
                    sqlx::query_as("SELECT quantity, product_id FROM order_items WHERE order_id = $1 ORDER BY id")
                        .bind(order)
                        .fetch_all(&self.pool)
                        .await
                })
                .await?;
            return Ok(found.iter().map(|items| show(items.iter())).collect());
        }
        let items: Vec<(i64, (i32, i64))> = sqlx::query_as::<_, (i64, i32, i64)>(
            "SELECT order_id, quantity, product_id FROM order_items WHERE order_id = ANY($1) ORDER BY id",
        )
        .bind(orders)
        .fetch_all(&self.pool)
        .await?
        .into_iter()
        .map(|(order, quantity, product)| (order, (quantity, product)))
        .collect();
        Ok(orders
            .iter()
            .map(|order| {
                show(
                    items
                        .iter()
                        .filter(|item| item.0 == *order)
                        .map(|item| &item.1),
                )
            })
            .collect())
    }

    /// The loop: what is fetched for each value, one after the other or all at once.
    async fn each<T>(
        &self,
        values: impl IntoIterator<Item = i64>,
        fetch: impl AsyncFn(i64) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        if self.parallel {
            return try_join_all(values.into_iter().map(|value| fetch(value))).await;
        }
        let mut found = Vec::new();
        for value in values {
            found.push(fetch(value).await?);
        }
        Ok(found)
    }
}

fn show<'a>(items: impl Iterator<Item = &'a (i32, i64)>) -> String {
    let shown: Vec<String> = items
        .map(|(quantity, product)| format!("{quantity}x{product}"))
        .collect();
    shown.join(" ")
}
