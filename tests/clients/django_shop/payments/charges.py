"""A customer pays: out of the account, into a till."""

from django.db import transaction

from .models import Account, Charge, Till


@transaction.atomic
def charge(account_id, till_id, cents):
    """Planted: it locks the account, then the till; `refunds.refund` does so the other way round."""
    account = Account.objects.select_for_update().get(pk=account_id)
    if account.cents < cents:
        raise ValueError("not enough money")
    till = Till.objects.select_for_update().get(pk=till_id)
    account.cents -= cents
    account.save(update_fields=["cents"])
    till.cents += cents
    till.save(update_fields=["cents"])
    return Charge.objects.create(account=account, till=till, cents=cents)
