"""What `celery -A voice_notify flower` never starts without: a password, and the loopback unless an address is given.

By default, Flower is open to everyone on every address. `/metrics` and `/healthcheck` need no password in any case.
"""

from __future__ import annotations

import secrets
from typing import Any

import click

USER = "admin"
_LOOPBACK = "127.0.0.1"
#: Flower's default has neither what became of a call nor why it failed.
_COLUMNS = "uuid,state,result,exception,retries,received,runtime,worker"


def secure_flower() -> None:
    """Secure the options of a Flower that is about to start; do nothing in any other process."""
    command = click.get_current_context(silent=True)
    if command is None or command.info_name != "flower":
        return
    from tornado.options import options  # noqa: PLC0415 - of the extra `flower`

    _secure(options)


def _secure(options: Any) -> None:  # noqa: ANN401 - tornado's
    if not options.basic_auth and not options.auth:
        password = secrets.token_urlsafe(12)
        options.basic_auth = [f"{USER}:{password}"]
        click.echo(
            f"Flower: user {USER}, password {password}, until it ends; set FLOWER_BASIC_AUTH=user:password", err=True
        )
    if not options.address and not options.unix_socket:
        options.address = _LOOPBACK
    if options.tasks_columns.startswith("name,uuid,"):
        options.tasks_columns = _COLUMNS
