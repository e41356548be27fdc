"""Pages about money."""

import json

from django.http import JsonResponse

from . import charges, refunds, transfers


def charge(request, account_id):
    """A customer pays."""
    asked = json.loads(request.body)
    made = charges.charge(account_id, asked["till"], asked["cents"])
    return JsonResponse({"charge": made.pk}, status=201)


def refund(request, charge_id):
    """A customer gets the money back."""
    return JsonResponse({"cents": refunds.refund(charge_id).cents})


def transfer(request, account_id):
    """A customer pays another one."""
    asked = json.loads(request.body)
    transfers.transfer(account_id, asked["target"], asked["cents"])
    return JsonResponse({})
