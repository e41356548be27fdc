// What the pages about orders, and the workers, ask the database.

// Orders with their lines, by two statements.
export async function withLines(db, status) {
  const orders = await db('orders').where({ status }).orderBy('id')
  const lines = await db('order_lines').whereIn('order_id', orders.map((order) => order.id)).orderBy('id')
  return orders.map((order) => ({ ...order, lines: lines.filter((line) => line.order_id === order.id) }))
}

// The customers of the new orders. Planted: each order's is fetched by itself.
export async function customersOfEach(db) {
  const orders = await db('orders').where('status', 'new').orderBy('id', 'desc').select('id', 'customer_id')
  const names = []
  for (const order of orders) {
    names.push((await db('customers').where('id', order.customer_id).first('name')).name)
  }
  return names
}

// What the lines of an order cost in a currency, as of one moment. Planted: the rate is looked up for
// every line.
export function prices(db, order, currency) {
  return db.transaction(async (transaction) => {
    const lines = await transaction('order_lines as l').join('products as p', 'p.id', 'l.product_id')
      .where('l.order_id', order).orderBy('l.id').select('l.pieces', 'p.price_cents')
    const shown = []
    for (const line of lines) {
      const rate = await transaction('rates').where({ currency }).first('per_euro')
      shown.push((line.pieces * line.price_cents * rate.per_euro / 100).toFixed(2))
    }
    return shown
  }, { readOnly: true, isolationLevel: 'repeatable read' })
}

// Takes an order's lines out of the stock. Planted: an UPDATE for each line.
export function allocate(db, order) {
  return db.transaction(async (transaction) => {
    const lines = await transaction('order_lines').where('order_id', order).orderBy('id')
    for (const line of lines) await transaction('order_lines').where('id', line.id).update({ allocated: true })
    return lines.length
  })
}

// The same by one statement.
export function allocateTogether(db, order) {
  return db('order_lines').where('order_id', order).update({ allocated: true })
}

// Places an order: one INSERT for it and one for all of its lines.
export function place(db, customer, pieces) {
  return db.transaction(async (transaction) => {
    const [{ id }] = await transaction('orders').insert({ customer_id: customer }).returning('id')
    await transaction('order_lines')
      .insert(Object.entries(pieces).map(([product, count]) => ({ order_id: id, product_id: product, pieces: count })))
    return id
  })
}

// Gives points to a customer, and tries again as often as another transaction was faster.
export async function addPoints(db, customer, points, between = async () => {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      await db.transaction(async (transaction) => {
        const row = await transaction('customers').where('id', customer).first('points')
        await between(attempt)
        await transaction('customers').where('id', customer).update({ points: row.points + points })
      }, { isolationLevel: 'serializable' })
      return attempt
    } catch (error) {
      if (error.code !== '40001') throw error
    }
  }
}

export function addJobs(db, kinds) {
  return db('jobs').insert(kinds.map((kind) => ({ kind }))).returning('id')
}

export function job(db, id) {
  return db('jobs').where({ id }).first()
}

// A worker: takes one job after the other until none is waiting. Each is known only when it is taken.
export async function work(db, handle) {
  for (;;) {
    const found = await db.transaction(async (transaction) => {
      const next = await transaction('jobs').where('state', 'waiting').orderBy('id').first().forUpdate().skipLocked()
      if (next) {
        await handle(next)
        await transaction('jobs').where('id', next.id).update({ state: 'done' })
      }
      return next
    })
    if (!found) return
  }
}
