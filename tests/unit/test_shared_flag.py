"""The flag that a worker's main process and the processes of its pool share."""

from __future__ import annotations

import os
import subprocess
import sys

from voice_notify.concurrency.shared_flag import SharedFlag

#: In an interpreter of its own: pytest's may have threads, which a fork would leave behind.
_FORK = """
import os, time
from voice_notify.concurrency.shared_flag import SharedFlag

asked, answered, other = SharedFlag(), SharedFlag(), SharedFlag()
child = os.fork()
if child == 0:
    until = time.monotonic() + 10
    while not asked.is_set() and time.monotonic() < until:
        time.sleep(0.001)
    answered.set(to=asked.is_set())
    os._exit(0)
asked.set()
os.waitpid(child, 0)
print(answered.is_set(), other.is_set())
"""


def test_a_flag_can_be_set_and_cleared() -> None:
    """It is cleared at first."""
    flag = SharedFlag()
    assert not flag.is_set()
    flag.set()
    assert flag.is_set()
    flag.set(to=False)
    assert not flag.is_set()


def test_a_flag_is_shared_across_a_fork() -> None:
    """The child sees what its parent sets, the parent what its child sets, and no flag is another."""
    command = [sys.executable, "-c", _FORK]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    assert done.stdout == "True False\n"
