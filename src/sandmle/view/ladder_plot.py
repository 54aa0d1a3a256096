"""A task's ladder as inline SVG: medal zones, baselines above the line, episodes below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from sandmle.core.verdict import Bars, RungScore

_WIDTH, _MARGIN = 760, 20
_LOW, _HIGH = -0.1, 1.08
_LEVEL, _LETTER = 15, 7
"""Height of a line of labels and width of a letter, pixels."""
_ZONES = ("none", "median", "bronze", "silver", "gold")


@dataclass(frozen=True)
class _Label:
    """A rung's name beside its dot, on a level where it covers no other."""

    name: str
    score: float
    x: float
    level: int

    @property
    def leftward(self) -> bool:
        return self.x > 0.88 * _WIDTH


def ladder_svg(rungs: Sequence[RungScore], bars: Bars, gains: Sequence[float]) -> str:
    """Draw one task.

    Args:
        rungs: The measured baselines; failed ones are left out.
        bars: Medal bars, drawn as zones.
        gains: One tick per graded episode; 0 is the dummy baseline, 1 the reference.
    """
    labels = _labels(rungs)
    line = 24 + _LEVEL * (1 + max((label.level for label in labels), default=0))
    parts = [
        *_zones(bars, line),
        *(_rung(label, line) for label in labels),
        *(_tick(gain, line) for gain in gains),
        f'<text class="end" x="{_x(0):.1f}" y="{line + 38}">dummy {bars.dummy_score:.4g}</text>',
        f'<text class="end last" x="{_x(1):.1f}" y="{line + 38}">'
        f"{bars.reference_kind.replace('_', ' ')} {bars.reference_score:.4g}</text>",
    ]
    head = f'<svg viewBox="0 0 {_WIDTH} {line + 44}" role="img" aria-label="ladder of baselines">'
    return f"{head}{''.join(parts)}</svg>"


def _zones(bars: Bars, line: int) -> list[str]:
    edges = [_LOW, *(bars.gains[name] for name in ("median", "bronze", "silver", "gold")), _HIGH]
    return [
        f'<rect class="zone {zone}" x="{_x(low):.1f}" y="{line - 7}" '
        f'width="{_x(high) - _x(low):.1f}" height="14"><title>{zone}</title></rect>'
        for zone, (low, high) in zip(_ZONES, pairwise(edges), strict=True)
    ]


def _labels(rungs: Sequence[RungScore]) -> list[_Label]:
    known = [(r.gain, r.score, r.name) for r in rungs if r.gain is not None and r.score is not None]
    taken: list[list[tuple[float, float]]] = []
    labels = []
    for gain, score, name in sorted(known):
        label = _Label(name, score, _x(gain), 0)
        width = _LETTER * len(name) + 6
        start = label.x - width if label.leftward else label.x
        free = (
            level
            for level, spans in enumerate(taken)
            if all(start + width < low or start > high for low, high in spans)
        )
        level = next(free, len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append((start, start + width))
        labels.append(_Label(name, score, label.x, level))
    return labels


def _rung(label: _Label, line: int) -> str:
    y = line - 18 - _LEVEL * label.level
    anchor, shift = ("end", -3) if label.leftward else ("start", 3)
    return (
        f'<g class="rung"><title>{escape(label.name)}: {label.score:.5g}</title>'
        f'<line x1="{label.x:.1f}" x2="{label.x:.1f}" y1="{y}" y2="{line}"/>'
        f'<circle cx="{label.x:.1f}" cy="{line}" r="4"/>'
        f'<text x="{label.x + shift:.1f}" y="{y + 4}" text-anchor="{anchor}">'
        f"{escape(label.name)}</text></g>"
    )


def _tick(gain: float, line: int) -> str:
    return (
        f'<line class="episode" x1="{_x(gain):.1f}" x2="{_x(gain):.1f}" y1="{line + 10}" '
        f'y2="{line + 24}"><title>episode, gain {gain:.2f}</title></line>'
    )


def _x(gain: float) -> float:
    share = (min(max(gain, _LOW), _HIGH) - _LOW) / (_HIGH - _LOW)
    return _MARGIN + share * (_WIDTH - 2 * _MARGIN)
