"""A CSV file as rows for `notify.bulk`."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import click

from voice_notify.cli.notify.csv_numbers import is_shortened, plain_number
from voice_notify.cli.notify.csv_text import read_text
from voice_notify.documents.submission import RefusedRowDocument

_REQUIRED = ["mobile", "template_id"]
_NUMBERS = {"countdown", "expires", "priority"}
_OPTIONS = {"key", "on_unconfirmed", *_NUMBERS}

#: What is wrong with the quotes of a row, by the message of Python's `csv`.
_QUOTE_MISTAKES = {
    "unexpected end of data": "a quote is opened and not closed on its line; a text has no line breaks",
    "',' expected after '\"'": "a quote inside a quoted cell must be doubled",
}


class CsvRows:
    """The rows of a file, in the encoding that is given or found; each line is one.

    The first line names the columns: `mobile`, `template_id`, one for each variable, then any of `key` and the options.
    A row without a key is given one made of its content, so that the same file can be submitted again. `defaults`
    stand for what a row leaves empty. Raises `click.ClickException` if the first line is not such a header, or the
    encoding is not certain.
    """

    def __init__(self, file: BinaryIO, defaults: Mapping[str, Any], encoding: str | None = None) -> None:
        self.lines: list[int] = []  #: the line on which each row that was given out begins, from 1
        self.refused: list[RefusedRowDocument] = []  #: rows that are not in the form of the header
        self.rewritten = 0  #: rows whose number was not written as 11 digits, but could be nothing else
        text, self.encoding = read_text(file.read(), encoding)
        # No variable may hold a line break: a quote that is left open ends with its line, and spoils no other.
        self._lines, self._size, self._read = io.StringIO(text, newline=None), len(text), 0
        self._defaults = defaults
        self._occurrences: Counter[bytes] = Counter()
        self._header = self._read_header(next(self._lines, ""))
        options = [at for at, name in enumerate(self._header) if name in _OPTIONS]
        self._variables = slice(len(_REQUIRED), options[0] if options else len(self._header))

    @property
    def share(self) -> float:
        """How much of the file has been given out, 0-1."""
        return min(1.0, self._read / max(1, self._size))

    @property
    def seen(self) -> int:
        """How many rows have been read."""
        return len(self.lines) + len(self.refused)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give out each row that has the form of the header; blank lines are passed over."""
        for line, text in enumerate(self._lines, 2):
            self._read += len(text)
            try:
                cells = _cells(text)
            except csv.Error as error:
                self._refuse(line, "row", _QUOTE_MISTAKES.get(str(error), str(error)))
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if any(cells[len(self._header) :]):
                named = f"has {len(cells)} cells, the header names {len(self._header)}: is a comma too many?"
                self._refuse(line, "row", named)
                continue
            if is_shortened(cells[0]):
                self._refuse(line, "mobile", "was shortened by a spreadsheet: format the column as text, type it anew")
                continue
            self.lines.append(line)
            yield self._row(cells)

    def _refuse(self, line: int, field: str, rule: str) -> None:
        self.refused.append(RefusedRowDocument(line=line, field=field, rule=rule))

    def _read_header(self, text: str) -> list[str]:
        try:
            header = [name.strip().lower() for name in _cells(text)]
        except csv.Error as error:
            raise click.ClickException(f"line 1: {error}") from None
        options = [name for name in header if name in _OPTIONS]
        while options and not header[-1]:  # spreadsheets add empty columns
            header.pop()
        after = header[header.index(options[0]) :] if options else []
        if header[:2] != _REQUIRED:
            raise click.ClickException("line 1: the first columns must be mobile,template_id")
        if unknown := [name for name in after if name not in _OPTIONS]:
            raise click.ClickException(
                f"line 1: there is no option {unknown[0]!r}; variables stand before {options[0]}, "
                f"and after it any of {', '.join(sorted(_OPTIONS))}"
            )
        if len(set(after)) < len(after):
            raise click.ClickException("line 1: a column is named twice")
        return header

    def _row(self, cells: Sequence[str]) -> dict[str, Any]:
        padded = [*cells, *[""] * (len(self._header) - len(cells))]
        mobile, template_id = plain_number(padded[0].strip()), padded[1].strip()
        self.rewritten += mobile != padded[0].strip()
        params = padded[self._variables]
        while params and not params[-1].strip():
            params.pop()
        pairs = zip(self._header[self._variables.stop :], padded[self._variables.stop :], strict=False)
        options = {name: _option(name, cell.strip()) for name, cell in pairs if cell.strip()}
        row = {**self._defaults, **options, "mobile": mobile, "template_id": template_id, "params": params}
        if "key" not in row:
            row["key"] = self._key([mobile, template_id, *params])
        return row

    def _key(self, content: Iterable[str]) -> str:
        """The same for the same content wherever it stands; equal rows of one file are told apart by their number."""
        text = json.dumps(content, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).digest()
        self._occurrences[digest] += 1
        return "csv-" + hashlib.sha256(digest + str(self._occurrences[digest]).encode()).hexdigest()


def _option(name: str, cell: str) -> Any:  # noqa: ANN401 - what is no number stays text, and is refused as that
    if name not in _NUMBERS:
        return cell
    if cell.isascii() and cell.isdigit():
        return int(cell)
    try:
        return float(cell)
    except ValueError:
        return cell


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], strict=True), [])
