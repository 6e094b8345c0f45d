"""Runs the Lua scripts: by digest, loaded again when Redis has forgotten them, many in one round trip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any, TypeVar

import redis
from redis.exceptions import NoScriptError

from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.declaration import BatchScript, CommonT, ItemT, ReplyT, Script, packed, packed_item
from voice_notify.ledger.redis_errors import raise_for_outage, store_errors
from voice_notify.ledger.rules import Argument, LedgerRules

#: How many items one script takes at once: Redis does nothing else for that long, about a millisecond.
_ITEMS_AT_ONCE = 50

_INCLUDE = re.compile(r'^--- @include "(\w+)"\n', re.MULTILINE)
#: The part that is made from a script's declaration, and stands before all others.
_CONTRACT = "contract"
#: A rule that a script uses: it is given no others.
_RULE = re.compile(r"\brules\.(\w+)")

_T = TypeVar("_T")
AnyScript = Script[Any, Any] | BatchScript[Any, Any, Any]


@cache
def source(name: str) -> str:
    """The text of `lua/<name>.lua`."""
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def with_includes(name: str, read: Callable[[str], str]) -> str:
    """A script's text after the shared parts that it includes, each once and after those that it includes in turn."""
    parts: dict[str, str] = {}

    def include(part: str) -> None:
        text = read(part)
        for other in _INCLUDE.findall(text):
            if f"shared/{other}" not in parts and other != _CONTRACT:
                include(f"shared/{other}")
        parts[part] = _INCLUDE.sub("", text)

    include(name)
    return "\n".join(parts.values())


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A script as this account calls it."""

    text: str
    digest: str
    rules: str  #: the values of those that it uses, its first argument


@dataclass(slots=True)
class Scripts:
    """The scripts of one account on one Redis: their texts are the same for all accounts.

    `clock` is the Lua text that defines `server_ms()`; only tests replace it, to move time at will.
    """

    client: redis.Redis
    prefix: str
    rules: LedgerRules
    clock: str = field(default_factory=lambda: source("shared/clock"))
    _prepared: dict[str, _Prepared] = field(default_factory=dict, init=False)

    def now_ms(self) -> int:
        """The one clock of all times in the ledger (`lua/shared/time.lua`)."""
        with store_errors, self.client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(self.prefix + keys.CLOCK)
            (seconds, micros), kept = pipe.execute()
        ahead, last = map(int, kept.split()) if kept else (0, 0)
        return max(int(seconds) * 1000 + int(micros) // 1000 + ahead, last)

    def run(self, script: Script[CommonT, ReplyT], common: CommonT) -> ReplyT:
        """The reply of one script. Raises `StoreUnavailable` or `NotAllowed`."""
        prepared = self._prepare(script)
        return script.read(self._run(prepared, [prepared.rules, *packed(common)]))

    def run_each(
        self, script: BatchScript[CommonT, ItemT, ReplyT], common: CommonT, items: Sequence[ItemT]
    ) -> list[ReplyT | LedgerDamaged]:
        """A reply for each item, in one round trip; `LedgerDamaged` for one that the script could not handle.

        Raises `StoreUnavailable` or `NotAllowed`: then each item may have been handled or not.
        """
        prepared = self._prepare(script)
        head = [prepared.rules, *packed(common)]
        if len(items) <= _ITEMS_AT_ONCE:
            replies = self._run(prepared, [*head, *map(packed_item, items)])
        else:
            chunks = (items[i : i + _ITEMS_AT_ONCE] for i in range(0, len(items), _ITEMS_AT_ONCE))
            groups = [[*head, *map(packed_item, chunk)] for chunk in chunks]
            replies = list(chain.from_iterable(self._run_many(prepared, groups)))
        for reply in replies:
            if type(reply) is str:
                # What an item met inside its script arrives as text: an outage or a missing right is no damage.
                raise_for_outage(reply)
        return script.read_each(replies)

    def text(self, script: AnyScript) -> str:
        """The script as Redis runs it."""
        text = with_includes(script.name, lambda part: self.clock if part == "shared/clock" else source(part))
        return f"{script.lua(_rules_used(text))}\n{text}"

    def _run(self, script: _Prepared, arguments: Sequence[Argument]) -> Any:  # noqa: ANN401 - as the script replies
        with store_errors:
            try:
                return self._evaluate(self.client, script, arguments)
            except NoScriptError:
                return self._load_and_evaluate(script, arguments)

    def _run_many(self, script: _Prepared, groups: Sequence[Sequence[Argument]]) -> list[Any]:
        with store_errors:
            replies = self._send(script, groups)
            for i, reply in enumerate(replies):
                if isinstance(reply, NoScriptError):
                    replies[i] = self._load_and_evaluate(script, groups[i])
                elif isinstance(reply, Exception):
                    raise reply
            return replies

    def _send(self, script: _Prepared, groups: Sequence[Sequence[Argument]]) -> list[Any]:
        with self.client.pipeline(transaction=False) as pipe:
            for arguments in groups:
                self._evaluate(pipe, script, arguments)
            return pipe.execute(raise_on_error=False)

    def _load_and_evaluate(self, script: _Prepared, arguments: Sequence[Argument]) -> Any:  # noqa: ANN401
        """Run a script that Redis has forgotten, in one transaction: it cannot be forgotten again in between."""
        # Not redis-py's own transaction, whose errors quote the command, and so a number and its text.
        pipe: Any
        with self.client.pipeline(transaction=False) as pipe:
            pipe.execute_command("MULTI")
            pipe.script_load(script.text)
            self._evaluate(pipe, script, arguments)
            pipe.execute_command("EXEC")
            replies = pipe.execute(raise_on_error=False)
        # A command that was refused before EXEC says why; EXEC then says only that there was such a one.
        for reply in (*replies[:-1], *(replies[-1] if isinstance(replies[-1], list) else replies[-1:])):
            if isinstance(reply, Exception):
                raise reply
        return replies[-1][-1]

    def _evaluate(self, client: redis.Redis, script: _Prepared, arguments: Sequence[Argument]) -> Any:  # noqa: ANN401
        return client.evalsha(script.digest, 1, self.prefix, *arguments)

    def _prepare(self, script: AnyScript) -> _Prepared:
        prepared = self._prepared.get(script.name)
        if prepared is None:
            text = self.text(script)
            # Redis names a script by the SHA-1 of its text.
            digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
            rules = " ".join(str(self.rules.numbers[name]) for name in _rules_used(text))
            prepared = self._prepared[script.name] = _Prepared(text, digest, rules)
        return prepared


def _rules_used(text: str) -> list[str]:
    return sorted(set(_RULE.findall(text)))


def require(reply: _T | LedgerDamaged) -> _T:
    """The reply of an item that was handled; raises the `LedgerDamaged` of one that was not."""
    if isinstance(reply, LedgerDamaged):
        raise reply
    return reply
