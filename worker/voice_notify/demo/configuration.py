"""The demo's account: its settings, with times shrunk from a day to seconds, and its text templates."""

from __future__ import annotations

import json
from pathlib import Path

APP_ID = "demo"
APP_SECRET = "demo-secret"  # noqa: S105 - the sandbox's

GAP_S = 1.0
DAY_S = 12.0
MAX_CALLS = 5

#: The settings that differ from the defaults, addresses aside: the value in seconds, and what it means.
SHRUNK_SETTINGS = {
    "min_interval": (GAP_S, "from one call to a number to the next"),
    "window": (DAY_S, f"in which a number is called {MAX_CALLS} times at most"),
    "window_guard": (0.2, "added to both, as the provider has a clock of its own"),
    "read_timeout": (3.0, "after which no reply counts as an unknown outcome"),
    "backoff_base": (0.5, "the first wait after a temporary refusal"),
    "backoff_max": (2.0, "the longest such wait"),
}

#: The ids of the text templates.
DELIVERY = "453662"
ALERT = "453701"
CHECKUP = "453715"

TEMPLATES = {
    DELIVERY: "{1}您好，您的快递已送达{2}，请凭取件码及时领取。如已取件，请忽略本次来电。",
    ALERT: "运维告警：{1}发生{2}，开始时间{3}，请值班人员立即登录监控平台处理。",
    CHECKUP: "您好，您预约的体检将于明天上午进行，请空腹并携带有效身份证件，按时到达体检中心。",
}


def write_settings(path: Path, *, base_url: str, redis_url: str) -> None:
    """Write the settings file."""
    shrunk = {name: value for name, (value, _) in SHRUNK_SETTINGS.items()}
    addresses = {"base_url": base_url, "redis_url": redis_url}
    settings = {"app_id": APP_ID, "app_secret": APP_SECRET, **addresses, **shrunk}
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    path.write_text(text, encoding="utf-8")


def write_templates(path: Path) -> None:
    """Write the templates file, which serves the sandbox as well."""
    text = "".join(f'[templates.{id_}]\ntext = "{text}"\n' for id_, text in TEMPLATES.items())
    path.write_text(text, encoding="utf-8")
