import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addPoints } from '../lib/orders.mjs'
import { shop as newShop } from './shop.mjs'

const shop = newShop('test_orders')

describe('orders', () => {
  it('have lines', async () => {
    const orders = await shop.get('/orders?status=shipped')
    assert.deepEqual(orders.map((order) => order.lines.length), [3, 3, 3, 3, 3, 3])
  })

  it('may be none', async () => {
    assert.deepEqual(await shop.get('/orders?status=lost'), [])
  })

  // Planted: six orders, and the customer of each.
  it('have customers', async () => {
    assert.deepEqual((await shop.get('/orders/customers')).sort(), [0, 1, 2, 3, 4, 5].map((n) => `Customer ${n}`))
  })

  // Planted: seven lines, and the rate for each of them.
  it('have prices', async () => {
    const prices = await shop.get(`/orders/${shop.orders[0]}/prices?currency=SEK`)
    assert.equal(prices.length, 7)
    assert.equal(prices[1], '22.22')
  })

  // Planted: seven lines, and an UPDATE for each.
  it('are allocated', async () => {
    assert.deepEqual(await shop.post(`/orders/${shop.orders[0]}/allocate`), { lines: 7 })
  })

  it('are allocated together', async () => {
    assert.deepEqual(await shop.post(`/orders/${shop.orders[1]}/allocate?together=yes`), { lines: 3 })
  })

  it('are placed', async () => {
    const pieces = Object.fromEntries(shop.products.slice(0, 5).map((product) => [product, 2]))
    const { id } = await shop.post('/orders', { customer: shop.customers[0], pieces })
    assert.ok(id > shop.orders.at(-1))
    await shop.db('order_lines').where('order_id', id).delete()
    await shop.db('orders').where({ id }).delete()
  })
})

describe('points', () => {
  it('are added', async () => {
    assert.equal(await addPoints(shop.db, shop.customers[0], 5), 1)
  })

  // The same statements again, until no other transaction was faster.
  it('are added in the end', async () => {
    const [customer] = shop.customers.slice(1)
    const attempts = await addPoints(shop.db, customer, 5, async (attempt) => {
      if (attempt < 4) await shop.db('customers').where('id', customer).increment('points', 1)
    })
    assert.equal(attempts, 4)
    assert.equal((await shop.db('customers').where('id', customer).first()).points, 8)
  })
})
