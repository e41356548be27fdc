"""The pages on psycopg 2, which puts the values into the statement's text: app.py looped|eager PAGE."""

import os
import sys

import psycopg2
from psycopg2.extras import execute_values


def recent_orders(cursor, looped):
    if looped:
        cursor.execute("SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20")
        for order, user, status in cursor.fetchall():
            cursor.execute("SELECT name FROM users WHERE id = %s", (user,))
            print(f"#{order} {status} {cursor.fetchone()[0]}")
    else:
        cursor.execute(
            "SELECT o.id, o.status, u.name FROM orders o JOIN users u ON u.id = o.user_id"
            " ORDER BY o.created_at DESC LIMIT 20"
        )
        for order, status, name in cursor:
            print(f"#{order} {status} {name}")


def order_counts(cursor, looped):
    if looped:
        cursor.execute("SELECT id, name FROM users ORDER BY id LIMIT 20")
        for user, name in cursor.fetchall():
            cursor.execute("SELECT COUNT(*) FROM orders WHERE user_id = %(user)s", {"user": user})
            print(f"{name}: {cursor.fetchone()[0]} orders")
    else:
        cursor.execute(
            "SELECT name, (SELECT COUNT(*) FROM orders WHERE user_id = users.id) FROM users ORDER BY id LIMIT 20"
        )
        for name, count in cursor:
            print(f"{name}: {count} orders")


def order_items(cursor, looped):
    cursor.execute("SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")
    orders = [order for (order,) in cursor.fetchall()]
    for order, items in zip(orders, items_of(cursor, orders, looped)):
        print(f"#{order}: {items}")


def nested(cursor, looped):
    cursor.execute("SELECT id, name FROM users ORDER BY id LIMIT 5")
    users = cursor.fetchall()
    if looped:
        for user, name in users:
            cursor.execute("SELECT id FROM orders WHERE user_id = %s ORDER BY id", (user,))
            show(cursor, name, [order for (order,) in cursor.fetchall()])
        return
    cursor.execute(
        "SELECT o.user_id, o.id, i.quantity, i.product_id FROM orders o JOIN order_items i ON i.order_id = o.id"
        " WHERE o.user_id IN %s ORDER BY o.id, i.id",
        (tuple(user for user, _ in users),),
    )
    found = cursor.fetchall()
    for user, name in users:
        print(name)
        for order in dict.fromkeys(row[1] for row in found if row[0] == user):
            print(f"  #{order}: " + " ".join(f"{row[2]}x{row[3]}" for row in found if row[1] == order))


def show(cursor, name, orders):
    print(name)
    for order, items in zip(orders, items_of(cursor, orders, True)):
        print(f"  #{order}: {items}")


def ship_orders(cursor, looped):
    cursor.execute("SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12")
    orders = [order for (order,) in cursor.fetchall()]
    if looped:
        cursor.executemany("UPDATE orders SET status = 'shipped' WHERE id = %s", [(order,) for order in orders])
    else:
        execute_values(
            cursor,
            "UPDATE orders SET status = 'shipped' FROM (VALUES %s) AS shipped (id) WHERE orders.id = shipped.id",
            [(order,) for order in orders],
        )
    cursor.execute("SELECT COUNT(*) FROM orders WHERE status = 'pending'")
    print(f"shipped {orders}, {cursor.fetchone()[0]} left")


def items_of(cursor, orders, looped):
    """The items of each order, as the pages print them."""
    if looped:
        for order in orders:
            cursor.execute("SELECT quantity, product_id FROM order_items WHERE order_id = %s ORDER BY id", (order,))
            yield " ".join(f"{quantity}x{product}" for quantity, product in cursor.fetchall())
        return
    cursor.execute(
        "SELECT order_id, quantity, product_id FROM order_items WHERE order_id IN %s ORDER BY id", (tuple(orders),)
    )
    items = cursor.fetchall()
    for order in orders:
        yield " ".join(f"{item[1]}x{item[2]}" for item in items if item[0] == order)


if __name__ == "__main__":
    version, page = sys.argv[1:]
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        globals()[page](cursor, version == "looped")
    connection.close()
