"""A script of faults: which requests fail and how, and how slow the network and the provider are."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from voice_notify.sandbox.faults import Action

if TYPE_CHECKING:
    from pydantic import ValidationError


def _check_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= bounds[0] <= bounds[1]:
        raise ValueError("must be [min, max] with 0 <= min <= max")
    return bounds


Seconds = Annotated[tuple[float, float], AfterValidator(_check_order)]
"""The bounds in seconds between which a pause is drawn, evenly distributed."""


class Document(BaseModel):
    """A JSON document that a tester sends; an unknown name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rule(Document):
    """`action` happens to `percent` of the requests or to the next `count`; with a `mobile`, only of those for it."""

    action: Action
    percent: float | None = Field(default=None, ge=0, le=100)
    count: int | None = Field(default=None, ge=1)
    mobile: str | None = None

    @model_validator(mode="after")
    def _percent_or_count(self) -> Self:
        if (self.percent is None) == (self.count is None):
            raise ValueError("a rule needs either percent or count")
        return self


class FaultScript(Document):
    """What goes wrong. The first rule that applies to a request decides; the default script does nothing.

    `network_delay` passes between sending and arrival, `latency` between arrival and reply, both in seconds.
    With a `seed`, the same requests in the same order meet the same faults and pauses.
    """

    rules: tuple[Rule, ...] = ()
    network_delay: Seconds = (0.0, 0.0)
    latency: Seconds = (0.0, 0.0)
    seed: int | None = None


def explain_mistakes(error: ValidationError) -> str:
    """Return what is wrong with a `Document`: each mistake, with where it is."""
    return "; ".join(f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors())


class FaultInjector:
    """Runs a script: draws its percentages and pauses, and counts down its counts."""

    def __init__(self, script: FaultScript) -> None:
        self._script = script
        self._left = [rule.count for rule in script.rules]
        self._random = Random(script.seed)  # noqa: S311 - repeatable on purpose, and no secret

    def next_action(self, mobile: str) -> Action | None:
        """Return what happens to the request that has now arrived for `mobile`; None if nothing does."""
        for index, rule in enumerate(self._script.rules):
            if rule.mobile in (None, mobile) and self._applies(index, rule):
                return rule.action
        return None

    def network_delay(self) -> float:
        """Return the seconds until the next request arrives."""
        return self._random.uniform(*self._script.network_delay)

    def latency(self) -> float:
        """Return the seconds until the next reply leaves."""
        return self._random.uniform(*self._script.latency)

    def _applies(self, index: int, rule: Rule) -> bool:
        if rule.percent is not None:
            return self._random.random() * 100 < rule.percent
        left = self._left[index]
        if not left:
            return False
        self._left[index] = left - 1
        return True
