"""A customer gets money back: out of the till that it went into, into the account."""

from django.db import transaction

from .models import Account, Charge, Till


@transaction.atomic
def refund(charge_id):
    """Planted: it locks the till, then the account; `charges.charge` does so the other way round."""
    charge = Charge.objects.get(pk=charge_id, refunded=False)
    till = Till.objects.select_for_update().get(pk=charge.till_id)
    till.cents -= charge.cents
    till.save(update_fields=["cents"])
    account = Account.objects.select_for_update().get(pk=charge.account_id)
    account.cents += charge.cents
    account.save(update_fields=["cents"])
    Charge.objects.filter(pk=charge.pk).update(refunded=True)
    return charge


@transaction.atomic
def refund_is_possible(charge_id):
    """Whether nobody is at the till or the account: in the same order, but it waits for neither."""
    charge = Charge.objects.get(pk=charge_id)
    till = Till.objects.select_for_update(nowait=True).get(pk=charge.till_id)
    account = Account.objects.select_for_update(nowait=True).get(pk=charge.account_id)
    return till.cents >= charge.cents and account.pk == charge.account_id
