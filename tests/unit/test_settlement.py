"""Nothing known of a call is forgotten: its outcome is kept until the ledger's verdict, or left to the next worker."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest
import redis

from tests.support.sandbox import eventually
from voice_notify.delivery import settlement
from voice_notify.delivery.monitor import Monitor
from voice_notify.delivery.settlement import Settler
from voice_notify.delivery.spool import Spool
from voice_notify.delivery.spool_reader import SpoolReader
from voice_notify.delivery.worker_process import WorkerProcess
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.reasons import EndReason, Reason
from voice_notify.domain.retry import Step, Verdict, Window
from voice_notify.domain.states import State
from voice_notify.errors import LedgerDamaged, NotAllowed, SettingsError, StoreUnavailable
from voice_notify.ledger.ledger import Settlement
from voice_notify.ledger.results import SettleResult, Undecided
from voice_notify.settings import Settings

PLACED = Outcome(Kind.ACCEPTED, "200", "the text for 13800138000", call_id="1212", task_no="6956")
BUSY = Outcome(Kind.TRANSIENT, "609", "busy")


def accepted(id_: str) -> Settlement:
    """The end of a call that was placed."""
    return Settlement(id_, f"token of {id_}", PLACED, Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT), 120)


def refused(id_: str) -> Settlement:
    """The end of one that is to be tried again."""
    step = Step(State.WAITING, Reason.BACKOFF, Window.RELEASE, 1_000, 2_000, Verdict.NONE, 3_000)
    return Settlement(id_, "token", BUSY, step)


class FakeLedger:
    """Settles, but fails as `trouble` says, or refuses the ids in `poison`."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.poison: set[str] = set()
        self.verdicts: dict[str, SettleResult | LedgerDamaged] = {}
        self.tries = 0
        self.settled: list[Settlement] = []

    def settle(self, settlements: Sequence[Settlement]) -> list[SettleResult | LedgerDamaged]:
        """The verdicts, or an error."""
        self.tries += 1
        if self.trouble:
            raise self.trouble
        if self.poison & {each.id for each in settlements}:
            raise ValueError("a value that cannot be packed")
        self.settled += settlements
        return [self.verdicts.get(each.id, each.step.state) for each in settlements]

    @property
    def ids(self) -> list[str]:
        """Of what was settled, in order."""
        return [each.id for each in self.settled]


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FakeLedger:
    """A ledger; a settler tries again at once, and gives up soon when it ends."""
    monkeypatch.setattr(settlement, "_wait_before_next_try", lambda _: 0.005)
    monkeypatch.setattr(settlement, "_LAST_TRIES_S", 0.05)
    return FakeLedger()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """The spool of the account `shop`."""
    spool = Spool(tmp_path / "spool", "shop")
    spool.prepare()
    return spool


@pytest.fixture
def make(ledger: FakeLedger) -> Iterator[Callable[..., Settler]]:
    """Makes settlers, and ends them."""
    made: list[Settler] = []

    def make(spool: Spool | None = None) -> Settler:
        made.append(Settler(ledger, Mock(spec=Monitor), spool))  # type: ignore[arg-type] # a fake
        return made[-1]

    yield make
    ledger.trouble = None
    for each in made:
        each.close()


def reader(ledger: FakeLedger, spool: Spool) -> SpoolReader:
    """A worker that starts."""
    return SpoolReader(ledger, Mock(spec=Monitor), spool)  # type: ignore[arg-type] # a fake


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, without values."""
    return [f"{each.levelname} {each.getMessage()}" for each in caplog.records]


# ── While the process lives ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "trouble",
    [
        StoreUnavailable("away"),
        NotAllowed("NOPERM"),
        LedgerDamaged("of all, and of none in particular"),
        redis.ResponseError("ERR never seen before"),
        ValueError("a fault of ours"),
    ],
)
def test_any_error_but_a_verdict_keeps_the_outcome(
    ledger: FakeLedger, make: Callable[..., Settler], trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried, it is said once, and once more when it is over."""
    ledger.trouble = trouble
    settler = make()
    settler.put(accepted("a"))
    settler.put(accepted("b"))
    assert eventually(lambda: ledger.tries > 20)
    ledger.trouble = None
    assert eventually(lambda: sorted(ledger.ids) == ["a", "b"])
    assert eventually(lambda: "outcomes settled" in caplog.text)
    assert [line.split()[0] for line in messages(caplog)] == ["WARNING", "WARNING"]
    assert "count=" in messages(caplog)[0]


@pytest.mark.parametrize("verdict", [*Undecided, State.ACCEPTED, LedgerDamaged("of this one")])
def test_each_verdict_ends_the_care(
    ledger: FakeLedger, make: Callable[..., Settler], verdict: SettleResult | LedgerDamaged
) -> None:
    """Late, repeated, gone, damaged: the ledger knows, and is not asked again."""
    ledger.verdicts["a"] = verdict
    settler = make()
    settler.put(accepted("a"))
    assert eventually(lambda: ledger.ids == ["a"])
    settler.close()
    assert ledger.tries == 1


def test_one_that_cannot_be_settled_holds_up_no_other(ledger: FakeLedger, make: Callable[..., Settler]) -> None:
    """The others of its batch are settled one by one, and those that come later."""
    ledger.poison = {"bad"}
    settler = make()
    for id_ in ("a", "bad", "b"):
        settler.put(accepted(id_))
    assert eventually(lambda: sorted(ledger.ids) == ["a", "b"])
    settler.put(accepted("c"))
    assert eventually(lambda: sorted(ledger.ids) == ["a", "b", "c"])
    ledger.poison = set()
    assert eventually(lambda: "bad" in ledger.ids)


def test_beyond_a_number_the_oldest_is_dropped_and_named(
    ledger: FakeLedger, make: Callable[..., Settler], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of days does not eat the memory."""
    monkeypatch.setattr(settlement, "_MOST_KEPT", 2)
    ledger.trouble = StoreUnavailable("away")
    settler = make()
    for id_ in ("a", "b", "c"):
        settler.put(accepted(id_))
    assert eventually(lambda: "outcome dropped" in caplog.text)
    [dropped] = [line for line in messages(caplog) if line.startswith("ERROR")]
    assert "id=a" in dropped
    ledger.trouble = None
    assert eventually(lambda: ledger.ids == ["b", "c"])


def test_an_outage_is_not_hammered(
    ledger: FakeLedger, make: Callable[..., Settler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that end meanwhile wait for the next try."""
    monkeypatch.setattr(settlement, "_wait_before_next_try", lambda _: 60)
    ledger.trouble = StoreUnavailable("away")
    settler = make()
    settler.put(accepted("a"))
    assert eventually(lambda: ledger.tries == 1)
    for number in range(5):
        settler.put(accepted(f"b{number}"))
        threading.Event().wait(0.01)
    assert ledger.tries == 1


# ── At its end ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_outage_at_the_end_is_waited_out(
    ledger: FakeLedger, spool: Spool, make: Callable[..., Settler]
) -> None:
    """Nothing is left then."""
    ledger.trouble = StoreUnavailable("away")
    settler = make(spool)
    settler.put(accepted("a"))
    assert eventually(lambda: ledger.tries > 0)
    threading.Timer(0.02, lambda: setattr(ledger, "trouble", None)).start()
    settler.close()
    assert (ledger.ids, spool.files()) == (["a"], [])


def test_the_next_worker_settles_what_is_left(
    ledger: FakeLedger, spool: Spool, make: Callable[..., Settler], caplog: pytest.LogCaptureFixture
) -> None:
    """In a file for its owner only, without number and text; it is removed once all of it is settled."""
    ledger.trouble = NotAllowed("NOPERM")
    settler = make(spool)
    settler.put(accepted("a"))
    settler.put(refused("b"))
    settler.close()
    [left] = spool.files()
    assert left.path.stat().st_mode & 0o777 == 0o600
    text = left.path.read_text(encoding="utf-8")
    assert "13800138000" not in text
    assert "message" not in json.loads(text.splitlines()[0])["settlement"]["outcome"]
    assert "outcomes left to the next worker" in caplog.text
    assert "'a'" in caplog.text

    with pytest.raises(NotAllowed):
        reader(ledger, spool).settle(left)
    assert left.path.exists()
    ledger.trouble = None
    reader(ledger, spool).settle(left)
    [first, second] = ledger.settled
    assert (first.id, first.token, first.took_ms, first.step) == ("a", "token of a", 120, accepted("a").step)
    assert first.outcome == Outcome(Kind.ACCEPTED, "200", "", call_id="1212", task_no="6956")
    assert second.step == refused("b").step
    assert spool.files() == []


def test_without_a_spool_the_lost_ones_are_named(
    ledger: FakeLedger, make: Callable[..., Settler], caplog: pytest.LogCaptureFixture
) -> None:
    """A person can look at those."""
    ledger.trouble = StoreUnavailable("away")
    settler = make()
    settler.put(accepted("a"))
    settler.close()
    assert "outcomes lost" in messages(caplog)[-1]
    assert "'a'" in messages(caplog)[-1]


def test_a_spool_that_cannot_be_written(
    ledger: FakeLedger, spool: Spool, make: Callable[..., Settler], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Is said, with the ids."""
    (tmp_path / "spool").rmdir()
    ledger.trouble = StoreUnavailable("away")
    settler = make(spool)
    settler.put(accepted("a"))
    settler.close()
    assert "outcomes lost" in messages(caplog)[-1]
    assert "'a'" in messages(caplog)[-1]


def test_a_damaged_line_is_skipped_and_said(ledger: FakeLedger, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    """By its file and number, without what it holds."""
    path = spool.write([accepted("a"), accepted("b")])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"13800138000": ' + b"\xff\n" + second)
    reader(ledger, spool).settle(spool.files()[0])
    assert ledger.ids == ["a", "b"]
    assert "line=2" in caplog.text
    assert "13800138000" not in caplog.text
    assert spool.files() == []


def test_what_a_killed_process_had_written_is_settled(
    ledger: FakeLedger, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    """Once nobody can be writing it any more; its last line may be half."""
    path = spool.write([accepted("a"), accepted("b")])
    path.write_bytes(path.read_bytes()[:-20])
    unfinished = path.rename(path.with_suffix(".part"))
    assert spool.files() == []
    os.utime(unfinished, (0, 0))
    [left] = spool.files()
    reader(ledger, spool).settle(left)
    assert ledger.ids == ["a"]
    assert "a line of the spool cannot be read" in caplog.text
    assert not unfinished.exists()


def test_what_another_worker_settles_is_left_to_it(ledger: FakeLedger, spool: Spool) -> None:
    """And what it has settled meanwhile is gone."""
    path = spool.write([accepted("a")])
    [left] = spool.files()
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        reader(ledger, spool).settle(left)
        assert path.exists()
        path.unlink()
    reader(ledger, spool).settle(left)
    assert ledger.ids == []


def test_accounts_share_a_folder(ledger: FakeLedger, spool: Spool, tmp_path: Path) -> None:
    """And know nothing of each other."""
    Spool(tmp_path / "spool", "shop.2").write([accepted("other")])
    spool.write([accepted("a")])
    assert len(spool.files()) == 1
    reader(ledger, spool).settle(spool.files()[0])
    assert ledger.ids == ["a"]


def test_a_running_worker_settles_what_another_leaves(
    ledger: FakeLedger, spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    """It looks again and again; that it waits for Redis, it says once."""
    ledger.trouble = StoreUnavailable("away")
    running = reader(ledger, spool)
    spool.write([accepted("a")])
    running.start()
    assert eventually(lambda: ledger.tries == 3)
    ledger.trouble = None
    assert eventually(lambda: ledger.ids == ["a"])
    running.close()
    assert caplog.text.count("the spool waits for Redis") == 1


def test_a_worker_does_not_start_with_a_spool_that_it_cannot_use(tmp_path: Path) -> None:
    """It says so at once, and not when Redis is away."""
    (tmp_path / "file").touch()
    settings = Settings(app_id="shop", spool=tmp_path / "file")
    with pytest.raises(SettingsError, match=r"spool: .*VOICE_NOTIFY_SPOOL"):
        WorkerProcess(Mock(), settings, "w1@tests", task_events=False)
