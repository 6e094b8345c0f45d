"""A Redis client that costs little: the pool and the serializer of redis-py cost as much as a command itself."""

from __future__ import annotations

import os
from collections import deque
from typing import Any, Self, cast

import hiredis
import redis


class Packer:
    """Writes commands as hiredis does, in place of redis-py's serializer, whose `pack` it is."""

    def pack(self, *args: str | float) -> tuple[bytes]:
        """The bytes of one command; raises `TypeError` where an argument is no str, bytes, int or float."""
        name = args[0]
        if isinstance(name, str) and " " in name:  # as in SCRIPT LOAD, which redis-py has for one word
            args = (*name.split(), *args[1:])
        return (hiredis.pack_command(args),)  # type: ignore[arg-type] # its types take one argument only


class Client(redis.Redis):
    """redis-py's client, but that a command takes the connection that the one before it used, past the pool.

    The pool makes the connections, and serves pipelines as ever. Its promises are kept: a connection that fails is
    opened again and the command repeated, as `retry` has it; none is used by two threads at a time, nor after a fork,
    nor when its last command may still be answered.
    """

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:  # noqa: ANN401 - redis-py's
        """A client of the server that `url` names."""
        return cast("Self", super().from_url(url, command_packer=Packer(), **options))

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
        except redis.ResponseError:
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
