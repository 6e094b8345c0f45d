"""The chart of a throughput run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_OURS, _OTHERS = "#1a7f5a", "#9aa5b1"


@dataclass(frozen=True, slots=True)
class Series:
    """One system's rounds; per second."""

    label: str
    ours: bool
    done: Sequence[float]
    enqueued: Sequence[float]  #: empty where there is no queue


def draw(path: Path, series: Sequence[Series], machine: Mapping[str, Any]) -> None:
    """Draw medians as bars, with the range over the rounds."""
    ordered = sorted(series, key=lambda each: median(each.done))
    figure = Figure(figsize=(11, 0.42 * len(series) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, ordered, [each.done for each in ordered], "notifications done per second")
    _bars(right, ordered, [each.enqueued for each in ordered], "enqueued per second by one process, workers stopped")
    figure.suptitle(
        f"The same job, two worker processes each: {machine['cores']} cores, Python {machine['python']}, "
        f"Redis {machine['redis']}\nmedian and range of {len(series[0].done)} rounds",
        fontsize=10,
    )
    figure.savefig(path, dpi=150)


def _bars(axes: Axes, ordered: Sequence[Series], values: Sequence[Sequence[float]], label: str) -> None:
    shown = [(each, rates) for each, rates in zip(ordered, values, strict=True) if rates]
    if not shown:
        return
    middles = [median(rates) for _, rates in shown]
    ranges = [
        [middle - min(rates) for middle, (_, rates) in zip(middles, shown, strict=True)],
        [max(rates) - middle for middle, (_, rates) in zip(middles, shown, strict=True)],
    ]
    labels = [each.label for each, _ in shown]
    colours = [_OURS if each.ours else _OTHERS for each, _ in shown]
    bars = axes.barh(labels, middles, xerr=ranges, color=colours, ecolor="#333333", capsize=2)
    axes.bar_label(bars, [f"{middle:,.0f}" for middle in middles], padding=6, fontsize=9)
    axes.set_xlabel(label)
    axes.set_xlim(right=1.18 * max(max(rates) for _, rates in shown))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
