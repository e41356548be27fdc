"""What is done with orders, apart from any page."""

from catalogue.models import Product
from django.db import IntegrityError, transaction
from django.db.models import F

from .models import Job, Line, Order, Setting


def place_order(customer, quantities):
    """Takes the products out of the stock and writes an order: locked together, inserted together."""
    with transaction.atomic():
        products = Product.objects.select_for_update().filter(id__in=quantities).order_by("id")
        products = list(products)
        for product in products:
            if product.stock < quantities[product.id]:
                raise ValueError(f"not enough of {product.name}")
            product.stock -= quantities[product.id]
        Product.objects.bulk_update(products, ["stock"])
        order = numbered_order(customer)
        Line.objects.bulk_create(Line(order=order, product=p, quantity=quantities[p.id]) for p in products)
    return order


def numbered_order(customer):
    """An order under the next free number; another one may have taken it first, so it tries again."""
    number = Order.objects.count() + 1
    while True:
        try:
            with transaction.atomic():
                return Order.objects.create(customer=customer, number=f"N{number:05}")
        except IntegrityError:
            number += 1


def restock(amount):
    """Adds to the stock of every product. Planted: an UPDATE for each."""
    for product in Product.objects.order_by("id"):
        product.stock += amount
        product.save()


def restock_at_once(amount):
    """The same by one statement."""
    Product.objects.update(stock=F("stock") + amount)


def price_text(price):
    """A price with the shop's currency, which is looked up at each call."""
    return f"{price} {Setting.objects.get(key='currency').value}"


def advance(job):
    """A step of a job, by the worker that does it."""
    Job.objects.filter(pk=job.pk).update(done=F("done") + 1)
