"""The configuration of a sandbox: what it enforces, and how it replies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voice_notify.sandbox.fault_script import FaultScript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.sandbox.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """The account, its limits (PROVIDER.md, Rules of use) and the faults to start with.

    `gap`, `window` and `timestamp_tolerance` are seconds and may be fractional. `balance` is in billing units.
    While a secret is being changed, `old_secret` is valid too.
    Without `templates`, every template is known and takes any variables; without `magic_numbers`, no number is special.
    """

    app_id: str = "sandbox"
    app_secret: str = field(default="sandbox-secret", repr=False)
    old_secret: str | None = field(default=None, repr=False)
    gap: float = 30.0
    max_calls: int = 5
    window: float = 86_400.0
    timestamp_tolerance: float = 300.0
    balance: int = 1_000_000_000
    templates: Mapping[str, Template] | None = None
    magic_numbers: bool = True
    faults: FaultScript = field(default_factory=FaultScript)

    def __post_init__(self) -> None:
        """Raise `ValueError` for limits that make no sense."""
        if self.max_calls < 1:
            raise ValueError("max_calls must be at least 1")
        if min(self.gap, self.window, self.timestamp_tolerance, self.balance) < 0:
            raise ValueError("gap, window, timestamp_tolerance and balance must not be negative")
