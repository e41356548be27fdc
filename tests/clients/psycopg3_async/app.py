"""The pages on psycopg 3's asynchronous connection pool: app.py looped|eager PAGE."""

import asyncio
import os
import sys

from psycopg_pool import AsyncConnectionPool


async def recent_orders(pool, looped):
    async with pool.connection() as connection:
        if looped:
            cursor = await connection.execute(
                "SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20"
            )
            async for order, user, status in cursor:
                found = await connection.execute("SELECT name FROM users WHERE id = %s", (user,))
                [name] = await found.fetchone()
                print(f"#{order} {status} {name}")
        else:
            cursor = await connection.execute(
                "SELECT o.id, o.status, u.name FROM orders o JOIN users u ON u.id = o.user_id"
                " ORDER BY o.created_at DESC LIMIT 20"
            )
            async for order, status, name in cursor:
                print(f"#{order} {status} {name}")


async def order_counts(pool, looped):
    """Each user's count on whatever connection of the pool is free, all at the same time."""
    users = await rows(pool, "SELECT id, name FROM users ORDER BY id LIMIT 20")
    ids = [user for user, _ in users]
    if looped:
        count = "SELECT count(*) FROM orders WHERE user_id = %s"
        found = await asyncio.gather(*(rows(pool, count, user) for user in ids))
        counts = [counted for [(counted,)] in found]
    else:
        grouped = "SELECT user_id, count(*) FROM orders WHERE user_id = ANY(%s) GROUP BY user_id"
        by_id = dict(await rows(pool, grouped, ids))
        counts = [by_id[user] for user in ids]
    for (_, name), count in zip(users, counts):
        print(f"{name}: {count} orders")


async def order_items(pool, looped):
    orders = [order for (order,) in await rows(pool, "SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")]
    if looped:
        items = "SELECT quantity, product_id FROM order_items WHERE order_id = %s ORDER BY id"
        found = await asyncio.gather(*(rows(pool, items, order) for order in orders))
    else:
        items = "SELECT order_id, quantity, product_id FROM order_items WHERE order_id = ANY(%s) ORDER BY id"
        batch = await rows(pool, items, orders)
        found = [[item[1:] for item in batch if item[0] == order] for order in orders]
    for order, items in zip(orders, found):
        print(f"#{order}: " + " ".join(f"{quantity}x{product}" for quantity, product in items))


async def rows(pool, sql, *parameters):
    async with pool.connection() as connection:
        return await (await connection.execute(sql, parameters)).fetchall()


async def main(version, page):
    async with AsyncConnectionPool(os.environ["DATABASE_URL"], min_size=3, max_size=3) as pool:
        await pool.wait()
        await globals()[page](pool, version == "looped")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
