// The pages on Postgres.js, which prepares every statement and sends several on one connection without
// waiting for the answers: app.mjs looped|eager PAGE.
import postgres from 'postgres'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const sql = postgres(process.env.DATABASE_URL, { max: 2, onnotice: () => {} })

const pages = {
  async recent_orders() {
    const orders = await sql`SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20`
    const users = looped
      ? (await Promise.all(orders.map((order) => sql`SELECT id, name FROM users WHERE id = ${order.user_id}`))).flat()
      : await sql`SELECT id, name FROM users WHERE id IN ${sql(orders.map((order) => order.user_id))}`
    const names = new Map(users.map((user) => [user.id, user.name]))
    for (const order of orders) console.log(`#${order.id} ${order.status} ${names.get(order.user_id)}`)
  },

  async order_counts() {
    const users = await sql`SELECT id, name FROM users ORDER BY id LIMIT 20`
    const counts = looped
      ? (await Promise.all(
          users.map((user) => sql`SELECT ${user.id} AS user_id, count(*) FROM orders WHERE user_id = ${user.id}`),
        )).flat()
      : await sql`SELECT user_id, count(*) FROM orders WHERE user_id IN ${sql(users.map((user) => user.id))} GROUP BY user_id`
    const byUser = new Map(counts.map((row) => [row.user_id, row.count]))
    for (const user of users) console.log(`${user.name}: ${byUser.get(user.id)} orders`)
  },

  async order_items() {
    const orders = (await sql`SELECT id FROM orders ORDER BY created_at DESC LIMIT 15`).map((row) => row.id)
    const items = looped
      ? (await Promise.all(orders.map((id) => sql`SELECT * FROM order_items WHERE order_id = ${id} ORDER BY id`))).flat()
      : await sql`SELECT * FROM order_items WHERE order_id IN ${sql(orders)} ORDER BY id`
    for (const order of orders) console.log(showItems(order, items.filter((item) => item.order_id === order)))
  },
}

await pages[page]()
await sql.end()
