// The pages on Knex: app.mjs looped|eager PAGE.
import Knex from 'knex'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const knex = Knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 0, max: 2 } })

async function itemsOf(orders) {
  if (!looped) {
    const items = await knex('order_items').whereIn('order_id', orders).orderBy('id')
    return orders.map((order) => items.filter((item) => item.order_id === order))
  }
  const found = []
  for (const order of orders) found.push(await knex('order_items').where('order_id', order).orderBy('id'))
  return found
}

const pages = {
  async recent_orders() {
    const latest = knex('orders').orderBy('created_at', 'desc').limit(20)
    if (looped) {
      for (const order of await latest) {
        const user = await knex('users').where({ id: order.user_id }).first('name')
        console.log(`#${order.id} ${order.status} ${user.name}`)
      }
    } else {
      const joined = latest.join('users', 'users.id', 'orders.user_id').select('orders.id', 'status', 'name')
      for (const order of await joined) console.log(`#${order.id} ${order.status} ${order.name}`)
    }
  },

  async order_counts() {
    const users = await knex('users').orderBy('id').limit(20)
    if (looped) {
      for (const user of users) {
        const [{ count }] = await knex('orders').where('user_id', user.id).count('*')
        console.log(`${user.name}: ${count} orders`)
      }
      return
    }
    const counts = await knex('orders').whereIn('user_id', users.map((user) => user.id))
      .groupBy('user_id').select('user_id').count('*')
    const byUser = new Map(counts.map((row) => [row.user_id, row.count]))
    for (const user of users) console.log(`${user.name}: ${byUser.get(user.id)} orders`)
  },

  async order_items() {
    const orders = await knex('orders').orderBy('created_at', 'desc').limit(15).pluck('id')
    const items = await itemsOf(orders)
    orders.forEach((order, n) => console.log(showItems(order, items[n])))
  },

  async nested() {
    const users = await knex('users').orderBy('id').limit(5)
    const all = looped ? [] : await knex('orders').whereIn('user_id', users.map((user) => user.id)).orderBy('id')
    const batch = looped ? [] : await itemsOf(all.map((order) => order.id))
    for (const user of users) {
      console.log(user.name)
      const orders = looped
        ? await knex('orders').where('user_id', user.id).orderBy('id')
        : all.filter((order) => order.user_id === user.id)
      const items = looped ? await itemsOf(orders.map((order) => order.id)) : orders.map((o) => batch[all.indexOf(o)])
      orders.forEach((order, n) => console.log(`  ${showItems(order.id, items[n])}`))
    }
  },

  async ship_orders() {
    const ids = await knex('orders').where('status', 'pending').orderBy('id').limit(12).pluck('id')
    await knex.transaction(async (transaction) => {
      if (looped) for (const id of ids) await transaction('orders').where({ id }).update({ status: 'shipped' })
      else await transaction('orders').whereIn('id', ids).update({ status: 'shipped' })
    })
    const [{ count }] = await knex('orders').where('status', 'pending').count('*')
    console.log(`shipped ${ids}, ${count} left`)
  },
}

await pages[page]()
await knex.destroy()
