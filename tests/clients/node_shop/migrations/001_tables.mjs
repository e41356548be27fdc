export async function up(knex) {
  await knex.schema
    .createTable('suppliers', (table) => {
      table.increments('id')
      table.text('name').notNullable()
    })
    .createTable('categories', (table) => {
      table.increments('id')
      table.text('name').notNullable()
      table.integer('parent_id').references('categories.id')
    })
    .createTable('products', (table) => {
      table.increments('id')
      table.text('name').notNullable()
      table.integer('supplier_id').notNullable().references('suppliers.id')
      table.integer('category_id').notNullable().references('categories.id')
      table.integer('price_cents').notNullable()
    })
    .createTable('warehouses', (table) => {
      table.increments('id')
      table.text('city').notNullable()
    })
    .createTable('stock', (table) => {
      table.integer('product_id').notNullable().references('products.id')
      table.integer('warehouse_id').notNullable().references('warehouses.id')
      table.integer('pieces').notNullable()
      table.primary(['product_id', 'warehouse_id'])
    })
    .createTable('rates', (table) => {
      table.text('currency').primary()
      table.decimal('per_euro').notNullable()
    })
}

export async function down(knex) {
  for (const table of ['rates', 'stock', 'warehouses', 'products', 'categories', 'suppliers']) {
    await knex.schema.dropTable(table)
  }
}
