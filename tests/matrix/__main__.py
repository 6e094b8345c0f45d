"""Run the tests with other versions: of the libraries, of Python, of Redis and Valkey.

COMBINATIONS are names such as lowest-3.11, newest-3.13, redis-6.2 or valkey-9; the folders of tests to run may follow:
newest-3.13:unit, valkey-9:contract,acceptance; or modules in them: newest-3.13:acceptance/test_django.py. Versions of
libraries have the unit and contract tests, servers the contract and acceptance tests. Without any names all are tried,
but for those whose Python or server this machine does not have. What was asked for and could not be run has failed.

Everything is installed below .venv/matrix, by uv, which does not read pip's settings: a package index of your own goes
into UV_DEFAULT_INDEX.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import click

from tests.matrix.combinations import Combination, Ready, every, parse
from tests.matrix.packages import FOLDER, NotToBeHad
from tests.support.worker import ROOT

_LOGS = FOLDER / "logs"
#: pytest's, for some tests that failed.
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one combination: `line` says it; `more` is for whoever wants to know why."""

    held: bool
    line: str
    more: str = ""


@click.command(help=__doc__)
@click.argument("combinations", nargs=-1)
def main(combinations: tuple[str, ...]) -> None:
    """Run them one after the other, and say what became of each."""
    try:
        chosen = [parse(text) for text in combinations] or list(_all_that_are_here())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    results = []
    for combination in chosen:
        result = _try(combination)
        click.echo(f"{combination.name:<12} {result.line}\n{result.more}".rstrip())
        results.append(result)
    failed = [result for result in results if not result.held]
    click.echo(f"{len(results) - len(failed)} of {len(results)} combinations passed")
    sys.exit(1 if failed else 0)


def _all_that_are_here() -> Iterator[Combination]:
    """All, but for what this machine lacks, which is said."""
    for combination in every():
        if lacking := combination.lacking():
            click.echo(f"{combination.name:<12} left out: {lacking} on this machine")
        else:
            yield combination


def _try(combination: Combination) -> Result:
    try:
        ready = combination.make_ready()
    except NotToBeHad as error:
        return Result(held=False, line=f"DID NOT RUN: {error}")
    return _test(combination, ready)


def _test(combination: Combination, ready: Ready) -> Result:
    _LOGS.mkdir(parents=True, exist_ok=True)
    log, report = _LOGS / f"{combination.name}.log", _LOGS / f"{combination.name}.xml"
    report.unlink(missing_ok=True)
    pytest = [str(ready.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    # Of whoever runs the matrix the tests see only the machine.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VOICE_NOTIFY_", "PYTHON"))}
    began = time.monotonic()
    with log.open("wb") as output:
        code = subprocess.run(  # noqa: S603 - pytest
            [*pytest, *combination.pytest_options()],
            env={**inherited, "REDIS_SERVER": str(ready.server)},
            cwd=ROOT,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode
    what = f"{' '.join(combination.folders)} in {time.monotonic() - began:.0f} s with {ready.described}"
    told = log.read_text(encoding="utf-8", errors="replace")
    if code not in (0, _FAILED):
        return Result(held=False, line=f"DID NOT RUN, pytest ended with {code}: {what}", more=told)
    passed, failed, skipped = _count(ET.parse(report).getroot())  # noqa: S314 - pytest's own
    line = f"{passed} passed, {failed} failed, {skipped} skipped: {what}"
    return Result(held=code == 0 and passed > 0, line=line, more=told if failed else "")


def _count(report: ET.Element) -> tuple[int, int, int]:
    def total(*names: str) -> int:
        return sum(int(suite.get(name, 0)) for suite in report.iter("testsuite") for name in names)

    failed, skipped = total("failures", "errors"), total("skipped")
    return total("tests") - failed - skipped, failed, skipped


if __name__ == "__main__":
    main()
