"""Act 1: many notifications at once, and among them every way that one can go."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import voice_notify
from voice_notify.accounts import current_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.check import Check, Seen
from voice_notify.demo.configuration import ALERT, CHECKUP, DAY_S, DELIVERY, GAP_S, MAX_CALLS, TEMPLATES
from voice_notify.demo.evidence import Evidence
from voice_notify.demo.services import Services
from voice_notify.domain.states import State
from voice_notify.domain.template import MAX_TEXT_CHARACTERS

_MANY = 300
_PROVIDER_LATENCY_S = (0.05, 0.3)  # least and most
_SHORT_DEADLINE_S = 4  # less than the demo's day
_LONG_COUNTDOWN_S = 60

# The last four digits of a number mean something to the sandbox (`voice-notify sandbox --help`): 0001 meets maintenance
# twice; 5200 to 5599 mean nothing. Two of these numbers are in the script of faults.
_IN_MAINTENANCE = "13700010001"
_TOO_FREQUENT = "13700015201"
_NO_REPLY = "13700015202"
_CALLED_TWICE = "13700015203"
_CALLED_SIX_TIMES = "13700015204"
_UNREVIEWED_TEMPLATE = "13700015205"
_CANCELLED = "13700015206"
_SAME_KEY = "13700015207"

_NAMES = ("张三", "李四", "王小明", "陈静", "刘洋", "赵敏", "欧阳娜娜", "周杰", "吴芳", "孙丽华")
_PLACES = ("3号楼大厅", "5号楼丰巢柜", "南门驿站", "物业前台", "12号楼2单元", "东区菜鸟驿站", "地下车库岗亭")


def submit_mixed_batch(services: Services) -> list[Check]:
    """Submit everything. Returns the checks of it, the many at once first."""
    rules = [
        {"action": 609, "count": 2, "mobile": _TOO_FREQUENT},
        {"action": "hang", "count": 1, "mobile": _NO_REPLY},
    ]
    services.sandbox.set_faults(rules, latency_s=_PROVIDER_LATENCY_S)
    text = current_account().templates[DELIVERY].render([_NAMES[0], _PLACES[0]])
    print_text(f"  {_MANY} of them like this: {text}")
    return [
        _submit_many(_MANY),
        _submit_six_to_one_number(),
        _submit_a_seventh(),
        _submit_two_to_one_number(),
        _meet_maintenance(),
        _meet_too_frequent(),
        _meet_no_reply(),
        _name_an_unreviewed_template(),
        _cancel_before_the_call(),
        _submit_one_key_twice(),
        *_submit_bad_input(),
    ]


def _submit_many(count: int) -> Check:
    numbers = [f"1391234{5300 + index}" for index in range(count)]
    params = ([_NAMES[index % len(_NAMES)], _PLACES[index % len(_PLACES)]] for index in range(count))
    submitted = voice_notify.notify.bulk((number, DELIVERY, each) for number, each in zip(numbers, params, strict=True))

    def see(evidence: Evidence) -> Seen:
        accepted = evidence.accepted(submitted.ids)
        calls = sum(len(evidence.requests_of(number)) for number in numbers)
        return Seen(f"{accepted} accepted, {calls} calls", accepted == calls == count)

    return Check(f"{count} numbers at once", "each is called once", see, tuple(submitted.ids))


def _submit_six_to_one_number() -> Check:
    variables = (["机房", "断电", f"14:0{minute}"] for minute in range(MAX_CALLS + 1))
    ids = [voice_notify.notify.delay(_CALLED_SIX_TIMES, ALERT, params).id for params in variables]

    def see(evidence: Evidence) -> Seen:
        arrivals = [request.arrived for request in evidence.requests_of(_CALLED_SIX_TIMES)]
        wait = arrivals[-1] - arrivals[0] if arrivals else 0.0
        every = len(ids) == len(arrivals) == evidence.accepted(ids)
        return Seen(f"{len(arrivals)} calls, {wait:.1f} s from first to last", every and wait >= DAY_S)

    return Check(f"{len(ids)} to one number", f"the last waits for a new day: {DAY_S:g} s", see, tuple(ids))


def _submit_a_seventh() -> Check:
    args = (_CALLED_SIX_TIMES, ALERT, ["机房", "断电", "14:07"])
    id_ = voice_notify.notify.apply_async(args, expires=_SHORT_DEADLINE_S).id

    def see(evidence: Evidence) -> Seen:
        record, late = evidence.record(id_), len(evidence.requests_of(_CALLED_SIX_TIMES)) > MAX_CALLS + 1
        return Seen(f"{record.state} ({record.reason}){', called' * late}", record.state is State.EXPIRED and not late)

    return Check(f"one more, with a deadline of {_SHORT_DEADLINE_S} s", "expires in line, no call", see, (id_,))


def _submit_two_to_one_number() -> Check:
    ids = [voice_notify.notify.delay(_CALLED_TWICE, DELIVERY, ["张三", place]).id for place in _PLACES[:2]]

    def see(evidence: Evidence) -> Seen:
        arrivals = [request.arrived for request in evidence.requests_of(_CALLED_TWICE)]
        gap = min((later - earlier for earlier, later in pairwise(arrivals)), default=0.0)
        every = len(ids) == len(arrivals) == evidence.accepted(ids)
        return Seen(f"{len(arrivals)} calls, {gap:.2f} s apart", every and gap >= GAP_S)

    return Check(f"{len(ids)} to one number", f"the second waits {GAP_S:g} s", see, tuple(ids))


def _meet_maintenance() -> Check:
    id_ = voice_notify.notify.delay(_IN_MAINTENANCE, CHECKUP).id
    return _check_retries("500, maintenance", id_, _IN_MAINTENANCE, ["500", "500", "200"])


def _meet_too_frequent() -> Check:
    id_ = voice_notify.notify.delay(_TOO_FREQUENT, DELIVERY, ["李四", "南门驿站"]).id
    return _check_retries("609, too frequent", id_, _TOO_FREQUENT, ["609", "609", "200"])


def _check_retries(name: str, id_: str, mobile: str, expected: list[str]) -> Check:
    def see(evidence: Evidence) -> Seen:
        state, outcomes = evidence.record(id_).state, evidence.outcomes_of(mobile)
        return Seen(f"{', '.join(outcomes)}: {state}", outcomes == expected and state is State.ACCEPTED)

    return Check(name, "tried again, then accepted", see, (id_,))


def _meet_no_reply() -> Check:
    id_ = voice_notify.notify.delay(_NO_REPLY, ALERT, ["三号数据库", "磁盘已满", "14:05"]).id

    def see(evidence: Evidence) -> Seen:
        record, calls = evidence.record(id_), evidence.outcomes_of(_NO_REPLY)
        recorded = record.unconfirmed == 1 and "resend" in evidence.reasons(id_)
        text = f"{', '.join(calls)}: {record.state}, {record.unconfirmed} recorded"
        return Seen(text, record.state is State.ACCEPTED and calls == ["hang", "200"] and recorded)

    return Check("no reply: did the phone ring?", "recorded, then sent again", see, (id_,))


def _name_an_unreviewed_template() -> Check:
    id_ = voice_notify.notify.delay(_UNREVIEWED_TEMPLATE, "999999", ["王小明"]).id

    def see(evidence: Evidence) -> Seen:
        record, outcomes = evidence.record(id_), evidence.outcomes_of(_UNREVIEWED_TEMPLATE)
        dead = (record.state, record.code, record.message) == (State.DEAD, "400", "模板不存在")
        return Seen(f"{record.state}: {record.code} {record.message}", dead and outcomes == ["400"])

    return Check("an unreviewed template", "dead letter, with the reason", see, (id_,))


def _cancel_before_the_call() -> Check:
    id_ = voice_notify.notify.apply_async((_CANCELLED, CHECKUP), countdown=_LONG_COUNTDOWN_S).id
    voice_notify.cancel(id_)

    def see(evidence: Evidence) -> Seen:
        state, calls = evidence.record(id_).state, len(evidence.requests_of(_CANCELLED))
        return Seen(f"{state}, {calls} calls", state is State.CANCELLED and not calls)

    return Check("cancelled before it is due", "no call", see, (id_,))


def _submit_one_key_twice() -> Check:
    first, second = (
        voice_notify.notify.delay(_SAME_KEY, DELIVERY, ["陈静", "物业前台"], key="order-8812") for _ in range(2)
    )

    def see(evidence: Evidence) -> Seen:
        calls = len(evidence.requests_of(_SAME_KEY))
        same = second.duplicate and second.id == first.id
        return Seen(f"{'same id' if same else 'two ids'}, {calls} call", same and calls == 1)

    return Check("one key, submitted twice", "one notification, one call", see, (first.id,))


def _submit_bad_input() -> Iterator[Check]:
    fixed = len(TEMPLATES[DELIVERY]) - len("{1}{2}")
    too_long = "长" * (MAX_TEXT_CHARACTERS + 1 - fixed)
    yield _submit_refused("a number of 10 digits", "mobile", "1380013800", ["张三", "3号楼"])
    yield _submit_refused("a comma in a variable", "params", "13700015208", ["张三,李四", "3号楼"])
    yield _submit_refused(f"a text of {MAX_TEXT_CHARACTERS + 1} characters", "params", "13700015209", ["", too_long])


def _submit_refused(name: str, field: str, mobile: str, params: list[str]) -> Check:
    try:
        voice_notify.notify.delay(mobile, DELIVERY, params)
        refused, why = "", "it was accepted"
    except voice_notify.InvalidNotification as error:
        refused, why = error.field, str(error)

    def see(evidence: Evidence) -> Seen:
        return Seen(why, refused == field and not evidence.requests_of(mobile))

    return Check(name, "refused in the caller", see)
