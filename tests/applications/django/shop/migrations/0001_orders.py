"""Orders."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):  # type: ignore[misc] # django has no types
    """The first table."""

    initial = True
    operations: ClassVar = [
        migrations.CreateModel(
            "Order",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("mobile", models.CharField(max_length=11)),
                ("notification", models.CharField(max_length=64)),
            ],
        )
    ]
