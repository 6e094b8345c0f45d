"""The shop's pages."""

from django.db import transaction
from django.http import HttpRequest, JsonResponse

from shop.models import Order
from shop.tasks import count, remind
from voice_notify import InvalidNotification, notify


@transaction.atomic  # type: ignore[untyped-decorator] # django has no types
def order(_: HttpRequest, mobile: str) -> JsonResponse:
    """Store an order with the id of its notification, which is submitted when the order is committed."""
    id_ = notify.on_commit((mobile, "453662", ["张三", "3号楼"]))
    Order.objects.create(mobile=mobile, notification=id_)
    return JsonResponse({"id": id_})


@transaction.atomic  # type: ignore[untyped-decorator] # django has no types
def failing_order(_: HttpRequest, mobile: str) -> JsonResponse:
    """An order that is rolled back, notification and all."""
    notify.on_commit((mobile, "453662", ["张三", "3号楼"]))
    raise RuntimeError("out of stock")


@transaction.atomic  # type: ignore[untyped-decorator] # django has no types
def order_with_a_wrong_number(_: HttpRequest) -> JsonResponse:
    """A mistake is told where it is made, and not when the transaction ends."""
    try:
        notify.on_commit(("1", "453662", ["张三", "3号楼"]))
    except InvalidNotification as error:
        return JsonResponse({"field": error.field})
    return JsonResponse({})


def reminder_after_a_task(_: HttpRequest, mobile: str) -> JsonResponse:
    """Call when a task of the shop is done, and once more at the end of a chain."""
    count.apply_async(link=notify.si(mobile, "453662", ["张三", "3号楼"]))
    (count.si() | notify.si(str(int(mobile) + 1), "453662", ["张三", "3号楼"])).apply_async()
    return JsonResponse({})


def reminder(_: HttpRequest, mobile: str) -> JsonResponse:
    """Leave it to a task of the shop."""
    remind.delay_on_commit(mobile)
    return JsonResponse({})
