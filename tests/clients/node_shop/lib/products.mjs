// What the pages about products ask the database.
import DataLoader from 'dataloader'

// Products with the names of their suppliers, joined.
export function withSuppliers(db) {
  return db('products as p').join('suppliers as s', 's.id', 'p.supplier_id').orderBy('p.id')
    .select('p.id', 'p.name', 's.name as supplier')
}

// The same. Planted: the supplier of each product is fetched by itself.
export async function withSuppliersOneByOne(db) {
  const products = await db('products').orderBy('id')
  for (const product of products) {
    product.supplier = (await db('suppliers').where({ id: product.supplier_id }).first()).name
  }
  return products.map(({ id, name, supplier }) => ({ id, name, supplier }))
}

// The same through a loader, which gathers the keys that are asked for at one time into one list.
export async function withSuppliersLoaded(db, filter = {}) {
  const loader = new DataLoader(async (keys) => {
    const found = await db('suppliers').whereIn('id', keys)
    return keys.map((key) => found.find((supplier) => supplier.id === key))
  })
  const products = await db('products').where(filter).orderBy('id')
  return Promise.all(products.map(async ({ id, name, supplier_id }) => {
    return { id, name, supplier: (await loader.load(supplier_id)).name }
  }))
}

// How much of each product there is where. Planted: all products at once, over the whole pool.
export async function stockOfEach(db) {
  const products = await db('products').orderBy('id').select('id', 'name')
  return Promise.all(products.map(async ({ id, name }) => {
    const stock = await db('stock').where('product_id', id).orderBy('warehouse_id').select('pieces')
    return { name, pieces: stock.map((row) => row.pieces) }
  }))
}

// The same by one statement.
export function stockTogether(db) {
  return db('products as p').join('stock as s', 's.product_id', 'p.id').groupBy('p.id').orderBy('p.id')
    .select('p.name', db.raw('array_agg(s.pieces ORDER BY s.warehouse_id) AS pieces'))
}

// The categories of products. Planted: each one's is fetched with its number written into the statement.
export async function categoriesOfEach(db) {
  const products = await db('products').whereNot('price_cents', 0).orderBy('id').select('name', 'category_id')
  for (const product of products) {
    const { rows } = await db.raw(`SELECT name FROM categories WHERE id = ${Number(product.category_id)}`)
    product.category = rows[0].name
  }
  return products
}

// Warehouses and how many products each has. Planted: a count for each, in a transaction.
export function warehouseReport(db) {
  return db.transaction(async (transaction) => {
    const warehouses = await transaction('warehouses').orderBy('id')
    for (const warehouse of warehouses) {
      const [{ count }] = await transaction('stock').where('warehouse_id', warehouse.id).count('*')
      warehouse.products = Number(count)
    }
    return warehouses.map(({ city, products }) => ({ city, products }))
  })
}

// The page of products after a key.
export function page(db, after, size) {
  return db('products').where('id', '>', after).orderBy('id').limit(size).select('id', 'name')
}

// The page of products at a place.
export function pageAt(db, offset, size) {
  return db('products').orderBy('name').limit(size).offset(offset).select('id', 'name')
}

// The way from a category up to the top: each step is known by the one before.
export async function pathUp(db, id) {
  const path = []
  while (id !== null) {
    const category = await db('categories').where({ id }).first()
    path.unshift(category.name)
    id = category.parent_id
  }
  return path
}

export function product(db, id) {
  return db('products').where({ id }).first()
}

// Every product, a few at a time from an open cursor.
export async function catalogue(db, write) {
  const rows = db('products').orderBy('id').select('id', 'name').stream({ highWaterMark: 4, batchSize: 4 })
  for await (const row of rows) write(row)
}
