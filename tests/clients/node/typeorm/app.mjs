// The pages on TypeORM: app.mjs looped|eager PAGE.
// Looped, relations are lazy, a promise each; eager, with `relations`.
import 'reflect-metadata'
import { DataSource, EntitySchema, In } from 'typeorm'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const key = { type: 'bigint', primary: true }

class User {}
class Order {}
class Item {}
const entities = [
  new EntitySchema({
    target: User, name: 'User', tableName: 'users',
    columns: { id: key, name: { type: 'text' } },
    relations: { orders: { type: 'one-to-many', target: 'Order', inverseSide: 'user', lazy: looped } },
  }),
  new EntitySchema({
    target: Order, name: 'Order', tableName: 'orders',
    columns: {
      id: key,
      userId: { name: 'user_id', type: 'bigint' },
      status: { type: 'text' },
      createdAt: { name: 'created_at', type: 'timestamptz' },
    },
    relations: {
      user: { type: 'many-to-one', target: 'User', inverseSide: 'orders', joinColumn: { name: 'user_id' }, lazy: looped },
      items: { type: 'one-to-many', target: 'Item', inverseSide: 'order', lazy: looped },
    },
  }),
  new EntitySchema({
    target: Item, name: 'Item', tableName: 'order_items',
    columns: {
      id: key,
      orderId: { name: 'order_id', type: 'bigint' },
      productId: { name: 'product_id', type: 'bigint' },
      quantity: { type: 'int' },
    },
    relations: { order: { type: 'many-to-one', target: 'Order', inverseSide: 'items', joinColumn: { name: 'order_id' } } },
  }),
]
const source = await new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, entities }).initialize()
const [users, orders] = [source.getRepository(User), source.getRepository(Order)]
const byId = (a, b) => Number(a.id) - Number(b.id)

const pages = {
  async recent_orders() {
    const relations = looped ? {} : { user: true }
    for (const order of await orders.find({ order: { createdAt: 'DESC' }, take: 20, relations })) {
      console.log(`#${order.id} ${order.status} ${(await order.user).name}`)
    }
  },

  async order_counts() {
    const found = await users.find({ order: { id: 'ASC' }, take: 20 })
    const counts = new Map()
    if (!looped) {
      const grouped = await orders.createQueryBuilder('o').select('o.user_id', 'user').addSelect('count(*)', 'count')
        .where({ userId: In(found.map((user) => user.id)) }).groupBy('o.user_id').getRawMany()
      for (const { user, count } of grouped) counts.set(user, count)
    }
    for (const user of found) {
      const count = looped ? await orders.countBy({ userId: user.id }) : counts.get(user.id)
      console.log(`${user.name}: ${count} orders`)
    }
  },

  async order_items() {
    const relations = looped ? {} : { items: true }
    for (const order of await orders.find({ order: { createdAt: 'DESC' }, take: 15, relations, relationLoadStrategy: 'query' })) {
      console.log(showItems(order.id, (await order.items).sort(byId), 'productId'))
    }
  },

  async nested() {
    const relations = looped ? {} : { orders: { items: true } }
    for (const user of await users.find({ order: { id: 'ASC' }, take: 5, relations })) {
      console.log(user.name)
      for (const order of (await user.orders).sort(byId)) {
        console.log(`  ${showItems(order.id, (await order.items).sort(byId), 'productId')}`)
      }
    }
  },

  async ship_orders() {
    const found = await orders.find({ where: { status: 'pending' }, order: { id: 'ASC' }, take: 12 })
    const ids = found.map((order) => order.id)
    if (looped) for (const id of ids) await orders.update({ id }, { status: 'shipped' })
    else await orders.update({ id: In(ids) }, { status: 'shipped' })
    console.log(`shipped ${ids}, ${await orders.countBy({ status: 'pending' })} left`)
  },
}

await pages[page]()
await source.destroy()
