"""The Celery application and its settings, each in a fresh interpreter: configuration is read once in a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.interpreter import run_python

IMPORT = "from voice_notify import SettingsError, notify\n"


def run(script: str, folder: Path, **environment: str) -> str:
    """What a script prints that is run in `folder` with these settings only."""
    return run_python(IMPORT + script, folder, **environment)


def test_an_import_reads_no_settings(tmp_path: Path) -> None:
    """An application may import `notify` before its environment is complete."""
    assert run("print('imported')", tmp_path) == "imported\n"


def test_wrong_settings_are_read_again(tmp_path: Path) -> None:
    """Once they have been put right, Celery is configured in full: nothing of the failed attempt stays behind."""
    script = (
        "import os\n"
        "try:\n    notify.app.conf.broker_url\n"
        "except SettingsError as error:\n    print(error)\n"
        "os.environ['VOICE_NOTIFY_APP_ID'] = 'shop'\n"
        "print(notify.app.conf.task_default_queue, type(notify.app.backend).__name__)\n"
    )
    refused, configured = run(script, tmp_path).splitlines()
    assert "VOICE_NOTIFY_APP_ID" in refused
    assert configured == "voice-notify.shop LedgerBackend"


def test_tls_to_the_broker_is_verified(tmp_path: Path) -> None:
    """TLS to the broker verifies certificates, on Redis and on RabbitMQ; without TLS nothing is asked for."""
    script = "print(notify.app.conf.broker_use_ssl)"

    def tls(url: str) -> str:
        return run(script, tmp_path, VOICE_NOTIFY_APP_ID="shop", VOICE_NOTIFY_BROKER_URL=url)

    assert "CERT_REQUIRED" in tls("rediss://redis.example:6380/0")
    assert "CERT_REQUIRED" in tls("amqps://rabbit.example//")
    assert tls("redis://127.0.0.1:6379/0") == "False\n"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_project_of_django_has_its_own_application_in_its_threads(tmp_path: Path, order: tuple[int, int]) -> None:
    """Whichever is imported first: otherwise what its views send would go to our broker."""
    imports = ("from voice_notify import notify; notify.name", "from celery import Celery; app = Celery('shop')")
    ask = (
        "import threading; from celery import current_app; "
        "threading.Thread(target=lambda: print(current_app.main)).start()"
    )
    code = "; ".join([*(imports[place] for place in order), ask])
    settings = {"DJANGO_SETTINGS_MODULE": "django.conf.global_settings", "VOICE_NOTIFY_APP_ID": "a"}
    assert run_python(code, tmp_path, **settings) == "shop\n"
