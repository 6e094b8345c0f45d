"""What `celery -A voice_notify flower` puts right before it listens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import click
import pytest

from voice_notify.monitoring import flower


def secured(monkeypatch: pytest.MonkeyPatch, *, command: str = "flower", **given: Any) -> Any:  # noqa: ANN401 - options
    """Flower's options after the start of `command` with those `given`."""
    nothing = {"basic_auth": [], "auth": "", "address": "", "unix_socket": "", "tasks_columns": "name,uuid,state"}
    options = SimpleNamespace(**(nothing | given))
    monkeypatch.setattr("tornado.options.options", options)  # Flower's own are one object per process
    with click.Context(click.Command(command), info_name=command):
        flower.secure_flower()
    return options


def test_a_flower_without_a_password_gets_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is printed once, and every start makes another."""
    first, second = (secured(monkeypatch).basic_auth[0] for _ in range(2))
    user, _, password = second.partition(":")
    assert user == flower.USER
    assert first != second
    assert capsys.readouterr().err.count(password) == 1


@pytest.mark.parametrize("given", [{"basic_auth": ["me:mine"]}, {"auth": ".*@example.com"}])
def test_a_login_that_is_set_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    """A password of the operator's, or a login at another place, is left as it is."""
    options = secured(monkeypatch, **given)
    assert (options.basic_auth, options.auth) == (given.get("basic_auth", []), given.get("auth", ""))


@pytest.mark.parametrize(("given", "address"), [("", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")])  # noqa: S104 - an address
def test_it_listens_on_the_loopback_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str, address: str
) -> None:
    """On other addresses only where the operator says so."""
    assert secured(monkeypatch, address=given).address == address


@pytest.mark.parametrize(
    ("given", "shown"),
    [("name,uuid,state", True), ("uuid,runtime", False)],  # Flower's own begins so; that of an operator stays
)
def test_the_tasks_show_what_calls_came_to(monkeypatch: pytest.MonkeyPatch, given: str, *, shown: bool) -> None:
    """Unless an operator chose columns, the list has the result and the failure of each call."""
    columns = secured(monkeypatch, tasks_columns=given).tasks_columns.split(",")
    assert ({"uuid", "state", "result", "exception"} <= set(columns)) is shown
    assert shown or columns == given.split(",")


def test_other_commands_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker loads the same modules."""
    assert secured(monkeypatch, command="worker").basic_auth == []
