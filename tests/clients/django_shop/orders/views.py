"""Pages about orders."""

import json

from customers.models import Customer
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from . import services
from .models import Job, Line, Order, Setting


def latest(request):
    """The latest orders with their customers, fetched together."""
    orders = Order.objects.select_related("customer").order_by("-id")[:10]
    return JsonResponse({o.number: o.customer.name for o in orders})


def board(request):
    """The orders to be shipped. Planted: the customer of each is fetched when it is named."""
    orders = Order.objects.filter(status="new").order_by("-id")
    return JsonResponse({o.number: o.customer.name for o in orders})


def detail(request, order_id):
    """An order with its lines and products."""
    order = get_object_or_404(Order.objects.select_related("customer"), pk=order_id)
    currency = Setting.objects.get(key="currency").value
    lines = order.lines.select_related("product").order_by("id")
    return JsonResponse({"lines": [f"{x.quantity} x {x.product.name} at {x.product.price} {currency}" for x in lines]})


def receipt(request, order_id):
    """An order's prices. Planted: the currency is looked up for every line."""
    lines = Line.objects.filter(order=order_id).select_related("product").order_by("id")
    return JsonResponse({"prices": [services.price_text(line.product.price) for line in lines]})


def place(request):
    """Places an order for what the request holds."""
    asked = json.loads(request.body)
    customer = get_object_or_404(Customer, email=asked["email"])
    order = services.place_order(customer, {int(key): count for key, count in asked["quantities"].items()})
    return JsonResponse({"number": order.number}, status=201)


def ship(request, order_id):
    """Marks an order as shipped."""
    changed = Order.objects.filter(pk=order_id, status="new").update(status="shipped")
    return JsonResponse({"shipped": changed})


def export(request):
    """All lines of all orders, the orders three at a time."""
    ids = list(Order.objects.order_by("id").values_list("id", flat=True))
    rows = []
    for start in range(0, len(ids), 3):
        batch = Line.objects.filter(order__in=ids[start : start + 3]).select_related("product")
        rows.extend(f"{line.order_id},{line.product.slug},{line.quantity}" for line in batch.order_by("id"))
    return JsonResponse({"rows": rows})


def job_status(request, job_id):
    """How far a job is; whoever waits for it asks again and again."""
    job = get_object_or_404(Job, pk=job_id)
    return JsonResponse({"done": job.done, "finished": job.done >= job.total})
