"""Django's settings of the shop."""

import os
from pathlib import Path

SECRET_KEY = "not-a-secret"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["shop", "voice_notify.django"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(os.environ["SHOP_DATABASE"])},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

CELERY_BROKER_URL = os.environ["SHOP_BROKER"]
CELERY_BEAT_SCHEDULE = {
    # Without a `key`, with which it would ring once in `retention`.
    "stock-taking": {
        "task": "voice_notify.notify",
        "schedule": 1.0,  # seconds
        "args": [os.environ["SHOP_MANAGER"], "453662", ["张三", "3号楼"]],
        "options": {"expires": 60, "priority": 5},
    },
}

VOICE_NOTIFY = {
    "app_id": os.environ["SHOP_ACCOUNT"],
    "redis_url": os.environ["SHOP_REDIS"],
}
