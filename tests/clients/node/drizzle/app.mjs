// The pages on Drizzle: app.mjs looped|eager PAGE.
// Eager, with the relational queries, which are one statement with lateral joins and JSON.
import { count, desc, eq, inArray, relations } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const number = (name) => bigint(name, { mode: 'number' })
const users = pgTable('users', { id: number('id').primaryKey(), name: text('name') })
const orders = pgTable('orders', {
  id: number('id').primaryKey(),
  userId: number('user_id'),
  status: text('status'),
  createdAt: timestamp('created_at', { withTimezone: true }),
})
const items = pgTable('order_items', {
  id: number('id').primaryKey(),
  orderId: number('order_id'),
  productId: number('product_id'),
  quantity: integer('quantity'),
})
const schema = {
  users,
  orders,
  items,
  userRelations: relations(users, ({ many }) => ({ orders: many(orders) })),
  orderRelations: relations(orders, ({ one, many }) => ({
    user: one(users, { fields: [orders.userId], references: [users.id] }),
    items: many(items),
  })),
  itemRelations: relations(items, ({ one }) => ({
    order: one(orders, { fields: [items.orderId], references: [orders.id] }),
  })),
}
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 })
const db = drizzle(pool, { schema })
const itemsOf = (order) => db.select().from(items).where(eq(items.orderId, order.id)).orderBy(items.id)
const withItems = { with: { items: { orderBy: items.id } } }

const pages = {
  async recent_orders() {
    const latest = { orderBy: desc(orders.createdAt), limit: 20, with: looped ? undefined : { user: true } }
    for (const order of await db.query.orders.findMany(latest)) {
      const user = looped ? await db.query.users.findFirst({ where: eq(users.id, order.userId) }) : order.user
      console.log(`#${order.id} ${order.status} ${user.name}`)
    }
  },

  async order_counts() {
    const found = await db.select().from(users).orderBy(users.id).limit(20)
    if (looped) {
      for (const user of found) {
        console.log(`${user.name}: ${await db.$count(orders, eq(orders.userId, user.id))} orders`)
      }
      return
    }
    const counts = await db.select({ user: orders.userId, count: count() }).from(orders)
      .where(inArray(orders.userId, found.map((user) => user.id))).groupBy(orders.userId)
    const byUser = new Map(counts.map((row) => [row.user, row.count]))
    for (const user of found) console.log(`${user.name}: ${byUser.get(user.id)} orders`)
  },

  async order_items() {
    const latest = { orderBy: desc(orders.createdAt), limit: 15, ...(looped ? {} : withItems) }
    for (const order of await db.query.orders.findMany(latest)) {
      console.log(showItems(order.id, looped ? await itemsOf(order) : order.items, 'productId'))
    }
  },

  async nested() {
    const all = { with: { orders: { orderBy: orders.id, ...withItems } } }
    for (const user of await db.query.users.findMany({ orderBy: users.id, limit: 5, ...(looped ? {} : all) })) {
      console.log(user.name)
      const own = looped
        ? await db.query.orders.findMany({ where: eq(orders.userId, user.id), orderBy: orders.id })
        : user.orders
      for (const order of own) {
        console.log(`  ${showItems(order.id, looped ? await itemsOf(order) : order.items, 'productId')}`)
      }
    }
  },

  async ship_orders() {
    const pending = eq(orders.status, 'pending')
    const found = await db.select({ id: orders.id }).from(orders).where(pending).orderBy(orders.id).limit(12)
    const ids = found.map((order) => order.id)
    if (looped) for (const id of ids) await db.update(orders).set({ status: 'shipped' }).where(eq(orders.id, id))
    else await db.update(orders).set({ status: 'shipped' }).where(inArray(orders.id, ids))
    console.log(`shipped ${ids}, ${await db.$count(orders, pending)} left`)
  },
}

await pages[page]()
await pool.end()
