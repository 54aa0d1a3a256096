"""The curves of a training run as SVG within a page: its colours, light or dark, are the page's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from sandmle.view.curves import Line, Panel, span, stack_tops

_WIDTH, _HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 20
"""Margins of the area that is drawn in, in pixels."""
_SHIFT = 3
"""Pixels between evaluations of one step."""


@dataclass(frozen=True)
class _Scale:
    """Where values lie in the picture."""

    first: int
    last: int
    low: float
    high: float

    def x(self, step: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        return _LEFT + width * (step - self.first) / max(1, self.last - self.first)

    def y(self, value: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        return _TOP + height * (self.high - value) / (self.high - self.low)


def panel_svg(panel: Panel, steps: tuple[int, int]) -> str:
    """Draw one panel.

    Args:
        panel: With at least one value.
        steps: First and last step of the axis; see `span`.
    """
    tops = stack_tops(panel.lines) if panel.stacked else []
    scale = _Scale(*steps, *panel.bounds())
    if panel.stacked:
        drawn = _stack(panel.lines, tops, scale)
    else:
        drawn = "".join(_line(line, place, scale) for place, line in enumerate(panel.lines))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(panel.title)}">'
        f"{_axes(panel, scale)}{drawn}</svg>"
    )


def panels_html(found: Sequence[Panel]) -> str:
    """Draw panels as figures with their captions."""
    steps = span(found)
    return "".join(
        f"<figure><figcaption>{escape(panel.title)}{_names(panel)}</figcaption>"
        f"{panel_svg(panel, steps)}</figure>"
        for panel in found
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers within [low, high], the same distance apart.

    Raises:
        ValueError: If `low` is not below `high`.
    """
    if not low < high:
        raise ValueError(f"low {low} must be below high {high}")
    rough = (high - low) / max(1, count - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def _axes(panel: Panel, scale: _Scale) -> str:
    write = _writer(panel)
    parts = []
    for value in ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(
            f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{write(value)}</text>'
        )
    if scale.first < scale.last:
        whole = [int(step) for step in ticks(scale.first, scale.last, 6) if step == int(step)]
        parts += [
            f'<text x="{scale.x(step):.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{step}</text>'
            for step in whole
        ]
    return "".join(parts)


def _writer(panel: Panel) -> Callable[[float], str]:
    if panel.unit == "%":
        return lambda value: f"{100 * value:g}%"
    if panel.unit == "s":
        return lambda value: f"{value:g} s"
    return lambda value: f"{value:g}"


def _line(line: Line, place: int, scale: _Scale) -> str:
    if not line.steps:
        return ""
    if not line.evaluated:
        raw = _points(line.steps, line.values, scale)
        smooth = _points(line.steps, line.smooth, scale)
        return (
            f'<polyline class="raw {line.colour}" points="{raw}"/>'
            f'<polyline class="{line.colour}" points="{smooth}"/>'
        )
    shift = _SHIFT * (place - 1)
    parts = [
        f'<polyline class="between {line.colour}" '
        f'points="{_points(line.steps, line.values, scale, shift)}"/>'
    ]
    for step, value, interval in zip(line.steps, line.values, line.intervals, strict=True):
        x = scale.x(step) + shift
        bar = ""
        if interval is not None:
            low, high = (scale.y(bound) for bound in interval)
            bar = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        told = f"{line.name}, step {step}: {value:.3f}"
        parts.append(
            f'<g class="{line.colour}">{bar}<circle cx="{x:.1f}" cy="{scale.y(value):.1f}" r="3">'
            f"<title>{escape(told)}</title></circle></g>"
        )
    return "".join(parts)


def _stack(lines: Sequence[Line], tops: Sequence[Sequence[float]], scale: _Scale) -> str:
    below: Sequence[float] = [0.0] * len(lines[0].steps)
    parts = []
    for line, top in zip(lines, tops, strict=True):
        steps = line.steps
        back = _points(steps[::-1], below[::-1], scale)
        parts.append(
            f'<polygon class="{line.colour}" points="{_points(steps, top, scale)} {back}"/>'
        )
        below = top
    return "".join(parts)


def _points(
    steps: Sequence[int], values: Sequence[float], scale: _Scale, shift: float = 0.0
) -> str:
    return " ".join(
        f"{scale.x(step) + shift:.1f},{scale.y(value):.1f}"
        for step, value in zip(steps, values, strict=True)
    )


def _names(panel: Panel) -> str:
    if not panel.named:
        return ""
    keys = "".join(
        f'<span><i class="{line.colour}"></i>{escape(line.name)}</span>' for line in panel.lines
    )
    return f"<small class=key>{keys}</small>"
