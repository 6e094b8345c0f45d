"""A producer: submits its share of the notifications and writes down the replies, line by line.

Killed and started again, it submits all of its share once more: the keys make that harmless.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.chaos.plan import Plan
from voice_notify import StoreUnavailable, notify

_CHUNK = 20


def main(share: int, replies: Path, plan: Plan) -> None:
    """Submit every chunk that is this producer's, in turn through `delay` and through `bulk`, paced over the run."""
    rows = plan.rows()[share :: plan.producers]
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    known = {line.split()[0] for line in replies.read_text().splitlines()} if replies.exists() else set()
    with replies.open("a") as record:
        for number, chunk in enumerate(chunks):
            ids = _patiently(chunk, bulk=number % 2 == 0)
            record.writelines(f"{row['key']} {id_}\n" for row, id_ in zip(chunk, ids, strict=True))
            record.flush()
            os.fsync(record.fileno())
            if chunk[0]["key"] not in known:
                time.sleep(plan.seconds / len(chunks))


def _patiently(chunk: list[dict[str, Any]], *, bulk: bool) -> list[str]:
    """Submit until Redis took it; a repetition meets its own keys."""
    while True:
        try:
            if bulk:
                result = notify.bulk(chunk)
                if result.refused:
                    raise RuntimeError(str(result.refused))
                return result.ids
            return [_delay(row) for row in chunk]
        except StoreUnavailable:
            time.sleep(0.1)


def _delay(row: dict[str, Any]) -> str:
    options = {name: row[name] for name in ("priority", "countdown", "expires") if name in row}
    result = notify.apply_async((row["mobile"], row["template_id"], row["params"]), {"key": row["key"]}, **options)
    return str(result.id)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Plan.from_json(sys.argv[3]))
