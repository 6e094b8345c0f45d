"""Mobile numbers as spreadsheets and people write them."""

from __future__ import annotations

import re
import unicodedata

_SHORTENED = re.compile(r"\s*[0-9](?:\.[0-9]+)?[Ee]\+?[0-9]+\s*")
#: What people put between digits, and a spreadsheet before them so that they stay text.
_ORNAMENTS = re.compile(r"[\s()'’\-‐-―]")
_WITH_COUNTRY_CODE = re.compile(r"(?:\+|00)?86(1[3-9][0-9]{9})")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def plain_number(cell: str) -> str:
    """The number that a cell means without doubt, else the cell as it is.

    >>> plain_number("+86 138-0013-8000"), plain_number("１３８００１３８０００")
    ('13800138000', '13800138000')
    """
    digits = unicodedata.normalize("NFKC", cell)
    digits = "".join(character for character in digits if unicodedata.category(character) != "Cf")
    digits = _ORNAMENTS.sub("", digits)
    if with_code := _WITH_COUNTRY_CODE.fullmatch(digits):
        return with_code[1]
    return digits if _MOBILE.fullmatch(digits) else cell


def is_shortened(cell: str) -> bool:
    """Whether a spreadsheet has rounded it, as in 1.38E+10: its digits are lost."""
    return _SHORTENED.fullmatch(cell) is not None
