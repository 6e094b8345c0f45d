"""Act 2: the balance runs out, and a person puts it right."""

from __future__ import annotations

import time
from collections.abc import Sequence

import voice_notify
from voice_notify.accounts import current_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.case import Case, Seen
from voice_notify.demo.evidence import Evidence
from voice_notify.demo.stage import DELIVERY, Stage
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.explanation import Explanation

_FIRST = "13700015301"
_OTHERS = ("13700015302", "13700015303", "13700015304")
_TOP_UP = 1_000_000  # billing units


def run_out(stage: Stage) -> list[Case]:
    """Spend the balance, look at what follows, top up, resume and replay."""
    stage.sandbox.set_balance(0)
    print_text("  The balance is spent. One notification meets that …")
    first = voice_notify.notify.delay(_FIRST, DELIVERY, ["赵敏", "5号楼丰巢柜"]).id
    dead = _wait_for_pause(stage, first)
    others = [voice_notify.notify.delay(mobile, DELIVERY, ["周杰", "地下车库岗亭"]).id for mobile in _OTHERS]
    print_text(f"  … the account pauses itself, and {len(others)} more wait. Topped up, resumed, replayed:")
    waiting = [voice_notify.explain(id_) for id_ in others]
    resumed_at = time.time()
    _put_right(stage, first)
    return [_paused(dead), _waited(waiting, resumed_at), _replayed(first)]


def _wait_for_pause(stage: Stage, id_: str) -> Explanation:
    """The notification as a dead letter."""
    for _ in stage.polls("a 603 makes a dead letter and pauses the account"):
        found = voice_notify.explain(id_)
        if found.record.state is State.DEAD and found.pause:
            break
    return found


def _put_right(stage: Stage, id_: str) -> None:
    """Do what `voice-notify account resume` and `voice-notify dlq replay` do."""
    stage.sandbox.set_balance(_TOP_UP)
    ledger = current_account().ledger
    ledger.resume()
    DeadLetters(ledger.scripts).replay([id_], current_account().settings.default_expires)


def _paused(dead: Explanation) -> Case:
    letter, why = dead.record, dead.pause.reason if dead.pause else "open"

    def see(_: Evidence) -> Seen:
        text = f"{letter.state}: {letter.code} {letter.message}; paused ({why})"
        return Seen(text, letter.state is State.DEAD and letter.code == why == "603")

    return Case("603, the balance is spent", "dead letter, account paused", see, (letter.id,))


def _waited(waiting: Sequence[Explanation], resumed_at: float) -> Case:
    ids = tuple(each.record.id for each in waiting)
    held = sum(each.reason == Reason.PAUSED for each in waiting)

    def see(evidence: Evidence) -> Seen:
        requests = [request for mobile in _OTHERS for request in evidence.requests_of(mobile)]
        early = sum(request.arrived < resumed_at for request in requests)
        accepted = evidence.accepted(ids)
        text = f"{held} waited, {early} sent too early, {accepted} accepted"
        return Seen(text, held == accepted == len(requests) == len(ids) and not early)

    return Case(f"{len(ids)} more while it is paused", "they wait, then are called", see, ids)


def _replayed(id_: str) -> Case:
    def see(evidence: Evidence) -> Seen:
        state, outcomes = evidence.record(id_).state, evidence.outcomes_of(_FIRST)
        return Seen(f"{', '.join(outcomes)}: {state}", state is State.ACCEPTED and outcomes == ["603", "200"])

    return Case("topped up, and replayed", "the dead letter is accepted", see, (id_,))
