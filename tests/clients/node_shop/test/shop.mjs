// A shop for a test file: a schema with a few rows, and the application listening on a free port.
import { after, before } from 'node:test'
import { application } from '../lib/application.mjs'
import { connect } from '../lib/database.mjs'

export function shop(schema) {
  const db = connect(schema)
  const shop = { db }
  let server

  before(async () => {
    await db.raw('CREATE SCHEMA ??', [schema])
    await db.migrate.latest()
    await fill(db, shop)
    server = application(db).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const base = `http://127.0.0.1:${server.address().port}`
    shop.get = async (path) => (await fetch(base + path)).json()
    shop.fetch = (path, options) => fetch(base + path, options)
    shop.post = async (path, body = {}) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()
    }
  })

  after(async () => {
    server.closeAllConnections()
    server.close()
    await db.destroy()
  })
  return shop
}

// Twelve products of six suppliers in four categories, one above the other; six customers with two
// orders each.
async function fill(db, shop) {
  const numbers = (count) => Array.from({ length: count }, (_, n) => n)
  const ids = (rows) => rows.map((row) => row.id)
  const insert = (table, rows) => db(table).insert(rows).returning('id')
  shop.suppliers = ids(await insert('suppliers', numbers(6).map((n) => ({ name: `Supplier ${n}` }))))
  shop.categories = ids(await insert('categories', ['All', 'Garden', 'Tools', 'Spades'].map((name, n) => {
    return { name, parent_id: n || null }
  })))
  shop.products = ids(await insert('products', numbers(12).map((n) => ({
    name: `Product ${n}`,
    supplier_id: shop.suppliers[n % 6],
    category_id: shop.categories[n % 4],
    price_cents: 100 + n,
  }))))
  const warehouses = ids(await insert('warehouses', ['Ghent', 'Turku', 'Porto', 'Cork'].map((city) => ({ city }))))
  await db('stock').insert(shop.products.flatMap((product_id, n) => {
    return warehouses.slice(0, 2 + (n % 3)).map((warehouse_id) => ({ product_id, warehouse_id, pieces: n + warehouse_id }))
  }))
  await db('rates').insert([{ currency: 'EUR', per_euro: 1 }, { currency: 'SEK', per_euro: 11 }])
  shop.customers = ids(await insert('customers', numbers(6).map((n) => ({ name: `Customer ${n}` }))))
  shop.orders = ids(await insert('orders', numbers(12).map((n) => ({ customer_id: shop.customers[n % 6], status: n < 6 ? 'new' : 'shipped' }))))
  await db('order_lines').insert(shop.orders.flatMap((order_id, n) => {
    return numbers(n === 0 ? 7 : 3).map((k) => ({ order_id, product_id: shop.products[(n + k) % 12], pieces: 1 + k }))
  }))
}
