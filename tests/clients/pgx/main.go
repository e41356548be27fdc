// The pages on pgx: main [--database-sql] looped|eager PAGE.
//
// pgx prepares each statement and asks for binary values. With --database-sql the looped statements go
// through Go's own database/sql and lib/pq, which prepares a statement anew each time.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v4/pgxpool"
	_ "github.com/lib/pq"
)

// A database, however it is reached: the rows of a statement, as text.
type query func(statement string, values ...interface{}) [][]string

func main() {
	page := os.Args[len(os.Args)-1]
	looped := os.Args[len(os.Args)-2] == "looped"
	rows := overPgx()
	if os.Args[1] == "--database-sql" {
		rows = overDatabaseSQL()
	}
	pages := map[string]func(query, bool){
		"recent_orders": recentOrders,
		"order_counts":  orderCounts,
		"order_items":   orderItems,
		"ship_orders":   shipOrders,
	}
	pages[page](rows, looped)
}

func overPgx() query {
	pool, err := pgxpool.Connect(context.Background(), os.Getenv("DATABASE_URL"))
	check(err)
	return func(statement string, values ...interface{}) [][]string {
		rows, err := pool.Query(context.Background(), statement, values...)
		check(err)
		defer rows.Close()
		var found [][]string
		for rows.Next() {
			columns, err := rows.Values()
			check(err)
			found = append(found, text(columns))
		}
		check(rows.Err())
		return found
	}
}

func overDatabaseSQL() query {
	database, err := sql.Open("postgres", os.Getenv("DATABASE_URL")+"?sslmode=disable")
	check(err)
	return func(statement string, values ...interface{}) [][]string {
		rows, err := database.Query(statement, values...)
		check(err)
		defer rows.Close()
		names, err := rows.Columns()
		check(err)
		var found [][]string
		for rows.Next() {
			columns := make([]interface{}, len(names))
			pointers := make([]interface{}, len(names))
			for n := range columns {
				pointers[n] = &columns[n]
			}
			check(rows.Scan(pointers...))
			found = append(found, text(columns))
		}
		check(rows.Err())
		return found
	}
}

func recentOrders(rows query, looped bool) {
	if !looped {
		for _, row := range rows(`SELECT o.id, o.status, u.name FROM orders o JOIN users u ON u.id = o.user_id
			ORDER BY o.created_at DESC LIMIT 20`) {
			fmt.Printf("#%s %s %s\n", row[0], row[1], row[2])
		}
		return
	}
	for _, order := range rows("SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20") {
		user := rows("SELECT name FROM users WHERE id = $1", number(order[1]))
		fmt.Printf("#%s %s %s\n", order[0], order[2], user[0][0])
	}
}

func orderCounts(rows query, looped bool) {
	if !looped {
		for _, row := range rows(`SELECT u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id
			GROUP BY u.id ORDER BY u.id LIMIT 20`) {
			fmt.Printf("%s: %s orders\n", row[0], row[1])
		}
		return
	}
	for _, user := range rows("SELECT id, name FROM users ORDER BY id LIMIT 20") {
		count := rows("SELECT count(*) FROM orders WHERE user_id = $1", number(user[0]))
		fmt.Printf("%s: %s orders\n", user[1], count[0][0])
	}
}

func orderItems(rows query, looped bool) {
	orders := rows("SELECT id FROM orders ORDER BY created_at DESC LIMIT 15")
	batch := map[string][]string{}
	if !looped {
		statement := "SELECT order_id, quantity, product_id FROM order_items WHERE order_id IN (%s) ORDER BY id"
		for _, item := range rows(fmt.Sprintf(statement, list(orders))) {
			batch[item[0]] = append(batch[item[0]], item[1]+"x"+item[2])
		}
	}
	for _, order := range orders {
		items := batch[order[0]]
		if looped {
			statement := "SELECT quantity, product_id FROM order_items WHERE order_id = $1 ORDER BY id"
			for _, item := range rows(statement, number(order[0])) {
				items = append(items, item[0]+"x"+item[1])
			}
		}
		fmt.Printf("#%s: %s\n", order[0], strings.Join(items, " "))
	}
}

func shipOrders(rows query, looped bool) {
	orders := rows("SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12")
	if looped {
		for _, order := range orders {
			rows("UPDATE orders SET status = 'shipped' WHERE id = $1", number(order[0]))
		}
	} else {
		rows(fmt.Sprintf("UPDATE orders SET status = 'shipped' WHERE id IN (%s)", list(orders)))
	}
	left := rows("SELECT count(*) FROM orders WHERE status = 'pending'")
	fmt.Printf("shipped %s, %s left\n", list(orders), left[0][0])
}

func list(rows [][]string) string {
	var keys []string
	for _, row := range rows {
		keys = append(keys, row[0])
	}
	return strings.Join(keys, ", ")
}

func number(text string) int64 {
	var value int64
	_, err := fmt.Sscan(text, &value)
	check(err)
	return value
}

func text(columns []interface{}) []string {
	var texts []string
	for _, column := range columns {
		if bytes, ok := column.([]byte); ok {
			column = string(bytes)
		}
		texts = append(texts, fmt.Sprint(column))
	}
	return texts
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
