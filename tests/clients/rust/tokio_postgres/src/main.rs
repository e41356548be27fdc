//! The pages on tokio-postgres: client-tokio-postgres [--pipelined] looped|eager PAGE.
//!
//! With --pipelined, the statements of a loop are sent at once on the one connection.

use futures_util::future::try_join_all;
use tokio_postgres::{Client, Error, NoTls, Row};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let pipelined = arguments.iter().any(|argument| argument == "--pipelined");
    let [.., version, page] = arguments.as_slice() else {
        panic!("usage: client-tokio-postgres [--pipelined] looped|eager PAGE");
    };
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let shop = Shop {
        client,
        looped: version == "looped",
        pipelined,
    };
    match page.as_str() {
        "recent_orders" => shop.recent_orders().await?,
        "order_counts" => shop.order_counts().await?,
        "order_items" => shop.order_items().await?,
        _ => panic!("no page {page}"),
    }
    drop(shop);
    connection.await.expect("the connection's task ends")
}

struct Shop {
    client: Client,
    looped: bool,
    pipelined: bool,
}

impl Shop {
    async fn recent_orders(&self) -> Result<(), Error> {
        let latest = "SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20";
        let orders = self.client.query(latest, &[]).await?;
        let users: Vec<i64> = orders.iter().map(|order| order.get("user_id")).collect();
        let found = if self.looped {
            self.each("SELECT id, name FROM users WHERE id = $1", &users)
                .await?
        } else {
            self.client
                .query("SELECT id, name FROM users WHERE id = ANY($1)", &[&users])
                .await?
        };
        for order in orders {
            let user = found
                .iter()
                .find(|user| user.get::<_, i64>(0) == order.get("user_id"));
            let name: &str = user.expect("every order has a user").get("name");
            println!(
                "#{} {} {name}",
                order.get::<_, i64>("id"),
                order.get::<_, &str>("status")
            );
        }
        Ok(())
    }

    async fn order_counts(&self) -> Result<(), Error> {
        let users = self
            .client
            .query("SELECT id, name FROM users ORDER BY id LIMIT 20", &[])
            .await?;
        let ids: Vec<i64> = users.iter().map(|user| user.get("id")).collect();
        let counts = if self.looped {
            self.each("SELECT count(*) FROM orders WHERE user_id = $1", &ids)
                .await?
        } else {
            let grouped = "SELECT count(*) FROM orders WHERE user_id = ANY($1) GROUP BY user_id ORDER BY user_id";
            self.client.query(grouped, &[&ids]).await?
        };
        for (user, count) in users.iter().zip(counts) {
            println!(
                "{}: {} orders",
                user.get::<_, &str>("name"),
                count.get::<_, i64>(0)
            );
        }
        Ok(())
    }

    async fn order_items(&self) -> Result<(), Error> {
        let orders = self
            .client
            .query(
                "SELECT id FROM orders ORDER BY created_at DESC LIMIT 15",
                &[],
            )
            .await?;
        let orders: Vec<i64> = orders.iter().map(|order| order.get("id")).collect();
        let items = if self.looped {
            self.each(
                "SELECT * FROM order_items WHERE order_id = $1 ORDER BY id",
                &orders,
            )
            .await?
        } else {
            self.client
                .query(
                    "SELECT * FROM order_items WHERE order_id = ANY($1) ORDER BY id",
                    &[&orders],
                )
                .await?
        };
        for order in orders {
            let own = items
                .iter()
                .filter(|item| item.get::<_, i64>("order_id") == order);
            let shown: Vec<String> = own
                .map(|item| {
                    format!(
                        "{}x{}",
                        item.get::<_, i32>("quantity"),
                        item.get::<_, i64>("product_id")
                    )
                })
                .collect();
            println!("#{order}: {}", shown.join(" "));
        }
        Ok(())
    }

    /// The loop: the rows for all values, by a statement that is prepared once.
    async fn each(&self, sql: &str, values: &[i64]) -> Result<Vec<Row>, Error> {
        let statement = self.client.prepare(sql).await?;
        if self.pipelined {
            let all = values
                .iter()
                .map(async |value| self.client.query(&statement, &[value]).await);
            return Ok(try_join_all(all).await?.into_iter().flatten().collect());
        }
        let mut found = Vec::new();
        for value in values {
            found.extend(self.client.query(&statement, &[value]).await?);
        }
        Ok(found)
    }
}
