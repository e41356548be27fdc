"""The pages on psycopg 3: app.py [--prepared|--binary|--pipeline] looped|eager PAGE."""

import os
import sys

import psycopg

BINARY = False


def recent_orders(connection, looped):
    orders = rows(connection, "SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20")
    if looped:
        names = each(connection, "SELECT name FROM users WHERE id = %s", [order[1] for order in orders])
        names = [found[0][0] for found in names]
    else:
        users = [order[1] for order in orders]
        by_id = dict(rows(connection, "SELECT id, name FROM users WHERE id = ANY(%s)", users))
        names = [by_id[user] for user in users]
    for (order, _, status), name in zip(orders, names):
        print(f"#{order} {status} {name}")


def order_counts(connection, looped):
    if looped:
        users = rows(connection, "SELECT id, name FROM users ORDER BY id LIMIT 20")
        counts = each(connection, "SELECT count(*) FROM orders WHERE user_id = %s", [user[0] for user in users])
        counted = [(name, found[0][0]) for (_, name), found in zip(users, counts)]
    else:
        counted = rows(
            connection,
            "SELECT u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id"
            " GROUP BY u.id ORDER BY u.id LIMIT 20",
        )
    for name, count in counted:
        print(f"{name}: {count} orders")


def order_items(connection, looped):
    orders = rows(connection, "SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")
    ids = [order for (order,) in orders]
    for order, items in zip(ids, items_of(connection, ids, looped)):
        print(f"#{order}: {items}")


def nested(connection, looped):
    users = rows(connection, "SELECT id, name FROM users ORDER BY id LIMIT 5")
    ids = [user for user, _ in users]
    if looped:
        orders = each(connection, "SELECT id FROM orders WHERE user_id = %s ORDER BY id", ids)
        orders = [[order for (order,) in found] for found in orders]
    else:
        found = rows(connection, "SELECT user_id, id FROM orders WHERE user_id = ANY(%s) ORDER BY id", ids)
        orders = [[order for owner, order in found if owner == user] for user in ids]
    items = iter(items_of(connection, [order for found in orders for order in found], looped))
    for (_, name), found in zip(users, orders):
        print(name)
        for order in found:
            print(f"  #{order}: {next(items)}")


def ship_orders(connection, looped):
    pending = rows(connection, "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12")
    ids = [order for (order,) in pending]
    if looped:
        each(connection, "UPDATE orders SET status = 'shipped' WHERE id = %s", ids)
    else:
        rows(connection, "UPDATE orders SET status = 'shipped' WHERE id = ANY(%s)", ids)
    [(left,)] = rows(connection, "SELECT count(*) FROM orders WHERE status = 'pending'")
    print(f"shipped {ids}, {left} left")


def items_of(connection, orders, looped):
    """The items of each order, as the pages print them."""
    if looped:
        found = each(
            connection, "SELECT quantity, product_id FROM order_items WHERE order_id = %s ORDER BY id", orders
        )
    else:
        items = rows(
            connection,
            "SELECT order_id, quantity, product_id FROM order_items WHERE order_id = ANY(%s) ORDER BY id",
            orders,
        )
        found = [[item[1:] for item in items if item[0] == order] for order in orders]
    return [" ".join(f"{quantity}x{product}" for quantity, product in items) for items in found]


def rows(connection, sql, *parameters):
    """One statement's rows."""
    cursor = connection.cursor(binary=BINARY)
    cursor.execute(sql, parameters)
    return cursor.fetchall() if cursor.description else []


def each(connection, sql, values):
    """The loop: the rows for each value in turn."""
    return [rows(connection, sql, value) for value in values]


def each_pipelined(connection, sql, values):
    """The loop without waiting: all is sent before the first answer is read."""
    with connection.pipeline():
        cursors = [connection.execute(sql, (value,)) for value in values]
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


if __name__ == "__main__":
    *mode, version, page = sys.argv[1:]
    BINARY = "--binary" in mode
    if "--pipeline" in mode:
        each = each_pipelined
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        if "--prepared" in mode:
            connection.prepare_threshold = 0
        globals()[page](connection, version == "looped")
