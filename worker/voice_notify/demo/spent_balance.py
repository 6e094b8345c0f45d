"""Act 2: the balance runs out, and a person puts it right."""

from __future__ import annotations

import time
from collections.abc import Sequence

import voice_notify
from voice_notify.accounts import current_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.check import Check, Seen
from voice_notify.demo.configuration import DELIVERY
from voice_notify.demo.evidence import Evidence
from voice_notify.demo.services import Services
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.explanation import Explanation

_FIRST = "13700015301"
_OTHERS = ("13700015302", "13700015303", "13700015304")
_TOP_UP_UNITS = 1_000_000


def spend_balance(services: Services) -> list[Check]:
    """Spend the balance, look at what follows, top up, resume and replay."""
    services.sandbox.set_balance(0)
    print_text("  The balance is spent. One notification finds that out …")
    first = voice_notify.notify.delay(_FIRST, DELIVERY, ["赵敏", "5号楼丰巢柜"]).id
    dead = _wait_for_pause(services, first)
    others = [voice_notify.notify.delay(mobile, DELIVERY, ["周杰", "地下车库岗亭"]).id for mobile in _OTHERS]
    print_text(f"  … the account pauses itself, and {len(others)} more wait. Topped up, resumed, replayed:")
    waiting = [voice_notify.explain(id_) for id_ in others]
    resumed_at = time.time()
    _put_right(services, first)
    return [_check_pause(dead), _check_waiting(waiting, resumed_at), _check_replay(first)]


def _wait_for_pause(services: Services, id_: str) -> Explanation:
    """Return the notification when it is a dead letter and the account is paused."""
    for _ in services.poll("a 603 makes a dead letter and pauses the account"):
        found = voice_notify.explain(id_)
        if found.record.state is State.DEAD and found.pause:
            break
    return found


def _put_right(services: Services, id_: str) -> None:
    """Do what `voice-notify account resume` and `voice-notify dlq replay` do."""
    services.sandbox.set_balance(_TOP_UP_UNITS)
    ledger = current_account().ledger
    ledger.resume()
    DeadLetters(ledger.scripts).replay([id_], current_account().settings.default_expires)


def _check_pause(dead: Explanation) -> Check:
    letter, why = dead.record, dead.pause.reason if dead.pause else "open"

    def see(_: Evidence) -> Seen:
        text = f"{letter.state}: {letter.code} {letter.message}; paused ({why})"
        return Seen(text, letter.state is State.DEAD and letter.code == why == "603")

    return Check("603, the balance is spent", "dead letter, account paused", see, (letter.id,))


def _check_waiting(waiting: Sequence[Explanation], resumed_at: float) -> Check:
    ids = tuple(each.record.id for each in waiting)
    held = sum(each.reason == Reason.PAUSED for each in waiting)

    def see(evidence: Evidence) -> Seen:
        requests = [request for mobile in _OTHERS for request in evidence.requests_of(mobile)]
        early = sum(request.arrived < resumed_at for request in requests)
        accepted = evidence.accepted(ids)
        text = f"{held} waited, {early} sent too early, {accepted} accepted"
        return Seen(text, held == accepted == len(requests) == len(ids) and not early)

    return Check(f"{len(ids)} more while it is paused", "they wait, then are called", see, ids)


def _check_replay(id_: str) -> Check:
    def see(evidence: Evidence) -> Seen:
        state, outcomes = evidence.record(id_).state, evidence.outcomes_of(_FIRST)
        return Seen(f"{', '.join(outcomes)}: {state}", state is State.ACCEPTED and outcomes == ["603", "200"])

    return Check("topped up, and replayed", "the dead letter is accepted", see, (id_,))
