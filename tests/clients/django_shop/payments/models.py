"""Money: what customers have, what is in the tills, and what has moved."""

from customers.models import Customer
from django.db import models


class Account(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="accounts")
    cents = models.IntegerField(default=0)


class Till(models.Model):
    city = models.CharField(max_length=50)
    cents = models.IntegerField(default=0)


class Charge(models.Model):
    account = models.ForeignKey(Account, models.PROTECT, related_name="charges")
    till = models.ForeignKey(Till, models.PROTECT, related_name="+")
    cents = models.IntegerField()
    refunded = models.BooleanField(default=False)


class Payout(models.Model):
    account = models.ForeignKey(Account, models.PROTECT, related_name="payouts")
    cents = models.IntegerField()
    state = models.CharField(max_length=20, default="waiting")


class Ledger(models.Model):
    """Whoever moves money between budgets holds the row of the year."""

    year = models.IntegerField(primary_key=True)
    moves = models.IntegerField(default=0)


class Budget(models.Model):
    name = models.CharField(max_length=50, unique=True)
    cents = models.IntegerField(default=0)
