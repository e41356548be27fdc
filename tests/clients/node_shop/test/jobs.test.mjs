import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addJobs, work } from '../lib/orders.mjs'
import { shop as newShop } from './shop.mjs'

const shop = newShop('test_jobs')

describe('jobs', () => {
  // A queue: each job is known only when it is taken, so that nothing can be batched.
  it('are worked off one after the other', async () => {
    await addJobs(shop.db, ['mail', 'mail', 'index', 'mail', 'report', 'index'])
    const kinds = []
    await work(shop.db, async (job) => kinds.push(job.kind))
    assert.equal(kinds.length, 6)
    assert.equal((await shop.db('jobs').where('state', 'waiting')).length, 0)
  })

  // Polling: the same row is read until it is done.
  it('are waited for', async () => {
    const [{ id }] = await addJobs(shop.db, ['slow'])
    let release
    const working = work(shop.db, () => new Promise((resolve) => (release = resolve)))
    let asked = 0
    while ((await shop.get(`/jobs/${id}`)).state !== 'done') if (++asked === 6) release()
    await working
    assert.ok(asked >= 6)
  })

  it('are announced to whoever listens', async () => {
    const connection = await shop.db.client.acquireConnection()
    const heard = new Promise((resolve) => connection.once('notification', (message) => resolve(message.payload)))
    await connection.query('LISTEN jobs')
    await shop.db.raw("SELECT pg_notify('jobs', 'new')")
    assert.equal(await heard, 'new')
    await connection.query('UNLISTEN jobs')
    await shop.db.client.releaseConnection(connection)
  })

  it('fail loudly where a statement is wrong', async () => {
    await assert.rejects(shop.db.raw('SELECT nothing FROM nowhere'), { code: '42P01' })
  })
})
