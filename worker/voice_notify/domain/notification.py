"""A submission that has passed every check that can be made without the provider."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from voice_notify.domain.budget import billing_units
from voice_notify.domain.masking import mask_mobile
from voice_notify.domain.template import MAX_TEXT_CHARACTERS, TEMPLATE_ID
from voice_notify.errors import InvalidNotification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.domain.template import Template

#: The largest `countdown` and `expires`: more is a mistake, such as milliseconds in place of seconds.
MAX_SECONDS = 366 * 86_400

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MAX_KEY_CHARACTERS = 128
_MAX_PRIORITY = 9
# Control characters and line separators; lone surrogates, which UTF-8 cannot send.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNFIT_FOR_KEY = re.compile(f"[{_CONTROL}]")
_UNFIT_FOR_VARIABLE = re.compile(f"[,{_CONTROL}]")


class OnUnconfirmed(StrEnum):
    """What to do after an attempt whose outcome is unknown: the phone may have rung (DESIGN.md, Outcomes)."""

    RESEND = "resend"  #: call again, at most `max_unconfirmed` times, then make it a dead letter
    DEAD_LETTER = "dead_letter"  #: make it a dead letter: a person decides
    ASSUME_SENT = "assume_sent"  #: count it as accepted


class Notification(NamedTuple):
    """A submission that was checked; `build_notification` makes it.

    `countdown` and `expires` are seconds from the moment of submission; the ledger turns them into times of its clock.
    `expires=None` and `on_unconfirmed=None` leave the choice to the settings.
    """

    id: str
    mobile: str
    template_id: str
    params: tuple[str, ...] = ()
    key: str | None = None
    priority: int = 0
    countdown: float = 0.0
    expires: float | None = None
    on_unconfirmed: OnUnconfirmed | None = None
    units: int = 1  #: what a call costs, or the least it can: of an undeclared template only the variables are known

    def __repr__(self) -> str:
        """Show neither the number nor the text: a repr ends up in logs."""
        return (
            f"Notification(id={self.id!r}, mobile={mask_mobile(self.mobile)!r}, template_id={self.template_id!r}, "
            f"key={self.key!r}, priority={self.priority}, countdown={self.countdown}, expires={self.expires}, "
            f"on_unconfirmed={self.on_unconfirmed})"
        )


def new_id() -> str:
    """Return a fresh notification id: 24 random hexadecimal digits."""
    return secrets.token_hex(12)


def build_notification(  # noqa: PLR0913 - the fields of a submission
    mobile: str,
    template_id: str,
    params: Sequence[str] = (),
    *,
    id: str,  # noqa: A002 - the name that callers know
    key: str | None = None,
    priority: int = 0,
    countdown: float = 0,
    expires: float | None = None,
    on_unconfirmed: OnUnconfirmed | str | None = None,
    templates: Mapping[str, Template],
) -> Notification:
    """Return the notification, if it breaks no rule.

    `templates` mirrors the provider's; a template that is missing there is accepted, because the mirror may be behind.
    Raises `InvalidNotification` with the field and the rule, which repeats neither the number nor the text.
    """
    _check_mobile(mobile)
    _check_template_id(template_id)
    _check_params(params)
    text = _check_text(templates.get(template_id), params)
    _check_id(id)
    _check_key(key)
    _check_priority(priority)
    _check_seconds("countdown", countdown)
    if expires is not None:
        _check_seconds("expires", expires)
        if expires <= 0:
            raise InvalidNotification("expires", "must be more than 0 seconds from now")
    return Notification(
        id=id,
        mobile=mobile,
        template_id=template_id,
        params=tuple(params),
        key=key,
        priority=priority,
        countdown=countdown,
        expires=expires,
        on_unconfirmed=None if on_unconfirmed is None else _parse_on_unconfirmed(on_unconfirmed),
        units=max(1, billing_units(text)),
    )


def _check_mobile(mobile: object) -> None:
    if isinstance(mobile, str) and _MOBILE.fullmatch(mobile):
        return
    rule = "must be the 11 digits of a mainland-China mobile number, beginning with 13 to 19"
    if not isinstance(mobile, str):
        raise InvalidNotification("mobile", f'{rule}, as a str, not {_type_of(mobile)}: write "13800138000" in quotes')
    if mobile.lstrip("(+0").startswith("86"):
        raise InvalidNotification("mobile", f'{rule}: leave out the country code, as in "13800138000"')
    if invisible := next((each for each in mobile if unicodedata.category(each) == "Cf"), None):
        raise InvalidNotification("mobile", f"{rule}: it contains an invisible character, U+{ord(invisible):04X}")
    if re.search(r"[\s()-]", mobile):
        raise InvalidNotification("mobile", f'{rule}: leave out spaces and dashes, as in "13800138000"')
    raise InvalidNotification("mobile", rule)


def _check_template_id(template_id: object) -> None:
    if isinstance(template_id, str) and TEMPLATE_ID.fullmatch(template_id):
        return
    rule = "must be 1 to 32 letters, digits, '_' or '-'"
    if not isinstance(template_id, str):
        rule = f'{rule}, as a str, not {_type_of(template_id)}: write "453662" in quotes'
    raise InvalidNotification("template_id", rule)


def _check_params(params: object) -> None:
    if isinstance(params, str | bytes) or not isinstance(params, Sequence):
        rule = f'must be a list of str, not {_type_of(params)}: write ["…"] for one variable'
        raise InvalidNotification("params", rule)
    if len(params) > MAX_TEXT_CHARACTERS:
        raise InvalidNotification(
            "params", f"{len(params)} variables given; at most {MAX_TEXT_CHARACTERS} fit in a text"
        )
    for position, variable in enumerate(params, 1):
        if not isinstance(variable, str):
            raise InvalidNotification("params", f"variable {position} must be a str, not {_type_of(variable)}")
        if unfit := _UNFIT_FOR_VARIABLE.search(variable):
            _refuse_variable(position, unfit[0])


def _refuse_variable(position: int, character: str) -> NoReturn:
    if character == ",":
        rule = "contains a comma, which separates variables and has no escape: write the full-width “，”"
    else:
        rule = f"contains the control character {character!a}"
    raise InvalidNotification("params", f"variable {position} {rule}")


def _check_text(template: Template | None, params: Sequence[str]) -> str:
    """Return the text, as far as it is known."""
    # The text of an undeclared template is unknown, but cannot be shorter than its variables.
    text = template.render(params) if template else "".join(params)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidNotification(
            "params", f"the text would have {len(text)} characters; at most {MAX_TEXT_CHARACTERS} are allowed"
        )
    return text


def _check_id(notification_id: object) -> None:
    if not isinstance(notification_id, str) or not _ID.fullmatch(notification_id):
        raise InvalidNotification("id", "must be a str of 1 to 64 letters, digits, '_', '.', ':' or '-'")


def _check_key(key: object) -> None:
    if key is None:
        return
    if not isinstance(key, str) or not 1 <= len(key) <= _MAX_KEY_CHARACTERS or _UNFIT_FOR_KEY.search(key):
        rule = f"must be a str of 1 to {_MAX_KEY_CHARACTERS} characters without control characters"
        raise InvalidNotification("key", rule)


def _check_priority(priority: object) -> None:
    if type(priority) is not int or not 0 <= priority <= _MAX_PRIORITY:
        raise InvalidNotification("priority", f"must be an int from 0 to {_MAX_PRIORITY}; {_MAX_PRIORITY} goes first")


def _check_seconds(field: str, seconds: object) -> None:
    if type(seconds) not in (int, float) or not 0 <= seconds <= MAX_SECONDS:  # type: ignore[operator] # a number
        raise InvalidNotification(field, f"must be a number of seconds from now, 0 to {MAX_SECONDS} (366 days)")


def _parse_on_unconfirmed(on_unconfirmed: str) -> OnUnconfirmed:
    try:
        return OnUnconfirmed(on_unconfirmed)
    except ValueError:
        raise InvalidNotification("on_unconfirmed", f"must be one of {', '.join(OnUnconfirmed)}") from None


def _type_of(value: object) -> str:
    return type(value).__name__
