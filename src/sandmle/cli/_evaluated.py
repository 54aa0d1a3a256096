"""What `eval` and `compare` share: which runs a path stands for, and how rates are written."""

from __future__ import annotations

from pathlib import Path

import typer

from sandmle.core.errors import UsageError
from sandmle.evaluation import GROUP_KEYS, CountedRun, read_run
from sandmle.evaluation.bootstrap import DRAWS as STANDARD_DRAWS
from sandmle.rollout.run_dir import SETTINGS, find_runs
from sandmle.training.run_folder import RECIPE, TrainingFolder

BY: list[str] | None = typer.Option(
    None, "--by", help=f"Also by {', '.join(GROUP_KEYS)}. Repeat it."
)
DRAWS: int = typer.Option(STANDARD_DRAWS, min=100, help="Draws of the bootstrap.")
SEED: int = typer.Option(0, min=0, help="Root of the draws.")
JSON: bool = typer.Option(False, "--json", help="Print JSON.")


def is_training(path: Path) -> bool:
    """Say whether a folder is a training run's."""
    return (path / RECIPE).is_file() and not (path / SETTINGS).is_file()


def evaluations_of(folder: Path) -> dict[str, CountedRun]:
    """Read a training run's evaluations, as `NAME/step-000000`: by the recipe's order, then steps.

    Raises:
        UsageError: If there is none that can be counted.
    """
    return {name: read_run(path) for name, path in _evaluated(folder).items()}


def one_run(path: Path) -> CountedRun:
    """Read a run that is to stand for itself.

    Raises:
        UsageError: As `read_run`; also for a training run's folder, which holds several.
    """
    if is_training(path):
        names = ", ".join(map(str, _evaluated(path).values()))
        raise UsageError(f"{path} is a training run; name one of its evaluations: {names}")
    return read_run(path)


def percent(value: float, *, signed: bool = False) -> str:
    """Write a share in percent, without the sign for percent."""
    return f"{100 * value:{'+' if signed else ''}.1f}"


def percents(interval: tuple[float, float] | None, *, signed: bool = False) -> str:
    """Write an interval of shares in percent."""
    if interval is None:
        return "-"
    return "[{}, {}]".format(*(percent(bound, signed=signed) for bound in interval))


def plural(count: int, what: str) -> str:
    """Write a count of things."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def _evaluated(folder: Path) -> dict[str, Path]:
    """Return a training run's evaluations that hold episodes, by name."""
    training = TrainingFolder.open(folder)
    found: dict[str, Path] = {}
    for chosen in training.recipe.evaluate:
        name = chosen.source.name
        root = training.evaluation(name, 0).path.parent
        runs = find_runs(root) if root.is_dir() else []
        found |= {f"{name}/{run.path.name}": run.path for run in runs if run.count()}
    if not found:
        raise UsageError(f"{folder} is a training run that has evaluated nothing yet; wait for it")
    return found
