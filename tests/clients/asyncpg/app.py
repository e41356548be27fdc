"""The pages on asyncpg: app.py [--gather] looped|eager PAGE.

A pool of five connections. With --gather the loop's statements run at the same time, spread over all
of them; without, one after the other on whatever connection the pool gives.
"""

import asyncio
import os
import sys

import asyncpg

GATHER = False


async def recent_orders(pool, looped):
    orders = await pool.fetch("SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20")
    users = [order["user_id"] for order in orders]
    if looped:
        names = await each(pool.fetchval, "SELECT name FROM users WHERE id = $1", users)
    else:
        found = await pool.fetch("SELECT id, name FROM users WHERE id = ANY($1::bigint[])", users)
        by_id = {user["id"]: user["name"] for user in found}
        names = [by_id[user] for user in users]
    for order, name in zip(orders, names):
        print(f"#{order['id']} {order['status']} {name}")


async def order_counts(pool, looped):
    if looped:
        users = await pool.fetch("SELECT id, name FROM users ORDER BY id LIMIT 20")
        count = "SELECT count(*) FROM orders WHERE user_id = $1"
        counts = await each(pool.fetchval, count, [user["id"] for user in users])
        counted = [(user["name"], count) for user, count in zip(users, counts)]
    else:
        counted = await pool.fetch(
            "SELECT u.name, c.count FROM users u"
            " CROSS JOIN LATERAL (SELECT count(*) FROM orders o WHERE o.user_id = u.id) c ORDER BY u.id LIMIT 20"
        )
    for name, count in counted:
        print(f"{name}: {count} orders")


async def order_items(pool, looped):
    orders = [row["id"] for row in await pool.fetch("SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")]
    for order, items in zip(orders, await items_of(pool, orders, looped)):
        print(f"#{order}: {items}")


async def nested(pool, looped):
    users = await pool.fetch("SELECT id, name FROM users ORDER BY id LIMIT 5")
    ids = [user["id"] for user in users]
    if looped:
        found = await each(pool.fetch, "SELECT id FROM orders WHERE user_id = $1 ORDER BY id", ids)
        orders = [[order["id"] for order in rows] for rows in found]
    else:
        found = await pool.fetch("SELECT id, user_id FROM orders WHERE user_id = ANY($1) ORDER BY id", ids)
        orders = [[order["id"] for order in found if order["user_id"] == user] for user in ids]
    items = iter(await items_of(pool, [order for rows in orders for order in rows], looped))
    for user, rows in zip(users, orders):
        print(user["name"])
        for order in rows:
            print(f"  #{order}: {next(items)}")


async def ship_orders(pool, looped):
    async with pool.acquire() as connection, connection.transaction():
        pending = "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12 FOR UPDATE"
        orders = [row["id"] for row in await connection.fetch(pending)]
        if looped:
            statement = await connection.prepare("UPDATE orders SET status = 'shipped' WHERE id = $1")
            for order in orders:
                await statement.fetch(order)
        else:
            await connection.execute("UPDATE orders SET status = 'shipped' WHERE id = ANY($1)", orders)
        left = await connection.fetchval("SELECT count(*) FROM orders WHERE status = 'pending'")
    print(f"shipped {orders}, {left} left")


async def items_of(pool, orders, looped):
    """The items of each order, as the pages print them."""
    if looped:
        one = "SELECT quantity, product_id FROM order_items WHERE order_id = $1 ORDER BY id"
        found = await each(pool.fetch, one, orders)
    else:
        items = await pool.fetch("SELECT * FROM order_items WHERE order_id = ANY($1) ORDER BY id", orders)
        found = [[item for item in items if item["order_id"] == order] for order in orders]
    return [" ".join(f"{item['quantity']}x{item['product_id']}" for item in items) for items in found]


async def each(fetch, sql, values):
    """The loop: what is fetched for each value."""
    if GATHER:
        return await asyncio.gather(*(fetch(sql, value) for value in values))
    return [await fetch(sql, value) for value in values]


async def main(version, page):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=5) as pool:
        await globals()[page](pool, version == "looped")


if __name__ == "__main__":
    *mode, version, page = sys.argv[1:]
    GATHER = "--gather" in mode
    asyncio.run(main(version, page))
