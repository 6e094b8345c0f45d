"""What the shop stores."""

from django.db import models


class Order(models.Model):  # type: ignore[misc] # django has no types
    """An order, whose customer is called about it."""

    mobile = models.CharField(max_length=11)
    notification = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"order {self.pk}"
