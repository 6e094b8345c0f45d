"""How a script is called: what it is given and what it answers, declared once, for Python and for Lua.

A `Script` names a Lua file and two or three named tuples: what is common to a call, what each of its items has, and the
reply. From them come the packing here, the typed reply, and the Lua text that a script includes as "contract" and that
gives it `rules`, `call` and `next_item()` by name, and `pack_reply{…}`: a field that is added to a tuple is there in
Lua, and none of the others can shift.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from voice_notify.domain.masking import mask_text
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger.rules import Argument

#: Between the values of an item, none of which has control characters.
_SEPARATOR = "\x1f"
_SEPARATOR_LUA = "\\31"


class Nothing(NamedTuple):
    """What a script is given, or answers, that needs or has nothing to say."""


CommonT = TypeVar("CommonT", bound=NamedTuple)
ItemT = TypeVar("ItemT", bound=NamedTuple)
ReplyT = TypeVar("ReplyT", bound=NamedTuple)


@dataclass(frozen=True)
class Script(Generic[CommonT, ReplyT]):
    """`lua/<name>.lua`, which takes `common` and answers once.

    >>> CANCEL = Script("cancel", OneId, CancelReply)
    """

    name: str
    common: type[CommonT]
    reply: type[ReplyT]

    @cached_property
    def read(self) -> Callable[[Sequence[Any]], ReplyT]:
        """Makes of the script's answer the declared tuple."""
        return _tuple_reader(self.reply)

    def lua(self, rules: Iterable[str]) -> str:
        """The Lua side of the declaration, for a script that uses these rules."""
        return "\n".join([*_lua_head(rules, self.common, count(2)), *_lua_packers(self.reply)])


@dataclass(frozen=True)
class BatchScript(Generic[CommonT, ItemT, ReplyT]):
    """`lua/<name>.lua`, which takes `common` and many items, and answers for each of them."""

    name: str
    common: type[CommonT]
    item: type[ItemT]
    reply: type[ReplyT]

    def read_each(self, replies: Iterable[Sequence[Any] | str]) -> list[ReplyT | LedgerDamaged]:
        """The script's answers; a text says why an item could not be handled."""
        return [LedgerDamaged(mask_text(reply)) if type(reply) is str else self._read_one(reply) for reply in replies]

    def _read_one(self, reply: Sequence[Any]) -> ReplyT | LedgerDamaged:
        try:
            return self._read_tuple(reply)
        except (KeyError, TypeError, ValueError) as error:  # a record holds what no version of ours wrote
            return LedgerDamaged(mask_text(f"a reply cannot be read: {error!r}"))

    def lua(self, rules: Iterable[str]) -> str:
        """The Lua side of the declaration, for a script that uses these rules."""
        at = count(2)
        head = _lua_head(rules, self.common, at)
        names = [f"item_{name}" for name in self.item._fields]
        pattern = _SEPARATOR_LUA.join([f"([^{_SEPARATOR_LUA}]*)"] * len(names))
        return "\n".join(
            [
                *head,
                f"local next_argument = {next(at)}",
                "local function next_item()",
                f"  local {', '.join(names)} = string.match(ARGV[next_argument], '^{pattern}$')",
                "  next_argument = next_argument + 1",
                f"  return {_lua_fields(self.item, names)}",
                "end",
                *_lua_packers(self.reply),
            ]
        )

    @cached_property
    def _read_tuple(self) -> Callable[[Sequence[Any]], ReplyT]:
        return _tuple_reader(self.reply)


def packed(fields: Iterable[Any]) -> list[Argument]:
    """The values of a tuple that a script is given."""
    return ["" if value is None else value for value in fields]


def packed_item(fields: Sequence[Any]) -> str:
    """The values of an item as one argument: redis-py looks at every single one, which costs more than joining them."""
    joined = _SEPARATOR.join(["" if value is None else str(value) for value in fields])
    if joined.count(_SEPARATOR) != len(fields) - 1:
        raise ValueError("a value contains the character that separates them, U+001F")
    return joined


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """A hash in a reply: its fields and values one after the other."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _lua_head(rules: Iterable[str], common: type[NamedTuple], at: Iterable[int]) -> list[str]:
    # The rules are the same in each call, and one argument: redis-py looks at every single one.
    names = [f"rule_{rule}" for rule in rules]
    read = f"local {', '.join(names)} = string.match(ARGV[1], '{' '.join(['(%S+)'] * len(names))}')"
    given = ", ".join(f"{name.removeprefix('rule_')} = tonumber({name})" for name in names)
    return [
        "local P = KEYS[1]",
        *([read] if names else []),
        f"local rules = {{{given}}}",
        f"local call = {_lua_fields(common, (f'ARGV[{place}]' for place in at))}",
    ]


def _lua_fields(fields: type[NamedTuple], values: Iterable[str]) -> str:
    hints = get_type_hints(fields)
    read = (
        f"{name} = tonumber({value})" if _is_number(hints[name]) else f"{name} = {value}"
        for name, value in zip(fields._fields, values, strict=False)
    )
    return f"{{{', '.join(read)}}}"


def _lua_packers(reply: type[Any], name: str = "reply") -> list[str]:
    """`pack_reply`, and a packer for each kind of tuple that the reply has many of: `pack_lapsed_call`."""
    hints, lines = get_type_hints(reply), []
    for hint in hints.values():
        (element,) = [each for each in get_args(hint) if hasattr(each, "_fields")] or [None]
        if element:
            lines += _lua_packers(element, re.sub(r"(?<!^)(?=[A-Z])", "_", element.__name__).lower())
    packed_fields = ", ".join(
        f"of.{field} or false" if type(None) in get_args(hint) else f"of.{field}" for field, hint in hints.items()
    )
    return [*lines, f"local function pack_{name}(of)", f"  return {{{packed_fields}}}", "end"]


def _is_number(hint: Any) -> bool:  # noqa: ANN401 - a type
    return bool({int, float} & {hint, *get_args(hint)})


def _tuple_reader(fields: type[Any]) -> Callable[[Sequence[Any]], Any]:
    hints = get_type_hints(fields)
    readers = [(place, _reader(hints[name])) for place, name in enumerate(fields._fields)]
    # What Redis says is an int or a str as it is: most fields are.
    to_do = [(place, read) for place, read in readers if read not in (int, str)]

    def read(reply: Sequence[Any]) -> Any:  # noqa: ANN401 - one of `fields`
        values = list(reply)
        for place, parse in to_do:
            values[place] = parse(values[place])
        return make(values)

    make = fields._make
    return read


def _reader(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type
    """What makes a value of that type from what Redis says."""
    inner = get_args(hint)
    if get_origin(hint) is dict:
        return pairs
    if get_origin(hint) is tuple:
        element = _reader(inner[0])
        return lambda values: tuple(element(value) for value in values)
    if inner:
        return _union_reader([kind for kind in inner if kind is not type(None)])
    if hasattr(hint, "_fields"):
        return _tuple_reader(hint)
    if hasattr(hint, "__members__"):
        return _union_reader([hint])
    read: Callable[[Any], Any] = hint
    return read


def _union_reader(kinds: Sequence[Any]) -> Callable[[Any], Any]:
    if all(hasattr(kind, "__members__") for kind in kinds):
        members = {member: member for kind in kinds for member in kind}
        return lambda value: None if value is None else members[value]
    (kind,) = kinds
    read = _reader(kind)
    return lambda value: None if value is None else read(value)
