"""The curves of a training run as one PNG; needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandmle.core.errors import UsageError
from sandmle.store.atomic import write_file
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.view.curves import Colour, Line, Panel, legend, panels, span

SHADES: Mapping[Colour, str] = {
    "train": "#1767c4",
    "eval1": "#d1610a",
    "eval2": "#1f8a4c",
    "eval3": "#8250df",
    "eval4": "#b3266b",
    "second": "#1f8a4c",
    "third": "#8250df",
    "bronze": "#d8a878",
    "silver": "#aeb7c2",
    "gold": "#e3b93c",
    "model": "#1767c4",
    "sandbox": "#e08a3c",
    "grading": "#8250df",
    "update": "#3f9e68",
    "other": "#b4bac4",
}
_COLUMNS = 3
_INK, _SOFT, _RULE = "#1c2330", "#667085", "#d9dde3"


def write_curves(
    path: Path,
    steps: Sequence[StepMetrics],
    evaluations: Sequence[EvaluationMetrics],
    *,
    title: str,
) -> None:
    """Draw the curves; equal metrics give an equal file with equal versions of matplotlib.

    Args:
        path: The PNG to write; replaced whole.
        steps: Of the run, in order.
        evaluations: Of the run.
        title: Stands above the panels.

    Raises:
        UsageError: If matplotlib is not installed, or there is nothing to draw.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise UsageError("curves need matplotlib: pip install 'sandmle[train]'") from exc
    found = panels(steps, evaluations)
    if not found:
        raise UsageError("there is no step and no evaluation to draw; train first")
    rows = -(-len(found) // _COLUMNS)
    figure = Figure(figsize=(12.6, 2.55 * rows + 0.9), dpi=110)
    FigureCanvasAgg(figure)
    inch = 1 / figure.get_figheight()
    figure.text(0.012, 1 - 0.3 * inch, title, fontsize=13, fontweight="bold", color=_INK)
    grid = figure.subplots(
        rows,
        _COLUMNS,
        squeeze=False,
        gridspec_kw={
            "left": 0.045,
            "right": 0.99,
            "top": 1 - 1.0 * inch,
            "bottom": 0.35 * inch,
            "wspace": 0.17,
            "hspace": 0.45,
        },
    )
    first, last = span(found)
    margin = max(0.02 * (last - first), 0.5)
    for axes, panel in zip(grid.flat, found, strict=False):
        _draw(axes, panel, last - first)
        axes.set_xlim(first - margin, last + margin)
    for axes in grid.flat[len(found) :]:
        axes.set_axis_off()
    _add_legend(figure, evaluations)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    write_file(path, data.getvalue())


def _draw(axes: Any, panel: Panel, width: float) -> None:
    pad = 18 if panel.named else 6
    axes.set_title(panel.title, loc="left", fontsize=10, color=_INK, pad=pad)
    if panel.stacked:
        _draw_stack(axes, panel)
    else:
        for place, line in enumerate(panel.lines):
            # evaluations of one step stand side by side
            _draw_line(axes, line, shift=0.007 * place * width if line.evaluated else 0.0)
    if panel.unit == "%":
        from matplotlib.ticker import PercentFormatter

        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    if panel.unit == "s":
        axes.yaxis.set_major_formatter("{x:g} s")
    axes.set_ylim(*panel.bounds())
    if not panel.unit:
        axes.ticklabel_format(axis="y", useOffset=False)
    if panel.whole:
        axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    if panel.named:
        axes.legend(
            fontsize=8,
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(-0.01, 0.99),
            ncols=len(panel.lines),
            labelcolor=_INK,
            handlelength=1.0,
            columnspacing=0.9,
            borderpad=0.1,
        )
    axes.grid(axis="y", color=_RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=_SOFT, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _draw_stack(axes: Any, panel: Panel) -> None:
    axes.stackplot(
        panel.lines[0].steps,
        [line.values for line in panel.lines],
        colors=[SHADES[line.colour] for line in panel.lines],
        labels=[line.name for line in panel.lines],
        linewidth=0,
    )


def _draw_line(axes: Any, line: Line, *, shift: float) -> None:
    shade = SHADES[line.colour]
    if not line.evaluated:
        axes.plot(line.steps, line.values, color=shade, linewidth=0.8, alpha=0.3)
        axes.plot(line.steps, line.smooth, color=shade, linewidth=1.8, label=line.name)
        return
    places = [step + shift for step in line.steps]
    axes.plot(places, line.values, color=shade, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.plot(places, line.values, "o", color=shade, markersize=4, clip_on=False)
    for step, interval in zip(places, line.intervals, strict=True):
        if interval is not None:
            axes.plot([step, step], interval, color=shade, linewidth=1.4)


def _add_legend(figure: Any, evaluations: Sequence[EvaluationMetrics]) -> None:
    from matplotlib.lines import Line2D

    entries = legend(evaluations)
    handles = [
        Line2D(
            [],
            [],
            color=SHADES[colour],
            linewidth=1.8,
            marker="" if colour == "train" else "o",
            markersize=4,
            linestyle="-" if colour == "train" else (0, (4, 2)),
        )
        for _, colour in entries
    ]
    names = [
        "training, with its running mean" if colour == "train" else f"{name}, 95% over tasks"
        for name, colour in entries
    ]
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.005, 1 - 0.38 / figure.get_figheight()),
        ncols=len(entries),
        fontsize=8.5,
        frameon=False,
        labelcolor=_INK,
    )
