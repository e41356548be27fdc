#!/bin/sh
# The pages by psql alone, in one session, as a report script does: app.sh looped|eager PAGE.
# Looped, the rows of a statement are written to a file and made into the statements of a second one.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

session() {
    psql -qXAt -v ON_ERROR_STOP=1 -d "$DATABASE_URL" "$@"
}

# The loop: a statement, and the awk program that makes the next statements of its rows.
loop() {
    session <<END
$1 \\g $work/rows
\\! awk -F '|' '$2' $work/rows >$work/loop.sql
\\i $work/loop.sql
END
}

# shellcheck disable=SC2016 # the dollars are awk's fields
case $1-$2 in
    looped-recent_orders)
        loop "SELECT user_id, id, status FROM orders ORDER BY created_at DESC LIMIT 20" \
            '{ print "\\qecho -n \047#" $2, $3 " \047\nSELECT name FROM users WHERE id = " $1 ";" }'
        ;;
    eager-recent_orders)
        session -c "SELECT '#' || o.id || ' ' || o.status || ' ' || u.name
            FROM orders o JOIN users u ON u.id = o.user_id ORDER BY o.created_at DESC LIMIT 20"
        ;;
    looped-order_counts)
        loop "SELECT id, name FROM users ORDER BY id LIMIT 20" \
            '{ print "\\qecho -n \047" $2 ": \047\nSELECT count(*) FROM orders WHERE user_id = " $1 ";" }'
        ;;
    eager-order_counts)
        session -c "SELECT u.name || ': ' || count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id
            GROUP BY u.id ORDER BY u.id LIMIT 20"
        ;;
    looped-ship_orders)
        loop "SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12" \
            '{ print "UPDATE orders SET status = \047shipped\047 WHERE id = " $1 " RETURNING id;" }'
        ;;
    eager-ship_orders)
        session -c "UPDATE orders SET status = 'shipped' WHERE id IN
            (SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12) RETURNING id"
        ;;
esac
