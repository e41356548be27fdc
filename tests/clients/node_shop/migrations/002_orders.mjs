export async function up(knex) {
  await knex.schema
    .createTable('customers', (table) => {
      table.uuid('id').primary().defaultTo(knex.fn.uuid())
      table.text('name').notNullable()
      table.integer('points').notNullable().defaultTo(0)
    })
    .createTable('orders', (table) => {
      table.increments('id')
      table.uuid('customer_id').notNullable().references('customers.id')
      table.text('status').notNullable().defaultTo('new')
    })
    .createTable('order_lines', (table) => {
      table.increments('id')
      table.integer('order_id').notNullable().references('orders.id').index()
      table.integer('product_id').notNullable().references('products.id')
      table.integer('pieces').notNullable()
      table.boolean('allocated').notNullable().defaultTo(false)
    })
    .createTable('jobs', (table) => {
      table.increments('id')
      table.text('kind').notNullable()
      table.text('state').notNullable().defaultTo('waiting')
    })
}

export async function down(knex) {
  for (const table of ['jobs', 'order_lines', 'orders', 'customers']) await knex.schema.dropTable(table)
}
