"""The judge of a chaos run notices each guarantee that is broken, and nothing where none is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.plan import NETWORK_DELAY, Plan
from tests.chaos.reconcile import reconcile
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification

PLAN = Plan(1, 1, 1, 1, 0, 0, 0, 0, 0, 1, seed=1)
BEGAN = 1_000.0  #: the epoch of these runs, in seconds
DEADLINE = BEGAN + 60


@dataclass(frozen=True)
class Run:
    """A run with one notification, which was called once and accepted; its key is `n0`."""

    ids: tuple[str, ...] = ("id",)  #: that the producers got for its key
    is_known: bool = True  #: to the ledger
    state: State = State.ACCEPTED
    unknown: tuple[str, ...] = ()  #: codes of attempts of unknown outcome, in its history
    calls: tuple[float, ...] = (BEGAN + 1,)  #: when they arrived
    of: str = "n0"  #: the key of what was called
    violations: int = 0
    planned: int = 1

    def scene(self, folder: Path) -> Any:  # noqa: ANN401 - as much of a scene as the judge looks at
        """What the judge is given."""
        replies = folder / "replies"
        replies.write_text("".join(f"n0 {id_}\n" for id_ in self.ids), encoding="utf-8")
        return SimpleNamespace(
            plan=replace(PLAN, notifications=self.planned),
            replies=lambda _: replies,
            ledger=SimpleNamespace(explain=self._explain),
            sandbox=SimpleNamespace(get={"/calls": self._calls(), "/violations": [{}] * self.violations}.get),
        )

    def _explain(self, id_: str) -> Any:  # noqa: ANN401 - as above
        if not self.is_known:
            raise UnknownNotification(id_)
        record = SimpleNamespace(
            state=self.state,
            deadline_ms=DEADLINE * 1000,
            created_ms=BEGAN * 1000,
            attempts=len(self.calls),
            priority=0,
        )
        return SimpleNamespace(record=record, history=[SimpleNamespace(detail=f"{code} …") for code in self.unknown])

    def _calls(self) -> list[dict[str, object]]:
        return [
            {"placed": True, "mobile": "13900000000", "param": f"{self.of},3号楼", "arrived": arrived}
            for arrived in self.calls
        ]


@pytest.mark.parametrize(
    "run",
    [
        Run(),
        Run(state=State.EXPIRED, calls=()),
        Run(unknown=("read-timeout",), calls=(BEGAN + 1, BEGAN + 2)),  # called again after an unknown outcome
        Run(state=State.DEAD, unknown=("cut",)),  # it may have been called
        Run(state=State.DEAD, unknown=("lease",), calls=()),  # or not
        Run(calls=(DEADLINE + NETWORK_DELAY[1],)),  # it was long on its way
    ],
    ids=repr,
)
def test_what_is_explained_breaks_nothing(tmp_path: Path, run: Run) -> None:
    """Repetitions after an unknown outcome, and requests that were long on their way, are as promised."""
    found = reconcile(run.scene(tmp_path))
    assert found.held, found


@pytest.mark.parametrize(
    ("run", "broken"),
    [
        (Run(is_known=False), "lost"),
        (Run(state=State.WAITING), "lost"),
        (Run(ids=("id", "another")), "lost"),  # one key, two notifications
        (Run(calls=(BEGAN + 1, BEGAN + 2)), "unexplained"),  # called twice
        (Run(calls=(BEGAN + 1, BEGAN + 2), unknown=("500",)), "unexplained"),  # a refusal is no unknown outcome
        (Run(calls=(BEGAN + 1, BEGAN + 2, BEGAN + 3), unknown=("cut",)), "unexplained"),
        (Run(calls=()), "unaccounted"),  # accepted, but not called
        (Run(state=State.DEAD), "unaccounted"),  # called, but refused
        (Run(of="n1"), "unaccounted"),  # of which no producer knows
        (Run(calls=(DEADLINE + 1,)), "overdue"),
        (Run(violations=1), "violations"),
    ],
    ids=repr,
)
def test_a_broken_guarantee_is_named(tmp_path: Path, run: Run, broken: str) -> None:
    """Each under the name of its guarantee."""
    found = reconcile(run.scene(tmp_path))
    assert getattr(found, broken)
    assert not found.held


def test_a_producer_that_did_not_submit_all_is_no_success(tmp_path: Path) -> None:
    """A run proves only what it did."""
    assert not reconcile(Run(planned=2).scene(tmp_path)).held


@pytest.mark.parametrize(
    ("urgent", "ordinary", "passed_over"),
    [
        (BEGAN + 1, BEGAN + 9, []),  # in the right order
        (BEGAN + 9, BEGAN + 5, ["urgent"]),  # not so, for seconds
        (BEGAN + 9, BEGAN + 1, []),  # it may have been chosen before the urgent one was submitted
        (BEGAN + 9, BEGAN + 8, []),  # it was, perhaps, long on its way
    ],
)
def test_an_urgent_call_after_a_less_urgent_one_is_named(
    tmp_path: Path, urgent: float, ordinary: float, passed_over: list[str]
) -> None:
    """If it could have been called all the time."""
    replies = tmp_path / "replies"
    replies.write_text("urgent urgent\nordinary ordinary\n", encoding="utf-8")
    priorities = {"urgent": 9, "ordinary": 0}

    def explain(id_: str) -> Any:  # noqa: ANN401 - as much of it as the judge looks at
        record = SimpleNamespace(
            state=State.ACCEPTED, deadline_ms=None, created_ms=BEGAN * 1000, attempts=1, priority=priorities[id_]
        )
        return SimpleNamespace(record=record, history=[])

    calls = [
        {"placed": True, "mobile": f"139{arrived:08.0f}", "param": f"{key},3号楼", "arrived": arrived}
        for key, arrived in (("urgent", urgent), ("ordinary", ordinary))
    ]
    scene: Any = SimpleNamespace(
        plan=replace(PLAN, notifications=2),
        replies=lambda _: replies,
        ledger=SimpleNamespace(explain=explain),
        sandbox=SimpleNamespace(get={"/calls": calls, "/violations": []}.get),
    )
    found = reconcile(scene)
    assert found.passed_over == passed_over
    assert found.held is not bool(passed_over)
