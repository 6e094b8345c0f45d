"""The text templates that the provider has reviewed, read from a TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_VARIABLE = re.compile(r"\{([1-9][0-9]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A reviewed text; `{1}`, `{2}` … are its variables and may repeat."""

    text: str

    def __post_init__(self) -> None:
        """Raise `ValueError` unless the variables are numbered 1, 2, 3 … without a gap."""
        numbers = {int(number) for number in _VARIABLE.findall(self.text)}
        if numbers != set(range(1, len(numbers) + 1)):
            raise ValueError(f"the variables of {self.text!r} must be {{1}}, {{2}} … without a gap")

    @property
    def variables(self) -> int:
        """The number of variables that a request must have."""
        return len(set(_VARIABLE.findall(self.text)))

    def render(self, values: Sequence[str]) -> str:
        """Return the text that the callee hears; `values` has one for each variable."""
        return _VARIABLE.sub(lambda variable: values[int(variable[1]) - 1], self.text)


def load_templates(path: Path) -> Mapping[str, Template]:
    """Read the tables `[templates.ID]`, each with a `text`. Raises `ValueError` that says what is wrong."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = document.get("templates")
    if not isinstance(tables, dict):
        raise ValueError(f"{path}: there is no [templates.ID] table")  # noqa: TRY004 - bad content, not a wrong call
    return {id_: _parse_template(f"{path}: templates.{id_}", table) for id_, table in tables.items()}


def _parse_template(place: str, table: object) -> Template:
    text = table.get("text") if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"{place} has no text")  # noqa: TRY004 - as above
    try:
        return Template(text)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
