"""Ctrl-C during long work: it ends between two steps."""

from __future__ import annotations

import signal

import pytest

from tests.support.cli import sigint
from voice_notify.cli.ctrl_c import Stop, stoppable
from voice_notify.cli.dlq.paced_chunks import paced_chunks


def test_the_first_ctrl_c_only_asks_and_the_second_ends_at_once() -> None:
    """Work goes on to the end of its step, unless a person insists."""
    with sigint(signal.default_int_handler), stoppable() as stop:
        assert not stop.asked
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_means_afterwards_what_it_meant_before() -> None:
    """Whatever handled Ctrl-C handles it again, also where the work failed."""
    pressed = []
    with sigint(lambda *_: pressed.append("before")):
        with pytest.raises(ZeroDivisionError), stoppable():
            raise ZeroDivisionError
        signal.raise_signal(signal.SIGINT)
    assert pressed == ["before"]


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    """A shell ignores Ctrl-C for the background jobs of a script, and a program leaves it so."""
    with sigint(signal.SIG_IGN):
        with stoppable() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.asked
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_wait_ends_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for an end need not wait for the next step."""
    stop = Stop()
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        stop.asked = True

    monkeypatch.setattr("time.sleep", nap)
    stop.sleep(3600)
    assert len(naps) == 1
    assert list(paced_chunks(["a"], stop)) == []
