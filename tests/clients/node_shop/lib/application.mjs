// The shop's pages.
import express from 'express'
import { charge } from './charges.mjs'
import * as orders from './orders.mjs'
import * as products from './products.mjs'
import { refund } from './refunds.mjs'

export function application(db) {
  const app = express()
  app.use(express.json())
  const get = (path, answer) => app.get(path, async (request, response) => response.json(await answer(request)))

  get('/products', () => products.withSuppliers(db))
  get('/products/one-by-one', () => products.withSuppliersOneByOne(db))
  get('/products/loaded', ({ query }) => products.withSuppliersLoaded(db, query))
  get('/products/page', ({ query }) => products.page(db, Number(query.after ?? 0), 5))
  get('/products/page-at', ({ query }) => products.pageAt(db, Number(query.offset), 5))
  get('/products/categories', () => products.categoriesOfEach(db))
  app.get('/products/:id', async (request, response) => {
    const found = await products.product(db, request.params.id)
    response.status(found ? 200 : 404).json(found ?? {})
  })
  app.get('/catalogue.csv', async (_, response) => {
    response.type('text/csv')
    await products.catalogue(db, (row) => response.write(`${row.id},${row.name}\n`))
    response.end()
  })
  get('/stock', () => products.stockOfEach(db))
  get('/stock/together', () => products.stockTogether(db))
  get('/warehouses', () => products.warehouseReport(db))
  get('/categories/:id/path', ({ params }) => products.pathUp(db, Number(params.id)))
  get('/orders', ({ query }) => orders.withLines(db, query.status))
  get('/orders/customers', () => orders.customersOfEach(db))
  get('/orders/:id/prices', ({ params, query }) => orders.prices(db, params.id, query.currency))
  app.post('/orders', async ({ body }, response) => {
    response.status(201).json({ id: await orders.place(db, body.customer, body.pieces) })
  })
  app.post('/orders/:id/allocate', async ({ params, query }, response) => {
    const allocate = query.together ? orders.allocateTogether : orders.allocate
    response.json({ lines: await allocate(db, params.id) })
  })
  app.post('/accounts/:id/charge', async ({ params, body }, response) => {
    response.status(201).json({ charge: await charge(db, Number(params.id), body.till, body.cents) })
  })
  app.post('/charges/:id/refund', async ({ params }, response) => {
    response.json({ cents: await refund(db, Number(params.id)) })
  })
  get('/jobs/:id', ({ params }) => orders.job(db, params.id))
  return app
}
