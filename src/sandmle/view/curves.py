"""What the curves of a training run show, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics

Colour = Literal[
    "train", "eval1", "eval2", "eval3", "eval4", "bronze", "silver", "gold", "model", "sandbox",
    "grading", "update", "other", "second", "third",
]  # fmt: skip
"""What a line is of; whoever draws knows its shade."""

_EVALS: tuple[Colour, ...] = ("eval1", "eval2", "eval3", "eval4")
_MOST_SMOOTHED = 51
_RATES = {
    "any_medal": "Any medal",
    "valid": "Valid submission",
    "above_median": "Above median",
}


@dataclass(frozen=True)
class Line:
    """Values over steps."""

    name: str
    colour: Colour
    steps: tuple[int, ...]
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float] | None, ...] = ()
    """95% intervals of evaluations; empty for what is measured at every step."""

    @property
    def evaluated(self) -> bool:
        """Whether these are evaluations."""
        return bool(self.intervals)

    @property
    def smooth(self) -> tuple[float, ...]:
        """The running mean; see `running_mean`."""
        return running_mean(self.values)


@dataclass(frozen=True)
class Panel:
    """One picture of several."""

    title: str
    lines: tuple[Line, ...]
    unit: Literal["", "%", "s"] = ""
    """`%`: values are shares in [0, 1]."""
    whole: bool = False
    """Whether the axis goes from 0 to 1 whatever the values are, so that panels compare."""
    stacked: bool = False
    """Whether the lines add up to a whole."""
    named: bool = False
    """Whether its lines need names of their own; else they are those of `legend`."""
    from_zero: bool = False
    """Whether the axis begins at 0."""
    least: float = 0.0
    """What the axis spans at least, so that rounding does not fill it."""

    def bounds(self) -> tuple[float, float]:
        """Return the ends of the axis."""
        if self.whole:
            return 0.0, 1.0
        if self.stacked:
            return 0.0, (max(stack_tops(self.lines)[-1]) or 1.0) * 1.03
        values = [value for line in self.lines for value in line.values]
        values += [
            bound
            for line in self.lines
            for interval in line.intervals
            if interval is not None
            for bound in interval
        ]
        low, high = min(values), max(values)
        least = self.least or abs(high) or 1.0
        if self.from_zero:
            return 0.0, 1.05 * max(high, least)
        missing = max(0.0, least - (high - low)) / 2 if self.least or low == high else 0.0
        margin = missing + 0.05 * (high - low)
        return low - margin, high + margin


def stack_tops(lines: Sequence[Line]) -> list[list[float]]:
    """Return the upper edge of each line when it stands on those before it."""
    return [list(edge) for edge in np.cumsum([line.values for line in lines], axis=0).tolist()]


def panels(steps: Sequence[StepMetrics], evaluations: Sequence[EvaluationMetrics]) -> list[Panel]:
    """Return the pictures of a run in their order; those without a value are left out."""
    found = [
        Panel("Mean reward", _with_evaluations("reward", steps, evaluations), least=0.1),
        *(
            Panel(title, _with_evaluations(rate, steps, evaluations), unit="%", whole=True)
            for rate, title in _RATES.items()
        ),
        Panel(
            "Best medal, training",
            tuple(_smoothed(_line(name, name, steps)) for name in ("bronze", "silver", "gold")),
            unit="%",
            whole=True,
            stacked=True,
            named=True,
        ),
        Panel("Entropy of the policy, nats", _single("entropy", steps), least=0.02),
        Panel("Importance ratio", _single("ratio", steps), least=0.01),
        Panel("Clipped tokens", _single("clipped", steps), unit="%", from_zero=True, least=0.01),
        Panel("Gradient norm", _single("grad_norm", steps), from_zero=True, least=0.1),
        Panel(
            "Masked, signal, form",
            (
                _line("masked", "train", steps, name="masked"),
                _line("signal", "second", steps, name="groups with signal"),
                _line("well_formed", "third", steps, name="well-formed"),
            ),
            unit="%",
            whole=True,
            named=True,
        ),
        Panel("Turns of an episode", _single("turns", steps), least=0.5),
        Panel(
            "Wall time of a step",
            tuple(
                _line(f"{name}_seconds", name, steps, name=name)
                for name in ("model", "sandbox", "grading", "update", "other")
            ),
            unit="s",
            stacked=True,
            named=True,
        ),
    ]
    return [panel for panel in found if any(line.steps for line in panel.lines)]


def span(found: Sequence[Panel]) -> tuple[int, int]:
    """Return the first and the last step of all panels."""
    steps = [step for panel in found for line in panel.lines for step in line.steps]
    return min(steps), max(steps)


def legend(evaluations: Sequence[EvaluationMetrics]) -> list[tuple[str, Colour]]:
    """Return what the colours of panels without names of their own stand for."""
    names = _names(evaluations)
    return [("training", "train"), *((name, _colour(place)) for place, name in enumerate(names))]


def running_mean(values: Sequence[float]) -> tuple[float, ...]:
    """Return means over a window of about a tenth of the values around each, narrower at the ends.

    Args:
        values: At least none; up to 19 stay as they are.
    """
    half = min(len(values) // 20, _MOST_SMOOTHED // 2)
    return tuple(
        float(np.mean(values[max(0, place - half) : place + half + 1]))
        for place in range(len(values))
    )


def _with_evaluations(
    rate: str, steps: Sequence[StepMetrics], evaluations: Sequence[EvaluationMetrics]
) -> tuple[Line, ...]:
    lines = [_line(rate, "train", steps, name="training")]
    for place, name in enumerate(_names(evaluations)):
        mine = sorted((e for e in evaluations if e.name == name), key=lambda e: e.step)
        there = [(e, v) for e in mine if (v := getattr(e.table, rate)) is not None]
        lines.append(
            Line(
                name,
                _colour(place),
                tuple(e.step for e, _ in there),
                tuple(v for _, v in there),
                tuple(getattr(e.table, f"{rate}_ci95") for e, _ in there),
            )
        )
    return tuple(lines)


def _single(field: str, steps: Sequence[StepMetrics]) -> tuple[Line, ...]:
    return (_line(field, "train", steps),)


def _line(field: str, colour: Colour, steps: Sequence[StepMetrics], name: str = "") -> Line:
    value: Callable[[StepMetrics], float | None] = lambda metrics: getattr(metrics, field)  # noqa: E731
    there = [(m.step, v) for m in steps if (v := value(m)) is not None]
    return Line(name or field, colour, tuple(step for step, _ in there), tuple(v for _, v in there))


def _smoothed(line: Line) -> Line:
    return Line(line.name, line.colour, line.steps, line.smooth)


def _names(evaluations: Sequence[EvaluationMetrics]) -> list[str]:
    return list(dict.fromkeys(evaluation.name for evaluation in evaluations))


def _colour(place: int) -> Colour:
    return _EVALS[place % len(_EVALS)]
