"""Scripts of faults, and the table of magic numbers."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from voice_notify.sandbox.fault_script import FaultInjector, FaultScript, explain_mistakes
from voice_notify.sandbox.faults import MAGIC_NUMBERS, Fault, magic_number_table

MOBILE = "13800138000"
OTHER = "13900139000"


def injector(text: str) -> FaultInjector:
    """An injector that runs the script in this JSON."""
    return FaultInjector(FaultScript.model_validate_json(text))


def test_a_count_applies_to_the_next_requests() -> None:
    """A rule with a count applies to that many requests, then to none."""
    faults = injector('{"rules": [{"action": 500, "count": 2}]}')
    assert [faults.next_action(MOBILE) for _ in range(3)] == [500, 500, None]


def test_the_first_rule_that_applies_wins() -> None:
    """Rules are tried in order; one that is used up, or applies to 0 %, leaves the request to the next."""
    rules = (
        '{"action": 501, "percent": 0}',
        '{"action": "hang", "count": 1}',
        '{"action": "cut", "percent": 100}',
        '{"action": 500, "count": 9}',
    )
    faults = injector(f'{{"rules": [{", ".join(rules)}]}}')
    assert [faults.next_action(MOBILE) for _ in range(3)] == [Fault.HANG, Fault.CUT, Fault.CUT]


def test_a_rule_for_one_mobile_applies_to_no_other() -> None:
    """Requests for other numbers do not use it up."""
    faults = injector(f'{{"rules": [{{"action": 609, "count": 1, "mobile": "{MOBILE}"}}]}}')
    assert [faults.next_action(mobile) for mobile in (OTHER, MOBILE, MOBILE)] == [None, 609, None]


def test_a_seed_makes_draws_repeatable() -> None:
    """The same seed picks the same requests, about as many as the percentage says, and draws the same pauses."""
    text = '{"rules": [{"action": 500, "percent": 30}], "latency": [0, 1], "network_delay": [1, 2], "seed": 7}'
    first, second = injector(text), injector(text)
    draws = [(first.next_action(MOBILE), first.latency(), first.network_delay()) for _ in range(1000)]
    assert draws == [(second.next_action(MOBILE), second.latency(), second.network_delay()) for _ in range(1000)]
    assert 200 < sum(action == 500 for action, _, _ in draws) < 400
    assert all(0 <= latency <= 1 <= delay <= 2 for _, latency, delay in draws)


def test_without_a_script_nothing_happens() -> None:
    """The default script lets every request through at once."""
    faults = FaultInjector(FaultScript())
    assert (faults.next_action(MOBILE), faults.latency(), faults.network_delay()) == (None, 0, 0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"rules": [{"action": 500}]}', "rules.0: Value error, a rule needs either percent or count"),
        ('{"rules": [{"action": 500, "percent": 1, "count": 1}]}', "a rule needs either percent or count"),
        ('{"rules": [{"action": 500, "percent": 101}]}', "rules.0.percent"),
        ('{"rules": [{"action": 500, "count": 0}]}', "rules.0.count"),
        ('{"rules": [{"action": 200, "count": 1}]}', "rules.0.action"),
        ('{"rules": [{"action": "explode", "count": 1}]}', "'hang', 'cut'"),
        ('{"rule": []}', "rule: Extra inputs"),
        ('{"latency": [2, 1]}', "0 <= min <= max"),
        ('{"network_delay": [-1, 1]}', "0 <= min <= max"),
        ("[]", "object"),
        ("{", "Invalid JSON"),
    ],
)
def test_a_bad_script_is_explained(text: str, complaint: str) -> None:
    """The refusal of a script names the place and the rule."""
    with pytest.raises(ValidationError) as refused:
        FaultScript.model_validate_json(text)
    assert complaint in explain_mistakes(refused.value)


def test_the_table_explains_every_magic_number() -> None:
    """Each magic number has one line, in order, with a meaning of its own; each fault has a number."""
    digits, meanings = zip(*magic_number_table(), strict=True)
    assert list(digits) == sorted(MAGIC_NUMBERS)
    assert len(set(meanings)) == len(digits)
    assert set(Fault) <= set(MAGIC_NUMBERS.values())
