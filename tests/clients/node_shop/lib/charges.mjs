// A customer pays: out of the account, into a till.

// Planted: it locks the account, then the till; refunds.refund does so the other way round.
export function charge(db, account, till, cents) {
  return db.transaction(async (transaction) => {
    const payer = await transaction('accounts').where('id', account).forUpdate().first('cents')
    if (payer.cents < cents) throw new Error('not enough money')
    await transaction('accounts').where('id', account).update({ cents: payer.cents - cents })
    await transaction('tills').where('id', till).increment('cents', cents)
    const [{ id }] = await transaction('charges').insert({ account_id: account, till_id: till, cents }).returning('id')
    return id
  })
}
