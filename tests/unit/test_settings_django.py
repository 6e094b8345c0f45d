"""Settings in Django's settings, each in a fresh interpreter: Django reads its own once in a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.interpreter import run_python

pytest.importorskip("django")

SHOW = """
from voice_notify.settings import load_settings
from voice_notify.errors import SettingsError
try:
    settings = load_settings()
    print(settings.app_id, settings.max_calls, settings.min_interval)
except SettingsError as error:
    print(error)
"""


def shown(folder: Path, django: str | None, **environment: str) -> str:
    """What the settings are, or what is wrong with them, with these of Django's in `folder`."""
    if django is not None:
        (folder / "shop_settings.py").write_text(django, encoding="utf-8")
        environment = {"DJANGO_SETTINGS_MODULE": "shop_settings", **environment}
    return run_python(SHOW, folder, **environment).strip()


def test_django_goes_after_the_environment_and_before_the_file(tmp_path: Path) -> None:
    """Each source has what those before it leave out."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "voice-notify.toml").write_text(
        'app_id = "file"\nmax_calls = 3\nmin_interval = 3\n', encoding="utf-8"
    )
    django = 'VOICE_NOTIFY = {"app_id": "django", "max_calls": 2}'
    assert shown(tmp_path, django, VOICE_NOTIFY_APP_ID="env") == "env 2 3.0"
    assert shown(tmp_path, django) == "django 2 3.0"
    assert shown(tmp_path, None) == "file 3 3.0"


@pytest.mark.parametrize(
    ("django", "problem"),
    [
        ("VOICE_NOTIFY = {'app_id': 'a', 'max_calls': 0}", "set by max_calls in VOICE_NOTIFY in Django's settings"),
        (
            "VOICE_NOTIFY = {'app_id': 'a', 'max_cals': 1}",
            "VOICE_NOTIFY in Django's settings has it; did you mean max_",
        ),
        ("VOICE_NOTIFY = ['app_id']", "VOICE_NOTIFY in Django's settings must be a dictionary, not list"),
        ("import no_such_module", "shop_settings: Django's settings cannot be read: No module named 'no_such_module'"),
        ("import no_such_module", "; is the project's folder on PYTHONPATH? (set by DJANGO_SETTINGS_MODULE)"),
        ("", "app_id: is required"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, django: str, problem: str) -> None:
    """As of any other source."""
    assert problem in shown(tmp_path, django)
