"""Two workers under a mixed load, one of which is killed on the way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import voice_notify
from tests.support.deployment import TEMPLATE, deploy, new_mobile
from tests.support.sandbox import eventually
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS, EACH = 150, 2
FAULTS = {
    500: 4,
    609: 4,
    400: 1,
    999: 1,
    "cut": 2,
    "garbage": 2,
    "hang": 1,
    "cut_before": 2,
    "http_502": 2,
    "http_503": 4,
}


def test_a_mixed_load_survives_a_killed_worker(tmp_path: Path) -> None:
    """Every notification ends, no window is broken, and a phone rings again only after an unknown outcome."""
    mobiles = [new_mobile() for _ in range(NUMBERS)]
    rows = [(mobile, TEMPLATE, (f"{mobile[-3:]}-{number}", "3号楼")) for number in range(EACH) for mobile in mobiles]
    with deploy(tmp_path) as deployment:
        first, _ = deployment.start_worker(), deployment.start_worker()
        deployment.script(*({"action": action, "percent": percent} for action, percent in FAULTS.items()), latency=0.05)
        submitted = voice_notify.notify.bulk(rows)
        assert submitted.refused == []
        assert eventually(lambda: deployment.sandbox.get("/summary")["placed"] >= NUMBERS // 2)
        first.kill()
        records = deployment.all_finished(submitted.ids)

        assert {record.state for record in records} <= {State.ACCEPTED, State.DEAD}
        calls = Counter(call["param"] for call in deployment.sandbox.get("/calls") if call["placed"])
        for record in records:
            once = record.state is State.ACCEPTED
            assert calls[",".join(record.params)] <= 1 + record.unconfirmed, record
            assert calls[",".join(record.params)] >= once, record
        assert deployment.violations() == []
