"""Money between accounts, and between budgets."""

from django.db import transaction
from django.db.models import F

from .models import Account, Budget, Ledger, Payout


@transaction.atomic
def transfer(source_id, target_id, cents):
    """Between two accounts, which are locked in the order of their keys, whoever pays."""
    accounts = Account.objects.select_for_update().filter(pk__in=[source_id, target_id]).order_by("pk")
    found = {account.pk: account for account in accounts}
    source, target = found[source_id], found[target_id]
    source.cents -= cents
    source.save(update_fields=["cents"])
    target.cents += cents
    target.save(update_fields=["cents"])


@transaction.atomic
def total_of(account_ids):
    """What several accounts hold together, kept still meanwhile, in the same order."""
    accounts = Account.objects.select_for_update().filter(pk__in=account_ids).order_by("pk")
    return sum(account.cents for account in accounts)


@transaction.atomic
def move_budget(year, source, target, cents):
    """Between two budgets in any order: the row of the year lets one in at a time."""
    Ledger.objects.select_for_update().get(pk=year)
    Budget.objects.filter(name=source).update(cents=F("cents") - cents)
    Budget.objects.filter(name=target).update(cents=F("cents") + cents)
    Ledger.objects.filter(pk=year).update(moves=F("moves") + 1)


@transaction.atomic
def pay_out():
    """The next payout that no other worker has, and its account; `None` where none is left."""
    payout = Payout.objects.select_for_update(skip_locked=True).filter(state="waiting").order_by("pk").first()
    if payout:
        Account.objects.filter(pk=payout.account_id).update(cents=F("cents") - payout.cents)
        Payout.objects.filter(pk=payout.pk).update(state="done")
    return payout
