"""Act 1: many notifications at once, and among them every way that one can go."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import voice_notify
from voice_notify.accounts import current_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.case import Case, Seen
from voice_notify.demo.evidence import Evidence
from voice_notify.demo.stage import ALERT, CHECKUP, DAY, DELIVERY, GAP, MAX_CALLS, TEMPLATES, Stage
from voice_notify.domain.states import State
from voice_notify.domain.template import MAX_TEXT

_CROWD = 300
_LATENCY = (0.05, 0.3)  # seconds
_SOON = 4  # seconds; the window of the demo's day is not over by then
_LATER = 60  # seconds

# The last four digits of a number mean something to the sandbox (`voice-notify sandbox --help`): 0001 meets maintenance
# twice; 52nn to 55nn mean nothing. The two after it are in a script of faults.
_IN_MAINTENANCE = "13700010001"
_TOO_FREQUENT, _NO_REPLY = "13700015201", "13700015202"
_TWO, _SIX = "13700015203", "13700015204"
_UNREVIEWED, _WITHDRAWN, _SAME_KEY = "13700015205", "13700015206", "13700015207"

_NAMES = ("张三", "李四", "王小明", "陈静", "刘洋", "赵敏", "欧阳娜娜", "周杰", "吴芳", "孙丽华")
_PLACES = ("3号楼大厅", "5号楼丰巢柜", "南门驿站", "物业前台", "12号楼2单元", "东区菜鸟驿站", "地下车库岗亭")


def submit_crowd(stage: Stage) -> list[Case]:
    """Submit everything."""
    rules = [
        {"action": 609, "count": 2, "mobile": _TOO_FREQUENT},
        {"action": "hang", "count": 1, "mobile": _NO_REPLY},
    ]
    stage.sandbox.play(rules, latency=_LATENCY)
    words = current_account().templates[DELIVERY].render([_NAMES[0], _PLACES[0]])
    print_text(f"  {_CROWD} of them like this: {words}")
    steps = (_six, _seventh, _two, _maintenance, _too_frequent, _no_reply, _unreviewed, _withdrawn, _same_key)
    return [_many(_CROWD), *(step() for step in steps), *_bad_input()]


def _many(count: int) -> Case:
    numbers = [f"1391234{5300 + index}" for index in range(count)]
    words = ([_NAMES[index % len(_NAMES)], _PLACES[index % len(_PLACES)]] for index in range(count))
    submitted = voice_notify.notify.bulk((number, DELIVERY, each) for number, each in zip(numbers, words, strict=True))

    def see(evidence: Evidence) -> Seen:
        accepted = evidence.accepted(submitted.ids)
        calls = sum(len(evidence.requests_of(number)) for number in numbers)
        return Seen(f"{accepted} accepted, {calls} calls", accepted == calls == count)

    return Case(f"{count} numbers at once", "each is called once", see, tuple(submitted.ids))


def _six() -> Case:
    ids = [
        voice_notify.notify.delay(_SIX, ALERT, ["机房", "断电", f"14:0{minute}"]).id for minute in range(MAX_CALLS + 1)
    ]

    def see(evidence: Evidence) -> Seen:
        arrivals = [request.arrived for request in evidence.requests_of(_SIX)]
        wait = arrivals[-1] - arrivals[0] if arrivals else 0.0
        every = len(ids) == len(arrivals) == evidence.accepted(ids)
        return Seen(f"{len(arrivals)} calls, {wait:.1f} s from first to last", every and wait >= DAY)

    return Case(f"{len(ids)} to one number", f"the last waits for a new day: {DAY:g} s", see, tuple(ids))


def _seventh() -> Case:
    id_ = voice_notify.notify.apply_async((_SIX, ALERT, ["机房", "断电", "14:07"]), expires=_SOON).id

    def see(evidence: Evidence) -> Seen:
        record, late = evidence.record(id_), len(evidence.requests_of(_SIX)) > MAX_CALLS + 1
        return Seen(f"{record.state} ({record.reason}){', called' * late}", record.state is State.EXPIRED and not late)

    return Case(f"one more, due within {_SOON} s", "expires in line, no call", see, (id_,))


def _two() -> Case:
    ids = [voice_notify.notify.delay(_TWO, DELIVERY, ["张三", place]).id for place in _PLACES[:2]]

    def see(evidence: Evidence) -> Seen:
        arrivals = [request.arrived for request in evidence.requests_of(_TWO)]
        gap = min((later - earlier for earlier, later in pairwise(arrivals)), default=0.0)
        every = len(ids) == len(arrivals) == evidence.accepted(ids)
        return Seen(f"{len(arrivals)} calls, {gap:.2f} s apart", every and gap >= GAP)

    return Case(f"{len(ids)} to one number", f"the second waits {GAP:g} s", see, tuple(ids))


def _maintenance() -> Case:
    id_ = voice_notify.notify.delay(_IN_MAINTENANCE, CHECKUP).id
    return _retried("500, maintenance", id_, _IN_MAINTENANCE, ["500", "500", "200"])


def _too_frequent() -> Case:
    id_ = voice_notify.notify.delay(_TOO_FREQUENT, DELIVERY, ["李四", "南门驿站"]).id
    return _retried("609, too frequent", id_, _TOO_FREQUENT, ["609", "609", "200"])


def _retried(name: str, id_: str, mobile: str, expected: list[str]) -> Case:
    def see(evidence: Evidence) -> Seen:
        state, outcomes = evidence.record(id_).state, evidence.outcomes_of(mobile)
        return Seen(f"{', '.join(outcomes)}: {state}", outcomes == expected and state is State.ACCEPTED)

    return Case(name, "tried again, then accepted", see, (id_,))


def _no_reply() -> Case:
    id_ = voice_notify.notify.delay(_NO_REPLY, ALERT, ["三号数据库", "磁盘已满", "14:05"]).id

    def see(evidence: Evidence) -> Seen:
        record, calls = evidence.record(id_), evidence.outcomes_of(_NO_REPLY)
        recorded = record.unconfirmed == 1 and "resend" in evidence.reasons(id_)
        text = f"{', '.join(calls)}: {record.state}, {record.unconfirmed} recorded"
        return Seen(text, record.state is State.ACCEPTED and calls == ["hang", "200"] and recorded)

    return Case("no reply: did it ring?", "recorded, then sent again", see, (id_,))


def _unreviewed() -> Case:
    id_ = voice_notify.notify.delay(_UNREVIEWED, "999999", ["王小明"]).id

    def see(evidence: Evidence) -> Seen:
        record, outcomes = evidence.record(id_), evidence.outcomes_of(_UNREVIEWED)
        dead = (record.state, record.code, record.message) == (State.DEAD, "400", "模板不存在")
        return Seen(f"{record.state}: {record.code} {record.message}", dead and outcomes == ["400"])

    return Case("a template not reviewed", "dead letter, with the reason", see, (id_,))


def _withdrawn() -> Case:
    id_ = voice_notify.notify.apply_async((_WITHDRAWN, CHECKUP), countdown=_LATER).id
    voice_notify.cancel(id_)

    def see(evidence: Evidence) -> Seen:
        state, calls = evidence.record(id_).state, len(evidence.requests_of(_WITHDRAWN))
        return Seen(f"{state}, {calls} calls", state is State.CANCELLED and not calls)

    return Case("withdrawn before it is due", "no call", see, (id_,))


def _same_key() -> Case:
    first, second = (
        voice_notify.notify.delay(_SAME_KEY, DELIVERY, ["陈静", "物业前台"], key="order-8812") for _ in range(2)
    )

    def see(evidence: Evidence) -> Seen:
        calls = len(evidence.requests_of(_SAME_KEY))
        same = second.duplicate and second.id == first.id
        return Seen(f"{'same id' if same else 'two ids'}, {calls} call", same and calls == 1)

    return Case("one key, submitted twice", "one notification, one call", see, (first.id,))


def _bad_input() -> Iterator[Case]:
    fixed = len(TEMPLATES[DELIVERY]) - len("{1}{2}")
    too_long = "长" * (MAX_TEXT + 1 - fixed)
    yield _refused("a number of 10 digits", "mobile", "1380013800", ["张三", "3号楼"])
    yield _refused("a comma in a variable", "params", "13700015208", ["张三,李四", "3号楼"])
    yield _refused(f"a text of {MAX_TEXT + 1} characters", "params", "13700015209", ["", too_long])


def _refused(name: str, field: str, mobile: str, params: list[str]) -> Case:
    try:
        voice_notify.notify.delay(mobile, DELIVERY, params)
        refused, why = "", "it was taken"
    except voice_notify.InvalidNotification as error:
        refused, why = error.field, str(error)

    def see(evidence: Evidence) -> Seen:
        return Seen(why, refused == field and not evidence.requests_of(mobile))

    return Case(name, "refused in the caller", see)
