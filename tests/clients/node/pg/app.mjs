// The pages on node-postgres: app.mjs [--prepared|--parallel] looped|eager PAGE.
// --prepared names the looped statements; --parallel runs them at the same time on a pool of five.
import pg from 'pg'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const prepared = process.argv.includes('--prepared')
const parallel = process.argv.includes('--parallel')
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: parallel ? 5 : 1 })

async function rows(text, values) {
  return (await pool.query({ text, values, name: prepared && values ? text.slice(0, 60) : undefined })).rows
}

// The loop: the rows of the statement for each value.
async function each(text, values) {
  if (parallel) return Promise.all(values.map((value) => rows(text, [value])))
  const found = []
  for (const value of values) found.push(await rows(text, [value]))
  return found
}

async function itemsOf(orders) {
  if (looped) return each('SELECT * FROM order_items WHERE order_id = $1 ORDER BY id', orders)
  const items = await rows('SELECT * FROM order_items WHERE order_id = ANY($1) ORDER BY id', [orders])
  return orders.map((order) => items.filter((item) => item.order_id === order))
}

const pages = {
  async recent_orders() {
    const orders = await rows('SELECT id, user_id, status FROM orders ORDER BY created_at DESC LIMIT 20')
    const ids = orders.map((order) => order.user_id)
    const users = looped
      ? (await each('SELECT id, name FROM users WHERE id = $1', ids)).flat()
      : await rows('SELECT id, name FROM users WHERE id = ANY($1)', [ids])
    const names = new Map(users.map((user) => [user.id, user.name]))
    for (const order of orders) console.log(`#${order.id} ${order.status} ${names.get(order.user_id)}`)
  },

  async order_counts() {
    if (!looped) {
      const counted = await rows(`SELECT u.name, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id
        GROUP BY u.id ORDER BY u.id LIMIT 20`)
      for (const { name, count } of counted) console.log(`${name}: ${count} orders`)
      return
    }
    const users = await rows('SELECT id, name FROM users ORDER BY id LIMIT 20')
    const counts = await each('SELECT count(*) FROM orders WHERE user_id = $1', users.map((user) => user.id))
    users.forEach((user, n) => console.log(`${user.name}: ${counts[n][0].count} orders`))
  },

  async order_items() {
    const orders = (await rows('SELECT id FROM orders ORDER BY created_at DESC LIMIT 15')).map((row) => row.id)
    const items = await itemsOf(orders)
    orders.forEach((order, n) => console.log(showItems(order, items[n])))
  },

  async nested() {
    const users = await rows('SELECT id, name FROM users ORDER BY id LIMIT 5')
    const ids = users.map((user) => user.id)
    const found = looped
      ? (await each('SELECT id, user_id FROM orders WHERE user_id = $1 ORDER BY id', ids)).flat()
      : await rows('SELECT id, user_id FROM orders WHERE user_id = ANY($1) ORDER BY user_id, id', [ids])
    const items = await itemsOf(found.map((order) => order.id))
    for (const user of users) {
      console.log(user.name)
      found.forEach((order, n) => order.user_id === user.id && console.log(`  ${showItems(order.id, items[n])}`))
    }
  },

  async ship_orders() {
    const pending = await rows("SELECT id FROM orders WHERE status = 'pending' ORDER BY id LIMIT 12")
    const ids = pending.map((order) => order.id)
    if (looped) await each("UPDATE orders SET status = 'shipped' WHERE id = $1", ids)
    else await rows("UPDATE orders SET status = 'shipped' WHERE id = ANY($1)", [ids])
    const [left] = await rows("SELECT count(*) FROM orders WHERE status = 'pending'")
    console.log(`shipped ${ids}, ${left.count} left`)
  },
}

await pages[page]()
await pool.end()
