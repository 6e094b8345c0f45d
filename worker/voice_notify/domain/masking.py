"""Numbers as people may see them: every list, log, metric and message shows `138****8000`."""

from __future__ import annotations

import re

#: A mainland mobile number between other characters than digits, with or without a prefix (0, 86, +86, 0086), also as
#: people write it: `139-1234-5678`, `+86 139 1234 5678`, and in full-width digits.
_DIGIT = "[0-9０-９]"
_MOBILE = re.compile(
    f"(?<!{_DIGIT})"
    f"((?:[0０]|(?:[0０]{{2}})?[8８][6６][ -]?)?[1１][3-9３-９]{_DIGIT})[ -]?{_DIGIT}{{4}}[ -]?({_DIGIT}{{4}})"
    f"(?!{_DIGIT})"
)


def mask_mobile(mobile: str) -> str:
    """Return a mobile number with its middle hidden; anything else is hidden as a whole.

    >>> mask_mobile("13800138000")
    '138****8000'
    """
    return _MOBILE.sub(r"\1****\2", mobile) if _MOBILE.fullmatch(mobile) else "****"


def mask_text(text: str) -> str:
    """Return `text` with the middle of every mobile number in it hidden."""
    return _MOBILE.sub(r"\1****\2", text)
