"""What was bought."""

import uuid

from catalogue.models import Product
from customers.models import Customer
from django.db import models


class Setting(models.Model):
    key = models.CharField(max_length=50, primary_key=True)
    value = models.CharField(max_length=200)


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders")
    number = models.CharField(max_length=20, unique=True)
    status = models.CharField(max_length=20, default="new")
    placed_at = models.DateTimeField(auto_now_add=True)


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()


class Job(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    done = models.IntegerField(default=0)
    total = models.IntegerField()
