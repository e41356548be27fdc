export async function up(knex) {
  await knex.schema
    .createTable('accounts', (table) => {
      table.increments('id')
      table.uuid('customer_id').notNullable().references('customers.id')
      table.integer('cents').notNullable().defaultTo(0)
    })
    .createTable('tills', (table) => {
      table.increments('id')
      table.text('city').notNullable()
      table.integer('cents').notNullable().defaultTo(0)
    })
    .createTable('charges', (table) => {
      table.increments('id')
      table.integer('account_id').notNullable().references('accounts.id')
      table.integer('till_id').notNullable().references('tills.id')
      table.integer('cents').notNullable()
      table.boolean('refunded').notNullable().defaultTo(false)
    })
    .createTable('ledgers', (table) => {
      table.integer('year').primary()
      table.integer('moves').notNullable().defaultTo(0)
    })
    .createTable('budgets', (table) => {
      table.text('name').primary()
      table.integer('cents').notNullable().defaultTo(0)
    })
}

export async function down(knex) {
  for (const table of ['budgets', 'ledgers', 'charges', 'tills', 'accounts']) await knex.schema.dropTable(table)
}
