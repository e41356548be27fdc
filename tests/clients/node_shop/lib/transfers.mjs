// Money between accounts, and between budgets.

// Between two accounts, which are locked in the order of their keys, whoever pays.
export function transfer(db, source, target, cents) {
  return db.transaction(async (transaction) => {
    const locked = await transaction('accounts').whereIn('id', [source, target]).orderBy('id').forUpdate().select('id', 'cents')
    const payer = locked.find((account) => account.id === source)
    if (payer.cents < cents) throw new Error('not enough money')
    await transaction('accounts').where('id', source).decrement('cents', cents)
    await transaction('accounts').where('id', target).increment('cents', cents)
  })
}

// Between two budgets in any order: the row of the year lets one in at a time.
export function moveBudget(db, year, source, target, cents) {
  return db.transaction(async (transaction) => {
    await transaction('ledgers').where({ year }).increment('moves', 1)
    await transaction('budgets').where('name', source).decrement('cents', cents)
    await transaction('budgets').where('name', target).increment('cents', cents)
  })
}
