"""Pages about customers."""

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import JsonResponse

from .models import Customer


def customer_list(request):
    """Customers with their addresses, fetched together."""
    customers = Customer.objects.prefetch_related("addresses").order_by("name")
    return JsonResponse({c.name: [a.city for a in c.addresses.all()] for c in customers})


def summary(request):
    """Customers with the number of their orders, counted by one statement."""
    customers = Customer.objects.annotate(count=Count("orders")).order_by("name")
    return JsonResponse({c.name: c.count for c in customers})


def activity(request):
    """Customers with the number of their orders. Planted: a count for each of them."""
    return JsonResponse({c.name: c.orders.count() for c in Customer.objects.order_by("name")})


@login_required
def account(request):
    """The customer's own page: a session, a user, a customer, and two statements more."""
    customer = request.user.customer
    spent = customer.orders.aggregate(total=Sum("lines__quantity"))["total"]
    return JsonResponse({"name": customer.name, "cities": [a.city for a in customer.addresses.all()], "items": spent})
