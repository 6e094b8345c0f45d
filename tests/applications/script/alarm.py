"""A script that calls people from many processes and threads: `python alarm.py fork FIRST_NUMBER` prints the ids."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import ThreadPool

from voice_notify import notify

PARAMS = ["张三", "3号楼"]


def call(mobile: int) -> str:
    """Submit one; its id."""
    return notify.delay(str(mobile), "453662", PARAMS).id


def call_many(mobiles: range) -> list[str]:
    """Submit many at once; their ids."""
    return notify.bulk((str(mobile), "453662", PARAMS) for mobile in mobiles).ids


def by(method: str, first: int) -> list[str]:
    """Four processes, made by `fork` or `spawn` after the first submit, then another submit of this one."""
    ids = [call(first)]
    with multiprocessing.get_context(method).Pool(4) as pool:
        ids += pool.map(call, range(first + 1, first + 9))
    return [*ids, call(first + 9)]


def by_pool(first: int) -> list[str]:
    """A pool of processes, each with its part of a campaign."""
    parts = [range(start, start + 100) for start in range(first, first + 400, 100)]
    with ProcessPoolExecutor(4) as pool:
        return [id_ for ids in pool.map(call_many, parts) for id_ in ids]


def by_threads(first: int) -> list[str]:
    """Sixteen threads."""
    with ThreadPool(16) as pool:
        return pool.map(call, range(first, first + 64))


def plainly(first: int) -> list[str]:
    """One after the other."""
    return [call(mobile) for mobile in range(first, first + 4)]


def forks_amid_threads(first: int) -> list[str]:
    """Fork while threads submit, and again in each child while the threads of that have just begun."""
    call(first)
    reader, writer = os.pipe()
    _fork_amid_threads(first, generations=3, writer=writer)
    os.close(writer)
    with os.fdopen(reader) as lines:
        return lines.read().split()


def _fork_amid_threads(first: int, generations: int, writer: int) -> None:
    """Submit in eight threads; at the same moment fork a child that does the same, with the next numbers."""
    threads = [
        threading.Thread(target=lambda mobile=mobile: os.write(writer, f"{call(mobile)}\n".encode()))
        for mobile in range(first, first + 8)
    ]
    for thread in threads:
        thread.start()
    child = os.fork() if generations else 0
    if generations and child == 0:
        try:
            _fork_amid_threads(first + 8, generations - 1, writer)
        finally:
            os._exit(0)
    for thread in threads:
        thread.join()
    if child:
        os.waitpid(child, 0)


WAYS = {
    "plainly": plainly,
    "fork": lambda first: by("fork", first),
    "spawn": lambda first: by("spawn", first),
    "pool": by_pool,
    "threads": by_threads,
    "forks-amid-threads": forks_amid_threads,
}

if __name__ == "__main__":
    json.dump(WAYS[sys.argv[1]](int(sys.argv[2])), sys.stdout)
