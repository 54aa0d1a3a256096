"""Metrics for other programs' eyes: TensorBoard, Trackio, Weights & Biases.

`metrics.jsonl` is written by the run's folder, always. What is here is on top of it, by option: a
tracker that fails is let go with a word, and the training goes on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Protocol

from sandmle.core.errors import InfraError, UsageError, boundary, unknown
from sandmle.training.listener import Listener
from sandmle.training.metrics_log import EvaluationMetrics, Metrics, StepMetrics
from sandmle.training.run_folder import TrainingFolder

Values = Mapping[str, float]

TRAIN = (
    "reward",
    "valid",
    "above_median",
    "bronze",
    "silver",
    "gold",
    "any_medal",
    "masked",
    "signal",
    "turns",
    "tokens",
    "well_formed",
    "loss",
    "grad_norm",
    "entropy",
    "ratio",
    "clipped",
)
TIMES = ("model", "sandbox", "grading", "update", "other", "step")
RATES = ("valid", "above_median", "bronze", "silver", "gold", "any_medal", "reward")


class Tracker(Protocol):
    """Takes numbers by name and step."""

    def log(self, step: int, values: Values) -> None:
        """Take a step's numbers; steps do not go back."""
        ...

    def close(self) -> None:
        """Write out what is left; nothing is logged afterwards."""
        ...


def values_of(metrics: Metrics) -> dict[str, float]:
    """Return a line's numbers by the names that trackers show.

    `train/reward`, `time/sandbox` (seconds), `data/source/NAME` for a step; `eval/NAME/any_medal`
    with `_low` and `_high` of its interval for an evaluation.
    """
    if isinstance(metrics, EvaluationMetrics):
        return _evaluation_values(metrics)
    return _step_values(metrics)


def _step_values(metrics: StepMetrics) -> dict[str, float]:
    named = {f"train/{name}": getattr(metrics, name) for name in TRAIN}
    named |= {f"time/{name}": getattr(metrics, f"{name}_seconds") for name in TIMES}
    named["time/run"] = metrics.seconds
    named |= {f"data/{name}": share for name, share in metrics.shares.items()}
    return {name: float(value) for name, value in named.items() if value is not None}


def _evaluation_values(metrics: EvaluationMetrics) -> dict[str, float]:
    found: dict[str, float] = {}
    for rate in RATES:
        name = f"eval/{metrics.name}/{rate}"
        value = getattr(metrics.table, rate)
        interval = getattr(metrics.table, f"{rate}_ci95")
        if value is not None:
            found[name] = float(value)
        if interval is not None:
            found[f"{name}_low"], found[f"{name}_high"] = interval
    return found


@contextmanager
def tracked(folder: TrainingFolder, listener: Listener) -> Iterator[Listener]:
    """Give a listener that passes everything on, and tells the recipe's trackers of the numbers.

    Args:
        folder: The run's folder, with its recipe written down.
        listener: Hears all that is said, and of trackers that fail.

    Raises:
        UsageError: If a tracker is not installed or cannot be opened.
    """
    opened: dict[str, Tracker] = {}
    try:
        for chosen in folder.recipe.tracking.to:
            opened[chosen] = open_tracker(chosen, folder)
        yield _Tracked(listener, opened)
    finally:
        for name in list(opened):
            _guarded(opened, name, listener, lambda tracker: tracker.close())


def open_tracker(name: str, folder: TrainingFolder) -> Tracker:
    """Open a tracker; a run that goes on is the same run for it.

    Args:
        name: `tensorboard`, `trackio` or `wandb`.
        folder: The run's folder.

    Raises:
        UsageError: If there is no such tracker, it is not installed, or it cannot be opened.
    """
    if name not in _OPEN:
        raise unknown("tracker", name, _OPEN)
    try:
        with boundary(InfraError, f"open {name}"), redirect_stdout(sys.stderr):
            return _OPEN[name](folder)
    except InfraError as exc:
        cause = exc.__cause__
        if isinstance(cause, ImportError):
            raise UsageError(
                f"tracking.to has {name!r}, which is not installed: pip install {name}, or leave "
                "it out of the recipe"
            ) from cause
        raise UsageError(f"{exc}; mend that, or leave it out of tracking.to") from exc


@dataclass(frozen=True)
class _Tracked:
    listener: Listener
    trackers: dict[str, Tracker]

    def said(self, text: str) -> None:
        self.listener.said(text)

    def stepped(self, metrics: StepMetrics) -> None:
        self.listener.stepped(metrics)
        self._log(metrics)

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        self.listener.evaluated(metrics)
        self._log(metrics)

    def _log(self, metrics: Metrics) -> None:
        values = values_of(metrics)
        for name in list(self.trackers):
            _guarded(self.trackers, name, self.listener, lambda one: one.log(metrics.step, values))


def _guarded(
    trackers: dict[str, Tracker], name: str, listener: Listener, do: Callable[[Tracker], None]
) -> None:
    """Do something with a tracker; one that fails is let go."""
    try:
        # what a tracker prints must not mix with the program's own output
        with boundary(InfraError, f"track by {name}"), redirect_stdout(sys.stderr):
            do(trackers[name])
    except InfraError as exc:
        del trackers[name]
        listener.said(f"{exc}; going on without {name}, the numbers are in metrics.jsonl")


@dataclass(frozen=True)
class _TensorBoard:
    writer: Any

    def log(self, step: int, values: Values) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()


def _tensorboard(folder: TrainingFolder) -> Tracker:
    from torch.utils.tensorboard import SummaryWriter

    # events of steps that are played again are hidden by the newer ones
    last = folder.last_checkpoint()
    again = None if not folder.metrics.path.is_file() else (last.done.step if last else 0) + 1
    return _TensorBoard(SummaryWriter(log_dir=str(folder.tensorboard), purge_step=again))


@dataclass(frozen=True)
class _Trackio:
    library: Any

    def log(self, step: int, values: Values) -> None:
        self.library.log(dict(values), step=step)

    def close(self) -> None:
        self.library.finish()


def _trackio(folder: TrainingFolder) -> Tracker:
    import trackio  # type: ignore[import-not-found,unused-ignore]

    trackio.init(
        project=folder.recipe.tracking.project,
        name=_name(folder),
        config=folder.recipe.model_dump(mode="json"),
        resume="allow",
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
    return _Trackio(trackio)


@dataclass(frozen=True)
class _Wandb:
    run: Any

    def log(self, step: int, values: Values) -> None:
        # its own counter never goes back, and a resumed run's steps do
        self.run.log({**values, "step": step})

    def close(self) -> None:
        self.run.finish()


def _wandb(folder: TrainingFolder) -> Tracker:
    import wandb  # type: ignore[import-not-found,unused-ignore]

    run = wandb.init(
        project=folder.recipe.tracking.project,
        name=_name(folder),
        id=_name(folder),
        resume="allow",
        dir=str(folder.path),
        config=folder.recipe.model_dump(mode="json"),
    )
    run.define_metric("step")
    run.define_metric("*", step_metric="step")
    return _Wandb(run)


def _name(folder: TrainingFolder) -> str:
    # what W&B takes as an id
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", folder.path.resolve().name)
    return f"{plain}-{folder.written.id}".strip("-")


_OPEN: dict[str, Callable[[TrainingFolder], Tracker]] = {
    "tensorboard": _tensorboard,
    "trackio": _trackio,
    "wandb": _wandb,
}
