// The pages on Sequelize, which puts the values into the statement's text: app.mjs looped|eager PAGE.
// Looped, associations are asked for one by one; eager, with `include`.
import { DataTypes, Sequelize } from 'sequelize'
import { showItems } from '../items.mjs'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false, define: { timestamps: false, underscored: true } })
const key = { type: DataTypes.BIGINT, primaryKey: true }
const User = sequelize.define('User', { id: key, name: DataTypes.TEXT }, { tableName: 'users' })
const Order = sequelize.define('Order', { id: key, status: DataTypes.TEXT, createdAt: DataTypes.DATE }, { tableName: 'orders' })
const Item = sequelize.define('Item', { id: key, productId: DataTypes.BIGINT, quantity: DataTypes.INTEGER }, { tableName: 'order_items' })
Order.belongsTo(User, { as: 'user', foreignKey: 'userId' })
User.hasMany(Order, { as: 'orders', foreignKey: 'userId' })
Order.hasMany(Item, { as: 'items', foreignKey: 'orderId' })

const pages = {
  async recent_orders() {
    const include = looped ? [] : [{ model: User, as: 'user' }]
    for (const order of await Order.findAll({ order: [['createdAt', 'DESC']], limit: 20, include })) {
      const user = looped ? await order.getUser() : order.user
      console.log(`#${order.id} ${order.status} ${user.name}`)
    }
  },

  async order_counts() {
    const count = [Sequelize.literal('(SELECT count(*) FROM orders o WHERE o.user_id = "User".id)'), 'count']
    const attributes = looped ? undefined : { include: [count] }
    for (const user of await User.findAll({ order: ['id'], limit: 20, attributes })) {
      console.log(`${user.name}: ${looped ? await user.countOrders() : user.get('count')} orders`)
    }
  },

  async order_items() {
    const include = looped ? [] : [{ model: Item, as: 'items' }]
    const order = looped ? [['createdAt', 'DESC']] : [['createdAt', 'DESC'], ['items', 'id', 'ASC']]
    for (const found of await Order.findAll({ order, limit: 15, include })) {
      const items = looped ? await found.getItems({ order: ['id'] }) : found.items
      console.log(showItems(found.id, items, 'productId'))
    }
  },

  async nested() {
    // `separate` asks for all children of all parents with one statement.
    const items = { model: Item, as: 'items', separate: true, order: ['id'] }
    const orders = { model: Order, as: 'orders', separate: true, order: ['id'], include: [items] }
    for (const user of await User.findAll({ order: ['id'], limit: 5, include: looped ? [] : [orders] })) {
      console.log(user.name)
      for (const order of looped ? await user.getOrders({ order: ['id'] }) : user.orders) {
        const found = looped ? await order.getItems({ order: ['id'] }) : order.items
        console.log(`  ${showItems(order.id, found, 'productId')}`)
      }
    }
  },

  async ship_orders() {
    const where = { status: 'pending' }
    const orders = await Order.findAll({ where, order: ['id'], limit: 12 })
    const ids = orders.map((order) => order.id)
    if (looped) for (const order of orders) await order.update({ status: 'shipped' })
    else await Order.update({ status: 'shipped' }, { where: { id: ids } })
    console.log(`shipped ${ids}, ${await Order.count({ where })} left`)
  },
}

await pages[page]()
await sequelize.close()
