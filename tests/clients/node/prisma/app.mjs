// The pages on Prisma with its driver adapter, which needs no engine: app.mjs looped|eager PAGE.
// Looped, related rows are asked for one by one; eager, with `include`.
import { PrismaPg } from '@prisma/adapter-pg'
import { showItems } from '../items.mjs'
import { PrismaClient } from './generated/index.js'

const [version, page] = process.argv.slice(-2)
const looped = version === 'looped'
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })
const byId = { orderBy: { id: 'asc' } }

const pages = {
  async recent_orders() {
    const include = looped ? undefined : { user: true }
    for (const order of await prisma.order.findMany({ orderBy: { createdAt: 'desc' }, take: 20, include })) {
      const user = looped ? await prisma.user.findUnique({ where: { id: order.userId } }) : order.user
      console.log(`#${order.id} ${order.status} ${user.name}`)
    }
  },

  async order_counts() {
    const include = looped ? undefined : { _count: { select: { orders: true } } }
    for (const user of await prisma.user.findMany({ ...byId, take: 20, include })) {
      const count = looped ? await prisma.order.count({ where: { userId: user.id } }) : user._count.orders
      console.log(`${user.name}: ${count} orders`)
    }
  },

  async order_items() {
    const include = looped ? undefined : { items: byId }
    for (const order of await prisma.order.findMany({ orderBy: { createdAt: 'desc' }, take: 15, include })) {
      const items = looped ? await prisma.item.findMany({ where: { orderId: order.id }, ...byId }) : order.items
      console.log(showItems(order.id, items, 'productId'))
    }
  },

  async nested() {
    const include = looped ? undefined : { orders: { ...byId, include: { items: byId } } }
    for (const user of await prisma.user.findMany({ ...byId, take: 5, include })) {
      console.log(user.name)
      const orders = looped ? await prisma.order.findMany({ where: { userId: user.id }, ...byId }) : user.orders
      for (const order of orders) {
        const items = looped ? await prisma.item.findMany({ where: { orderId: order.id }, ...byId }) : order.items
        console.log(`  ${showItems(order.id, items, 'productId')}`)
      }
    }
  },

  async ship_orders() {
    const where = { status: 'pending' }
    const orders = await prisma.order.findMany({ where, ...byId, take: 12 })
    const ids = orders.map((order) => order.id)
    const data = { status: 'shipped' }
    if (looped) for (const id of ids) await prisma.order.update({ where: { id }, data })
    else await prisma.order.updateMany({ where: { id: { in: ids } }, data })
    console.log(`shipped ${ids}, ${await prisma.order.count({ where })} left`)
  },
}

await pages[page]()
await prisma.$disconnect()
