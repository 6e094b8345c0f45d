"""A Redis client whose commands go past redis-py's pool, which costs as much as a command itself.

Measured for one EVALSHA with 20 arguments (redis-py 8.1, Python 3.11): through the pool 1.6 times the time of this one,
with `single_connection_client` 1.2 times. `pyproject.toml` pins redis-py, and its oldest and newest version are tested.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import redis
from redis.exceptions import ReadOnlyError


class Client(redis.Redis):
    """redis-py's client, except that a command reuses the connection of the one before it and bypasses the pool.

    The pool makes the connections, and serves pipelines as ever. Its promises are kept: a connection that fails is
    opened again, to where the pool now finds the primary, and the command repeated, as `retry` has it; none is used by
    two threads at a time, nor after a fork, nor when its last command may still be answered, nor when its server says
    that it is no primary any more.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(*args, **options)
        self._idle: deque[Any] = deque()
        self._process = os.getpid()

    def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's
        """The reply to one command."""
        connection = self._take()

        def ask() -> Any:  # noqa: ANN401
            connection.send_command(*args, **options)
            return self.parse_response(connection, args[0], **options)  # type: ignore[no-untyped-call]

        try:
            return connection.retry.call_with_retry(ask, lambda _: connection.disconnect())
        except redis.ResponseError as error:
            if isinstance(error, ReadOnlyError) or "READONLY" in str(error):
                connection.disconnect()
            raise
        except BaseException:
            # What was asked may still be answered, and the next command would take that for its own reply.
            connection.disconnect()
            raise
        finally:
            self._idle.append(connection)

    def _take(self) -> Any:  # noqa: ANN401
        if self._process != os.getpid():
            # The parent's connections stay the parent's. In this order, or another thread might still take one.
            self._idle = deque()
            self._process = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self.connection_pool.get_connection()
