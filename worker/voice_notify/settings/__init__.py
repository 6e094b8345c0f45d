"""The settings: read from the environment and a TOML file, validated once, then passed on.

Importing this package reads nothing; `load_settings` does.

    model.py    every setting with its default and its rule    sources.py       the environment and the file
    loading.py  `load_settings`, and what it says is wrong     secret_files.py  secrets in files, and their rotation
    urls.py     URLs that may hold a password
"""

from voice_notify.settings.loading import load_settings
from voice_notify.settings.model import LogFormat, Settings
from voice_notify.settings.urls import SecretUrl, redact_url

__all__ = ["LogFormat", "SecretUrl", "Settings", "load_settings", "redact_url"]
