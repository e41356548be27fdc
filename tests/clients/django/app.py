"""The pages on Django's models: app.py looped|eager PAGE.

Looped, related objects load when they are touched; eager, by select_related and prefetch_related.
"""

import os
import sys
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.hostname,
            "PORT": url.port,
            "NAME": url.path.removeprefix("/"),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
        }
    },
    INSTALLED_APPS=["shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db.models import Count  # noqa: E402 (models can be imported once Django is set up)
from shop.models import Order, User  # noqa: E402


def recent_orders(looped):
    orders = Order.objects.order_by("-created_at")
    if not looped:
        orders = orders.select_related("user")
    for order in orders[:20]:
        print(f"#{order.id} {order.status} {order.user.name}")


def order_counts(looped):
    users = User.objects.order_by("id")
    if not looped:
        users = users.annotate(count=Count("orders"))
    for user in users[:20]:
        print(f"{user.name}: {user.orders.count() if looped else user.count} orders")


def order_items(looped):
    orders = Order.objects.order_by("-created_at")
    if not looped:
        orders = orders.prefetch_related("items")
    for order in orders[:15]:
        print(order.show_items())


def nested(looped):
    users = User.objects.order_by("id")
    if not looped:
        users = users.prefetch_related("orders__items")
    for user in users[:5]:
        print(user.name)
        for order in user.orders.all():
            print(f"  {order.show_items()}")


def ship_orders(looped):
    pending = Order.objects.filter(status="pending")
    orders = list(pending.order_by("id")[:12])
    if looped:
        for order in orders:
            order.status = "shipped"
            order.save()
    else:
        Order.objects.filter(id__in=[order.id for order in orders]).update(status="shipped")
    print(f"shipped {[order.id for order in orders]}, {pending.count()} left")


if __name__ == "__main__":
    version, page = sys.argv[1:]
    globals()[page](version == "looped")
