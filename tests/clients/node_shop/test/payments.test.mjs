import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { charge } from '../lib/charges.mjs'
import { isPossible } from '../lib/refunds.mjs'
import { moveBudget, transfer } from '../lib/transfers.mjs'
import { shop as newShop } from './shop.mjs'

// One request at a time: nothing deadlocks here.
const shop = newShop('test_payments')
const centsOf = async (account) => (await shop.db('accounts').where('id', account).first('cents')).cents
let accounts, tills

describe('payments', () => {
  before(async () => {
    const ids = (rows) => rows.map((row) => row.id)
    accounts = ids(await shop.db('accounts').insert(shop.customers.map((customer_id) => ({ customer_id, cents: 10000 }))).returning('id'))
    tills = ids(await shop.db('tills').insert([{ city: 'Ghent' }, { city: 'Turku', cents: 5000 }]).returning('id'))
    await shop.db('ledgers').insert({ year: 2026 })
    await shop.db('budgets').insert(['rent', 'books', 'travel'].map((name) => ({ name, cents: 500 })))
  })

  describe('charges', () => {
    // Planted, one half: the account, then the till.
    it('go from an account into a till', async () => {
      const { charge } = await shop.post(`/accounts/${accounts[0]}/charge`, { till: tills[0], cents: 1500 })
      assert.ok(charge > 0)
      assert.equal(await centsOf(accounts[0]), 8500)
    })

    it('need money', async () => {
      await assert.rejects(charge(shop.db, accounts[1], tills[0], 99999), /not enough money/)
    })
  })

  describe('refunds', () => {
    // Planted, the other half: the till, then the account.
    it('go from the till into the account', async () => {
      const [{ id }] = await shop.db('charges').insert({ account_id: accounts[2], till_id: tills[1], cents: 700 }).returning('id')
      assert.equal(await isPossible(shop.db, id), true)
      assert.deepEqual(await shop.post(`/charges/${id}/refund`), { cents: 700 })
      assert.equal(await centsOf(accounts[2]), 10700)
    })
  })

  describe('transfers', () => {
    it('go upwards', async () => {
      await transfer(shop.db, accounts[3], accounts[4], 100)
      assert.equal(await centsOf(accounts[4]), 10100)
    })

    it('go downwards', async () => {
      await transfer(shop.db, accounts[5], accounts[3], 100)
      assert.equal(await centsOf(accounts[5]), 9900)
    })

    it('need money', async () => {
      await assert.rejects(transfer(shop.db, accounts[5], accounts[4], 99999), /not enough money/)
    })
  })

  describe('budgets', () => {
    it('are moved there', async () => {
      await moveBudget(shop.db, 2026, 'rent', 'books', 50)
      assert.equal((await shop.db('budgets').where('name', 'books').first()).cents, 550)
    })

    it('are moved back', async () => {
      await moveBudget(shop.db, 2026, 'books', 'rent', 50)
      assert.equal((await shop.db('ledgers').first()).moves, 2)
    })
  })
})
