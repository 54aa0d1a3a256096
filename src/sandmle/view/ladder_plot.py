"""A task's ladder as inline SVG: medal zones, baselines above the line, episodes below."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from sandmle.core.verdict import Bars, RungScore

_WIDTH, _LEFT, _RIGHT = 760, 20, 20
_LOW, _HIGH = -0.1, 1.08
_LEVEL_HEIGHT, _LINE = 15, 92
_ZONES = ("none", "median", "bronze", "silver", "gold")


def ladder_svg(rungs: Sequence[RungScore], bars: Bars, gains: Sequence[float]) -> str:
    """Draw one task.

    Args:
        rungs: The measured baselines; failed ones are left out.
        bars: Medal bars, drawn as zones.
        gains: One tick per graded episode; 0 is the dummy baseline, 1 the reference.
    """
    edges = [_LOW, *(bars.gains[name] for name in ("median", "bronze", "silver", "gold")), _HIGH]
    zones = "".join(
        f'<rect class="zone {zone}" x="{_x(low):.1f}" y="{_LINE - 7}" '
        f'width="{_x(high) - _x(low):.1f}" height="14"><title>{zone}</title></rect>'
        for zone, (low, high) in zip(_ZONES, pairwise(edges), strict=True)
    )
    ticks = "".join(
        f'<line class="episode" x1="{_x(gain):.1f}" x2="{_x(gain):.1f}" y1="{_LINE + 10}" '
        f'y2="{_LINE + 24}"><title>episode, gain {gain:.2f}</title></line>'
        for gain in gains
    )
    ends = (
        f'<text class="end" x="{_x(0):.1f}" y="{_LINE + 38}">dummy {bars.dummy_score:.4g}</text>'
        f'<text class="end last" x="{_x(1):.1f}" y="{_LINE + 38}">'
        f"{bars.reference_kind.replace('_', ' ')} {bars.reference_score:.4g}</text>"
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_LINE + 44}" role="img" aria-label="ladder of baselines">'
        f"{zones}{_rungs(rungs)}{ticks}{ends}</svg>"
    )


def _rungs(rungs: Sequence[RungScore]) -> str:
    placed: list[float] = []
    parts = []
    known = [
        (rung.gain, rung) for rung in rungs if rung.gain is not None and rung.score is not None
    ]
    for gain, rung in sorted(known, key=lambda pair: pair[0]):
        level = next((i for i, end in enumerate(placed) if end < _x(gain) - 4), len(placed))
        anchor = "end" if gain > 0.9 else "start"
        reach = _x(gain) + (0 if anchor == "end" else 7 * len(rung.name))
        placed[level : level + 1] = [reach]
        y = _LINE - 18 - _LEVEL_HEIGHT * min(level, 4)
        parts.append(
            f'<g class="rung"><title>{escape(rung.name)}: {rung.score:.5g}</title>'
            f'<line x1="{_x(gain):.1f}" x2="{_x(gain):.1f}" y1="{y}" y2="{_LINE}"/>'
            f'<circle cx="{_x(gain):.1f}" cy="{_LINE}" r="4"/>'
            f'<text x="{_x(gain) + (-3 if anchor == "end" else 3):.1f}" y="{y + 4}" '
            f'text-anchor="{anchor}">{escape(rung.name)}</text></g>'
        )
    return "".join(parts)


def _x(gain: float) -> float:
    share = (min(max(gain, _LOW), _HIGH) - _LOW) / (_HIGH - _LOW)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
