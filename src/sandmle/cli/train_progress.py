"""How far a training run has come: a live table on a terminal, plain lines elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sandmle.cli._console import err
from sandmle.cli._evaluated import percent, percents
from sandmle.training.metrics_log import EvaluationMetrics, Metrics, StepMetrics

_ROWS = 12
"""Steps that are shown at once."""
_ENDS = 2
"""Latest evaluations of a set that are shown beside its first."""
_RECENT = 8
"""Steps from which the time that is left is told."""
_STEP_COLUMNS = (
    "step", "reward", "valid", "median", "bronze", "silver", "gold", "medal", "entropy",
    "masked", "time", "sandbox",
)  # fmt: skip
_EVALUATION_COLUMNS = ("evaluation", "step", "any medal", "95%", "valid", "median", "reward")


class TrainProgress:
    """Hears a training run and shows it; use it in a `with` block.

    Args:
        total: Steps of the whole run; 0 where it has none.
        before: What earlier calls wrote down; shown, and not said again.
        as_json: Whether to print one JSON object a line instead, to standard output.
        console: Where people read.
        stream: Where programs read.
    """

    def __init__(
        self,
        *,
        total: int,
        before: Iterable[Metrics] = (),
        as_json: bool = False,
        console: Console = err,
        stream: TextIO | None = None,
    ) -> None:
        self._total, self._json = total, as_json
        self._console, self._stream = console, stream
        self._steps: list[StepMetrics] = []
        self._evaluations: list[EvaluationMetrics] = []
        self._doing = ""
        for metrics in before:
            self._keep(metrics)
        # standard output is the table's only where nobody reads it as lines
        live = console.is_terminal and not as_json
        self._live = Live(console=console, auto_refresh=False) if live else None

    def said(self, text: str) -> None:
        """Show what is done next."""
        self._doing = text
        if self._json:
            self._print({"kind": "note", "text": text})
        elif self._live is None:
            self._line(text)
        self._refresh()

    def stepped(self, metrics: StepMetrics) -> None:
        """Show a step."""
        self._doing = ""
        self._keep(metrics)
        left = self.seconds_left() or 0.0
        self._show(metrics, step_line(metrics, self._total, left=left))

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        """Show an evaluation."""
        self._keep(metrics)
        self._show(metrics, evaluation_line(metrics))

    def seconds_left(self) -> float | None:
        """Return about how long the steps that are left take; evaluations come on top."""
        if not self._steps:
            return None
        recent = self._steps[-_RECENT:]
        each = sum(step.step_seconds for step in recent) / len(recent)
        return each * max(0, self._total - self._steps[-1].step)

    def render(self) -> Group:
        """Return what a terminal shows."""
        parts: list[Any] = []
        if self._evaluations:
            parts.append(_table(_EVALUATION_COLUMNS, map(_evaluation_row, self._told())))
        if self._steps:
            parts.append(_table(_STEP_COLUMNS, map(_step_row, self._steps[-_ROWS:])))
        return Group(*parts, Text(), Text(self._status(), style="dim"))

    def _told(self) -> list[EvaluationMetrics]:
        """Return the first and the last evaluations of each set."""
        found = []
        for name in dict.fromkeys(evaluation.name for evaluation in self._evaluations):
            mine = [evaluation for evaluation in self._evaluations if evaluation.name == name]
            found += mine if len(mine) <= _ENDS + 1 else [mine[0], *mine[-_ENDS:]]
        return found

    def _status(self) -> str:
        done = self._steps[-1].step if self._steps else 0
        parts = [f"{done}/{self._total} steps"] if self._total else []
        left = self.seconds_left()
        if left:
            parts.append(f"about {duration(left)} of steps left")
        return "; ".join(filter(None, (*parts, self._doing)))

    def _show(self, metrics: Metrics, line: str) -> None:
        if self._json:
            self._print(metrics.model_dump(mode="json"))
        elif self._live is None:
            self._line(line)
        self._refresh()

    def _keep(self, metrics: Metrics) -> None:
        """Take note of figures; what comes again after a resume takes the place of the old."""
        if isinstance(metrics, StepMetrics):
            self._steps = [m for m in self._steps if m.step < metrics.step]
            self._steps.append(metrics)
        else:
            self._evaluations = [
                m for m in self._evaluations if m.name != metrics.name or m.step < metrics.step
            ]
            self._evaluations.append(metrics)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self.render(), refresh=True)

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _print(self, record: dict[str, Any]) -> None:
        stream = self._stream or sys.stdout
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        stream.flush()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._refresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._doing = ""
            self._refresh()
            self._live.stop()


def step_line(metrics: StepMetrics, total: int, *, left: float) -> str:
    """Write a step in a plain line."""
    sandbox = metrics.sandbox_seconds / metrics.step_seconds if metrics.step_seconds else 0.0
    return (
        f"step {metrics.step}/{total}: reward {_number(metrics.reward)}, "
        f"valid {percent(metrics.valid)}%, any medal {percent(metrics.any_medal)}% "
        f"(b {percent(metrics.bronze)}, s {percent(metrics.silver)}, g {percent(metrics.gold)}), "
        f"entropy {metrics.entropy:.3f}, masked {percent(metrics.masked)}%, "
        f"{metrics.step_seconds:.1f} s ({100 * sandbox:.0f}% sandbox)"
        + (f"; about {duration(left)} left" if left else "")
    )


def evaluation_line(metrics: EvaluationMetrics) -> str:
    """Write an evaluation in a plain line."""
    table = metrics.table
    return (
        f"{metrics.name} after step {metrics.step}: any medal {percent(table.any_medal)}% "
        f"{percents(table.any_medal_ci95)}, valid {percent(table.valid)}%, "
        f"reward {_number(table.reward)}; {table.samples} episodes of {table.tasks} tasks"
    )


def duration(seconds: float) -> str:
    """Write a time in one unit or two: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _step_row(metrics: StepMetrics) -> tuple[str, ...]:
    sandbox = metrics.sandbox_seconds / metrics.step_seconds if metrics.step_seconds else 0.0
    return (
        str(metrics.step),
        _number(metrics.reward),
        *(
            percent(getattr(metrics, rate))
            for rate in ("valid", "above_median", "bronze", "silver", "gold", "any_medal")
        ),
        f"{metrics.entropy:.3f}",
        percent(metrics.masked),
        f"{metrics.step_seconds:.1f}",
        f"{100 * sandbox:.0f}%",
    )


def _evaluation_row(metrics: EvaluationMetrics) -> tuple[str, ...]:
    table = metrics.table
    return (
        metrics.name,
        str(metrics.step),
        percent(table.any_medal),
        percents(table.any_medal_ci95),
        percent(table.valid),
        percent(table.above_median),
        _number(table.reward),
    )


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    # narrow enough for 80 columns
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
