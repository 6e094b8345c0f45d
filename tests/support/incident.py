"""An incident, lived through at a terminal: commands as processes of their own, and the transcript of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.deployment import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.deployment import Deployment

CAMPAIGN = "campaign.csv"
#: Of two billing units, with these variables.
LONG_TEMPLATE = "453701"
_LONG = (
    "华东一区核心交换机房的三号精密空调以及与之相连的两台备用机组",
    "出风温度连续十分钟高于三十五度并且备用机组没有按计划启动的严重故障",
    "十一月二十五日凌晨两点",
)
_COMMAND = Path(sys.executable).with_name("voice-notify")
_PATIENCE_SECONDS = 60


def write_campaign(path: Path, mobiles: Iterable[str]) -> None:
    """A file of notifications: for each number a parcel, for each third a long alarm, for each fifth a second parcel.

    Those of one number have to wait for its window.
    """
    lines = ["mobile,template_id,param1,param2,param3,key"]
    for i, mobile in enumerate(mobiles):
        lines.append(f"{mobile},{TEMPLATE},张三,3号楼,,parcel-{i}")
        if i % 3 == 0:
            lines.append(f"{mobile},{LONG_TEMPLATE},{','.join(_LONG)},alarm-{i}")
        if i % 5 == 0:
            lines.append(f"{mobile},{TEMPLATE},张三,5号楼,,parcel-{i}-2")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass
class Terminal:
    """An operator's terminal in the folder of a deployment. `text` is the transcript, as Markdown."""

    deployment: Deployment
    text: list[str] = field(default_factory=list)

    def think(self, words: str) -> None:
        """What the operator thinks."""
        self.text += ["", *textwrap.wrap(words, 120, break_on_hyphens=False), ""]

    def run(self, *arguments: str, only: str = "") -> str:
        """What a command prints; it must succeed. The transcript has it, or its lines that match `only`."""
        printed = self._call(arguments)
        pipe = f" | grep -E '{only}'" if only else ""
        kept = [line for line in printed.splitlines() if re.search(only, line)]
        self._show(f"voice-notify {' '.join(arguments)}{pipe}", kept)
        return printed

    def read(self, *arguments: str) -> Any:  # noqa: ANN401 - what it prints
        """What a command prints with `--json`; the transcript does not have it."""
        return json.loads(self._call((*arguments, "--json")))

    def sandbox(self, path: str, document: dict[str, int] | None = None) -> Any:  # noqa: ANN401 - what it replies
        """The sandbox's reply to a GET, or to a POST of `document`, as curl has it."""
        status, reply = self.deployment.sandbox.ask("POST" if document else "GET", path, document)
        assert status == 200, reply
        data = f" -d '{json.dumps(document)}'" if document else ""
        self._show(f"curl -s http://127.0.0.1:8790/sandbox{path}{data}", [json.dumps(reply, ensure_ascii=False)])
        return reply

    def _call(self, arguments: Iterable[str]) -> str:
        address = {"VOICE_NOTIFY_REDIS_URL": self.deployment.redis.url_of("operator"), "COLUMNS": "110"}
        done = subprocess.run(  # noqa: S603 - the command under test
            [str(_COMMAND), *arguments],
            env=self.deployment.environment | address,
            cwd=self.deployment.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def _show(self, command: str, lines: Iterable[str]) -> None:
        begin = ["```console"]
        if self.text[-1] == "```":  # one command after the other
            self.text[-1:], begin = [], [""]
        self.text += [*begin, f"$ {command}", *(line.rstrip() for line in lines), "```"]


def commands_of(transcript: str) -> list[str]:
    """Its commands, in order, without the ids that differ from run to run."""
    return [re.sub(r"\b[0-9a-f]{24}\b", "ID", line) for line in transcript.splitlines() if line.startswith("$ ")]
