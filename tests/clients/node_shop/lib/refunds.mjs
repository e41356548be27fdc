// A customer gets money back: out of the till that it went into, into the account.

// Planted: it locks the till, then the account; charges.charge does so the other way round.
export function refund(db, charge) {
  return db.transaction(async (transaction) => {
    const { account_id, till_id, cents } = await transaction('charges').where('id', charge).first()
    const till = await transaction('tills').where('id', till_id).forUpdate().first('cents')
    if (till.cents < cents) throw new Error('not enough money')
    await transaction('tills').where('id', till_id).update({ cents: till.cents - cents })
    await transaction('accounts').where('id', account_id).increment('cents', cents)
    await transaction('charges').where('id', charge).update({ refunded: true })
    return cents
  })
}

// Whether nobody is at the till or the account: in the same order, but it waits for neither.
export function isPossible(db, charge) {
  return db.transaction(async (transaction) => {
    const { account_id, till_id, cents } = await transaction('charges').where('id', charge).first()
    const till = await transaction('tills').where('id', till_id).forUpdate().noWait().first('cents')
    await transaction('accounts').where('id', account_id).forUpdate().noWait().first('id')
    return till.cents >= cents
  })
}
