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
    out: Path = typer.Option(..., "--out", help="Folder of the run; the same command resumes it."),
    settings: list[str] | None = SET,
    jobs: int = JOBS,
    cache: Path | None = CACHE,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object a line."),
) -> None:
    """Train a policy; interrupted, the same command goes on from its last checkpoint."""
    from sandmle.cli.train_run import run_recipe, times
    from sandmle.training.recipe import read_recipe

    read = read_recipe(recipe, changes=dict(_change(text) for text in settings or ()))
    folder = run_recipe(read, out, jobs=jobs, cache=cache, as_json=as_json)
    if not as_json:
        _console.out.print(times(folder), markup=False, soft_wrap=True)


def _change(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--set {text!r} is not KEY=VALUE; for example --set grpo.steps=20")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
