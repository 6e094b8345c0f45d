"""Runs the Lua scripts: by digest, loaded again when Redis has forgotten them, many in one round trip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any

import redis
from redis.exceptions import NoPermissionError, NoScriptError, OutOfMemoryError, ReadOnlyError

from voice_notify.errors import NotAllowed, StoreUnavailable
from voice_notify.ledger.keys import lua_keys
from voice_notify.ledger.rules import LedgerRules

Argument = str | int | float
#: One script and its own arguments.
Call = tuple[str, Sequence[Argument]]

#: How many things one script takes at once: Redis does nothing else for that long, about a millisecond.
_AT_ONCE = 50


@cache
def source(name: str) -> str:
    """The text of `lua/<name>.lua`."""
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


#: What a part of Lua defines for those after it, and what is a comment to the end of its line.
_DEFINED = re.compile(r"^local (?:function )?(\w[\w, ]*)", re.MULTILINE)
_COMMENT = re.compile("--.*")


def with_what_it_uses(script: str, library: Sequence[str]) -> str:
    """`script`, after those parts of `library` that it uses or that these use.

    Redis runs a script from its first line each time, and what is defined there for nothing costs as much as a command.
    """
    parts, used = [script], set(re.findall(r"\w+", _COMMENT.sub("", script)))
    for part in reversed(library):  # a part uses only what stands before it
        if used.intersection(re.findall(r"\w+", " ".join(_DEFINED.findall(part)))):
            parts.insert(0, part)
            used.update(re.findall(r"\w+", _COMMENT.sub("", part)))
    return "\n".join(parts)


#: A name in capitals, but not the first word of a string: that is a command of Redis.
_CONSTANT = re.compile(r"(?<!')\b[A-Z][A-Z_]+\b")


def with_values(script: str, values: Mapping[str, str]) -> str:
    """`script` with `values` in place of their names.

    As locals that functions share, they would cost a submit a tenth of its time.
    """
    return _CONSTANT.sub(lambda name: values.get(name[0], name[0]), script)


#: Refusals that end by themselves, or when an operator has put the server right. What a script met, Redis 6.2 tells in
#: the middle of a sentence: `Error running script (call to f_…): @user_script: 299: -OOM command not allowed …`.
_PASSING = re.compile(r"(?:^|: -)(?:OOM|READONLY|MISCONF|NOREPLICAS|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b")

#: What a script is told that its user may not do; in Redis 7.0, and in 7.2 and newer.
_FORBIDDEN = re.compile("user executing the script can't|ACL failure in script")


class _StoreErrors:
    """A Redis that cannot be reached, or takes no writes, is `StoreUnavailable`; a missing right is `NotAllowed`.

    A script that meets a full Redis has written nothing: the server looks before its first write.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        match error:
            case redis.ConnectionError() | redis.TimeoutError() | ReadOnlyError() | OutOfMemoryError():
                raise StoreUnavailable(f"Redis cannot be used: {error}") from error
            case redis.ResponseError() if isinstance(error, NoPermissionError) or _FORBIDDEN.search(str(error)):
                raise NotAllowed(f"Redis does not let its user do that: {error}") from error
            case redis.ResponseError() if _PASSING.search(str(error)):
                raise StoreUnavailable(f"Redis cannot be used: {error}") from error


#: `with store_errors:` around whatever asks Redis.
store_errors = _StoreErrors()


@dataclass(slots=True)
class Scripts:
    """The scripts of one account on one Redis.

    `clock` is the Lua text that defines `clock_ms()`; only tests replace it, to move time at will.
    """

    client: redis.Redis
    prefix: str
    options: LedgerRules
    clock: str = field(default_factory=lambda: source("clock"))
    _digests: dict[str, str] = field(default_factory=dict, init=False)

    def now_ms(self) -> int:
        """The one clock, Redis's."""
        with store_errors:
            seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def run(self, name: str, arguments: Sequence[Argument]) -> Any:  # noqa: ANN401 - each script documents its reply
        """The reply of one script."""
        with store_errors:
            try:
                return self._evaluate(self.client, name, arguments)
            except NoScriptError:
                self.client.script_load(self.text(name))
                return self._evaluate(self.client, name, arguments)

    def run_many(self, calls: Sequence[Call]) -> list[Any]:
        """The replies of many scripts, each atomic in itself, in one round trip."""
        with store_errors:
            replies = self._send(calls)
            forgotten = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if forgotten:
                for name in {calls[i][0] for i in forgotten}:
                    self.client.script_load(self.text(name))
                for i, reply in zip(forgotten, self._send([calls[i] for i in forgotten]), strict=True):
                    replies[i] = reply
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
            return replies

    def run_each(self, name: str, each: Sequence[Sequence[Argument]], common: Sequence[Argument] = ()) -> list[Any]:
        """A reply for each of many things, in one round trip; the script takes what is `common` to them first."""
        groups = [[*common, *chain.from_iterable(each[i : i + _AT_ONCE])] for i in range(0, len(each), _AT_ONCE)]
        if len(groups) == 1:
            replies: list[Any] = self.run(name, groups[0])
            return replies
        return list(chain.from_iterable(self.run_many([(name, group) for group in groups])))

    def _send(self, calls: Sequence[Call]) -> list[Any]:
        with self.client.pipeline(transaction=False) as pipe:
            for name, arguments in calls:
                self._evaluate(pipe, name, arguments)
            return pipe.execute(raise_on_error=False)

    def _evaluate(self, client: redis.Redis, name: str, arguments: Sequence[Argument]) -> Any:  # noqa: ANN401
        return client.evalsha(self._digest(name), 1, self.prefix, *arguments)

    def text(self, name: str) -> str:
        """The script as Redis runs it."""
        text = with_what_it_uses(source(name), (self.clock, *source("lib").split("\n\n")))
        return with_values(text, lua_keys(self.prefix) | self.options.lua())

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            # Redis names a script by the SHA-1 of its text.
            self._digests[name] = hashlib.sha1(self.text(name).encode(), usedforsecurity=False).hexdigest()
        return self._digests[name]
