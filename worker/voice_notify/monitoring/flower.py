"""What `celery -A voice_notify flower` is never without: a password, and the loopback unless an address is given.

Flower itself starts open to everyone on every address. `/metrics` and `/healthcheck` stay open with a password too.
"""

from __future__ import annotations

import secrets
from typing import Any

import click

USER = "admin"
_LOOPBACK = "127.0.0.1"
#: Flower's own list has neither what a call came to nor why it failed.
_COLUMNS = "uuid,state,result,exception,retries,received,runtime,worker"


def secure_flower() -> None:
    """Put right what the options of a Flower that is about to start leave open; do nothing in any other process."""
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
