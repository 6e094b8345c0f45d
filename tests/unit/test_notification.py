"""Submissions: what is accepted, and how each refusal says what to write instead."""

from collections.abc import Mapping
from typing import Any

import pytest

from voice_notify.domain.notification import MAX_SECONDS, Notification, OnUnconfirmed, build_notification, new_id
from voice_notify.domain.template import Template
from voice_notify.errors import InvalidNotification

TEMPLATES = {
    template.id: template
    for template in (
        Template("453662", "{1}您好，快递在{2}"),
        Template("full", "字" * 400 + "{1}"),
        Template("plain", "字"),
    )
}


def build(*, templates: Mapping[str, Template] = TEMPLATES, **changes: Any) -> Notification:  # noqa: ANN401 - any bad input
    """A valid notification, but for `changes`."""
    fields = {"mobile": "13800138000", "template_id": "453662", "params": ["张三", "3号楼"], "id": "a1"} | changes
    return build_notification(**fields, templates=templates)


def test_a_plain_notification_has_the_defaults() -> None:
    """Only the number, the template, its variables and the id are needed."""
    assert build() == Notification(
        id="a1",
        mobile="13800138000",
        template_id="453662",
        params=("张三", "3号楼"),
        key=None,
        priority=0,
        countdown=0,
        expires=None,
        on_unconfirmed=None,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"mobile": "13000000000"},
        {"mobile": "19999999999"},
        {"template_id": "plain", "params": ()},
        {"template_id": "a" * 32, "params": []},
        {"template_id": "full", "params": ["字" * 100]},
        {"template_id": "undeclared", "params": ["字" * 499, "字"]},
        {"params": ("张三", "")},
        {"params": ["张，三", "a b;c|d"]},
        {"id": "x" * 64},
        {"id": "Az09_.:-"},
        {"key": "k"},
        {"key": "订单 8812 / " + "x" * 100},
        {"key": "k" * 128},
        {"priority": 9},
        {"countdown": 0.25},
        {"countdown": MAX_SECONDS},
        {"expires": 0.001},
        {"expires": MAX_SECONDS},
        {"on_unconfirmed": OnUnconfirmed.DEAD_LETTER},
    ],
)
def test_what_the_rules_allow_is_kept_as_given(changes: dict[str, Any]) -> None:
    """A value at the edge of its rule is accepted and not altered; only the variables become a tuple."""
    expected = changes | ({"params": tuple(changes["params"])} if "params" in changes else {})
    built = build(**changes)
    assert {name: getattr(built, name) for name in changes} == expected


def test_on_unconfirmed_may_be_a_plain_string() -> None:
    """A policy that arrives as JSON is turned into its value."""
    assert build(on_unconfirmed="assume_sent").on_unconfirmed is OnUnconfirmed.ASSUME_SENT


ELEVEN_DIGITS = "must be the 11 digits of a mainland-China mobile number"
VARIABLE_CONTROL = "variable 2 contains the control character"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("mobile", 13800138000, 'as a str, not int: write "13800138000" in quotes'),
        ("mobile", None, "as a str, not NoneType"),
        ("mobile", "", ELEVEN_DIGITS),
        ("mobile", "1380013800", ELEVEN_DIGITS),
        ("mobile", "138001380000", ELEVEN_DIGITS),
        ("mobile", "12800138000", "beginning with 13 to 19"),
        ("mobile", "02512345678", "beginning with 13 to 19"),
        ("mobile", "138 0013 8000", "leave out spaces and dashes"),
        ("mobile", "138-0013-8000", "leave out spaces and dashes"),
        ("mobile", "13800138000\n", "leave out spaces and dashes"),
        ("mobile", "+8613800138000", "leave out the country code"),
        ("mobile", "8613800138000", "leave out the country code"),
        ("mobile", "008613800138000", "leave out the country code"),
        ("mobile", "+86 138 0013 8000", "leave out the country code"),
        ("mobile", "１３８００１３８０００", ELEVEN_DIGITS),
        ("template_id", 453662, 'as a str, not int: write "453662" in quotes'),
        ("template_id", "", "must be 1 to 32 letters, digits"),
        ("template_id", "a" * 33, "must be 1 to 32 letters, digits"),
        ("template_id", "45:62", "must be 1 to 32 letters, digits"),
        ("template_id", "模板", "must be 1 to 32 letters, digits"),
        ("template_id", "453662\n", "must be 1 to 32 letters, digits"),
        ("params", "张三", 'must be a list of str, not str: write ["…"] for one variable'),
        ("params", b"x", "must be a list of str, not bytes"),
        ("params", None, "must be a list of str, not NoneType"),
        ("params", {"1": "张三"}, "must be a list of str, not dict"),
        ("params", {"张三", "3号楼"}, "must be a list of str, not set"),
        ("params", ["张三", 3], "variable 2 must be a str, not int"),
        ("params", [1.5, "3号楼"], "variable 1 must be a str, not float"),
        ("params", ["张三", None], "variable 2 must be a str, not NoneType"),
        ("params", ["张三", "3号楼,2单元"], "variable 2 contains a comma"),
        ("params", ["张三", "a\nb"], rf"{VARIABLE_CONTROL} '\n'"),
        ("params", ["张三", "a\x00b"], rf"{VARIABLE_CONTROL} '\x00'"),
        ("params", ["张三", "a\x7fb"], rf"{VARIABLE_CONTROL} '\x7f'"),
        ("params", ["张三", "a\x85b"], rf"{VARIABLE_CONTROL} '\x85'"),
        ("params", ["张三", "a\u2028b"], rf"{VARIABLE_CONTROL} '\u2028'"),
        ("params", ["张三", "a\ud800b"], rf"{VARIABLE_CONTROL} '\ud800'"),
        ("params", [], "template 453662 takes 2 variables, 0 given"),
        ("params", ["张三"], "template 453662 takes 2 variables, 1 given"),
        ("params", ["张三", "3号楼", "x"], "template 453662 takes 2 variables, 3 given"),
        ("params", ["字" * 494, "x"], "the text would have 501 characters; at most 500 are allowed"),
        ("id", "", "1 to 64 letters, digits"),
        ("id", "x" * 65, "1 to 64 letters, digits"),
        ("id", "a b", "1 to 64 letters, digits"),
        ("id", "{tag}", "1 to 64 letters, digits"),
        ("id", "a1\n", "1 to 64 letters, digits"),
        ("id", 7, "must be a str of 1 to 64"),
        ("key", "", "must be a str of 1 to 128 characters"),
        ("key", "k" * 129, "must be a str of 1 to 128 characters"),
        ("key", "a\tb", "without control characters"),
        ("key", 8812, "must be a str of 1 to 128 characters"),
        ("priority", -1, "must be an int from 0 to 9"),
        ("priority", 10, "must be an int from 0 to 9"),
        ("priority", 1.0, "must be an int from 0 to 9"),
        ("priority", True, "must be an int from 0 to 9"),
        ("priority", None, "must be an int from 0 to 9"),
        ("countdown", -0.001, "must be a number of seconds from now"),
        ("countdown", float("nan"), "must be a number of seconds from now"),
        ("countdown", float("inf"), "must be a number of seconds from now"),
        ("countdown", MAX_SECONDS + 1, "0 to 31622400 (366 days)"),
        ("countdown", "60", "must be a number of seconds from now"),
        ("countdown", True, "must be a number of seconds from now"),
        ("countdown", None, "must be a number of seconds from now"),
        ("expires", 0, "must be more than 0 seconds from now"),
        ("expires", -1, "must be a number of seconds from now"),
        ("expires", float("nan"), "must be a number of seconds from now"),
        ("expires", float("inf"), "must be a number of seconds from now"),
        ("expires", "60", "must be a number of seconds from now"),
        ("on_unconfirmed", "retry", "must be one of resend, dead_letter, assume_sent"),
        ("on_unconfirmed", 1, "must be one of resend, dead_letter, assume_sent"),
    ],
)
def test_a_broken_rule_is_refused_by_field_and_rule(field: str, value: object, rule: str) -> None:
    """Every refusal names the field and the rule, and says what to write instead."""
    changes: dict[str, Any] = {field: value}
    with pytest.raises(InvalidNotification) as refusal:
        build(**changes)
    assert refusal.value.field == field
    assert rule in refusal.value.rule


def test_an_undeclared_template_is_bounded_by_its_variables() -> None:
    """The mirror may be behind, so the template passes; but its variables alone may not be longer than a text."""
    with pytest.raises(InvalidNotification, match="params: the text would have 501 characters"):
        build(templates={}, params=["字" * 250, "字" * 251])


@pytest.mark.parametrize(
    "changes",
    [
        {"mobile": "+8613800138000"},
        {"mobile": "138-0013-8000"},
        {"params": ["张三", "暗号,口令"]},
        {"params": ["暗号"]},
    ],
)
def test_a_refusal_repeats_neither_the_number_nor_the_text(changes: dict[str, Any]) -> None:
    """Errors end up in logs: the example in a hint stands for the number, the position for the variable."""
    with pytest.raises(InvalidNotification) as refusal:
        build(**changes)
    said = str(refusal.value).replace('as in "13800138000"', "")
    assert not any(private in said for private in ("0013", "张三", "暗号", "口令"))


def test_repr_hides_the_number_and_the_text() -> None:
    """A notification can be logged: its number is masked, its variables are left out."""
    shown = repr(build(key="order-8812"))
    assert "138****8000" in shown
    assert "order-8812" in shown
    assert not any(private in shown for private in ("13800138000", "张三", "3号楼"))


def test_a_notification_does_not_change() -> None:
    """What was validated cannot be altered afterwards."""
    with pytest.raises(AttributeError):
        build().priority = 1  # type: ignore[misc]


def test_new_ids_are_valid_and_differ() -> None:
    """A new id has 24 hexadecimal digits, passes the rule for ids and is not made twice."""
    ids = [new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(len(fresh) == 24 and int(fresh, 16) >= 0 for fresh in ids)
    assert build(id=ids[0]).id == ids[0]
