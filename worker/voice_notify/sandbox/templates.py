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
        """Raise `ValueError` unless the variables are numbered 1, 2, 3 … without a hole."""
        numbers = {int(number) for number in _VARIABLE.findall(self.text)}
        if numbers != set(range(1, len(numbers) + 1)):
            raise ValueError(f"the variables of {self.text!r} must be {{1}}, {{2}} … without a hole")

    @property
    def variables(self) -> int:
        """How many variables a request must bring."""
        return len(set(_VARIABLE.findall(self.text)))

    def render(self, values: Sequence[str]) -> str:
        """The words that the callee hears; one value per variable."""
        return _VARIABLE.sub(lambda variable: values[int(variable[1]) - 1], self.text)


def load_templates(path: Path) -> Mapping[str, Template]:
    """Read `[templates.ID]` tables, each with a `text`; raise `ValueError` that names what is wrong."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = document.get("templates")
    if not isinstance(tables, dict):
        raise ValueError(f"{path}: there is no [templates.ID] table")  # noqa: TRY004 - bad content, not a wrong call
    return {template_id: _template(f"{path}: templates.{template_id}", table) for template_id, table in tables.items()}


def _template(where: str, table: object) -> Template:
    text = table.get("text") if isinstance(table, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"{where} has no text")  # noqa: TRY004 - as above
    try:
        return Template(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
