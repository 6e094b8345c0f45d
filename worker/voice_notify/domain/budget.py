"""What calls cost, and the day's budget for them (PROVIDER.md, Rules of use; `daily_budget`)."""

from __future__ import annotations

from voice_notify.domain.template import MAX_TEXT_CHARACTERS

#: PROVIDER.md, Rules of use.
_CHARACTERS_PER_UNIT = 85


def billing_units(text: str) -> int:
    """Return what a call with this text costs: one unit per 85 characters, rounded up.

    >>> billing_units("您" * 86)
    2
    """
    return -(-len(text) // _CHARACTERS_PER_UNIT)


#: What the dearest notification costs. A smaller budget would hold that one, and all others, until somebody noticed.
LEAST_DAILY_BUDGET = billing_units("x" * MAX_TEXT_CHARACTERS)
