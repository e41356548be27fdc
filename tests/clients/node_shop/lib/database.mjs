// The pool of connections. Every test file has a schema of its own, so that they can run side by side.
import Knex from 'knex'

export function connect(schema) {
  return Knex({
    client: 'pg',
    connection: process.env.DATABASE_URL,
    searchPath: [schema],
    pool: { min: 0, max: 5 },
    migrations: { directory: new URL('../migrations', import.meta.url).pathname, loadExtensions: ['.mjs'], schemaName: schema },
  })
}
