import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shop as newShop } from './shop.mjs'

const shop = newShop('test_products')

describe('products with suppliers', () => {
  it('joins them', async () => {
    const products = await shop.get('/products')
    assert.equal(products.length, 12)
    assert.equal(products[7].supplier, 'Supplier 1')
  })

  // Planted: twelve products, and the supplier of each.
  it('fetches them one by one', async () => {
    assert.deepEqual(await shop.get('/products/one-by-one'), await shop.get('/products'))
  })

  it('loads them together', async () => {
    assert.deepEqual(await shop.get('/products/loaded'), await shop.get('/products'))
  })

  it('loads as many as there are', async () => {
    const counts = []
    for (const supplier of [...shop.suppliers.slice(0, 2), '']) {
      const filter = supplier && `?supplier_id=${supplier}`
      counts.push((await shop.get(`/products/loaded${filter}`)).length)
    }
    assert.deepEqual(counts, [2, 2, 12])
  })
})

describe('a product', () => {
  // The same statement once in each of some tests, by keys that come out of one INSERT, and that the
  // list of all products has shown before.
  for (const place of [7, 0, 10, 3]) {
    it(`has the name of product ${place}`, async () => {
      assert.equal((await shop.get(`/products/${shop.products[place]}`)).name, `Product ${place}`)
    })
  }

  it('is missing', async () => {
    assert.equal((await shop.fetch('/products/999999')).status, 404)
  })
})

describe('pages', () => {
  it('go on after a key', async () => {
    const seen = []
    for (let page = await shop.get('/products/page'); page.length; page = await shop.get(`/products/page?after=${seen.at(-1)}`)) {
      seen.push(...page.map((product) => product.id))
    }
    assert.deepEqual(seen, shop.products)
  })

  it('go on at a place', async () => {
    const seen = []
    for (const offset of [0, 5, 10, 15]) seen.push(...(await shop.get(`/products/page-at?offset=${offset}`)))
    assert.equal(seen.length, 12)
  })

  it('come from an open cursor', async () => {
    const lines = (await (await shop.fetch('/catalogue.csv')).text()).trim().split('\n')
    assert.equal(lines.length, 12)
  })
})

describe('stock', () => {
  // Planted: twelve products, and the stock of each, over the whole pool.
  it('is asked for all at once', async () => {
    const stock = await shop.get('/stock')
    assert.deepEqual(stock[4].pieces, [5, 6, 7])
  })

  it('is asked for together', async () => {
    assert.deepEqual((await shop.get('/stock/together'))[4].pieces, [5, 6, 7])
  })

  // Planted: four warehouses, and a count for each.
  it('is reported by warehouse', async () => {
    assert.deepEqual((await shop.get('/warehouses')).map((row) => row.products), [12, 12, 8, 4])
  })
})

describe('categories', () => {
  it('know the way up', async () => {
    assert.deepEqual(await shop.get(`/categories/${shop.categories[3]}/path`), ['All', 'Garden', 'Tools', 'Spades'])
  })

  // Planted: twelve products, and the category of each, by its number in the statement's text.
  it('are those of the products', async () => {
    assert.equal((await shop.get('/products/categories'))[6].category, 'Tools')
  })
})
