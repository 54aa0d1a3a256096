"""`sandmle train`: train a policy on its own episodes by a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from sandmle.cli import _console
from sandmle.core.errors import UsageError

JOBS: int = typer.Option(2, min=1, help="Processes that make tasks at once.")
CACHE: Path | None = typer.Option(None, help="Where generated tasks are kept for other runs.")
SET: list[str] | None = typer.Option(
    None, "--set", help="KEY=VALUE replaces a setting: --set grpo.steps=20. Repeat it."
)


def train(
    recipe: str = typer.Argument(help="A shipped recipe (`sandmle list recipes`) or a TOML file."),
    out: Path | None = typer.Option(
        None, "--out", help="Folder of the run; the same command resumes it."
    ),
    settings: list[str] | None = SET,
    jobs: int = JOBS,
    cache: Path | None = CACHE,
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Try one step with a tiny model, and estimate the real one's needs.",
    ),
    gpus: int = typer.Option(8, min=1, help="--dry-run: GPUs of 80 GB that are reckoned with."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object a line."),
) -> None:
    """Train a policy; interrupted, the same command goes on from its last checkpoint."""
    from sandmle.cli.train_run import run_recipe, times
    from sandmle.training.crew import Crew
    from sandmle.training.recipe import read_recipe

    read = read_recipe(recipe, changes=dict(_change(text) for text in settings or ()))
    if dry_run:
        from sandmle.cli.train_rehearsal import rehearse

        rehearse(read, gpus=gpus, as_json=as_json)
        return
    if out is None:
        raise UsageError("a training run needs a folder: --out FOLDER")
    folder = run_recipe(read, out, jobs=jobs, cache=cache, as_json=as_json)
    if not as_json and Crew.current().leads:
        _console.out.print(times(folder), markup=False, soft_wrap=True)


def _change(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--set {text!r} is not KEY=VALUE; for example --set grpo.steps=20")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
