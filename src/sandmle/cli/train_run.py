"""Carrying out a training run from the command line."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from sandmle.cli._sandboxes import agent_sandbox
from sandmle.cli.train_progress import TrainProgress
from sandmle.core.errors import UsageError
from sandmle.training.crew import Crew
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.session import open_tasks, train
from sandmle.training.trackers import tracked
from sandmle.view.curves_png import write_curves
from sandmle.view.training_page import write_training_page


def run_recipe(
    recipe: Recipe, to: Path, *, jobs: int, cache: Path | None, as_json: bool
) -> TrainingFolder:
    """Train as a recipe says, show it, and write curves and page.

    Args:
        recipe: What is trained and how.
        to: Folder of the run.
        jobs: Processes that make tasks.
        cache: Where made tasks are kept; None: in the user's cache folder.
        as_json: Whether to print JSON lines instead of a table.

    Raises:
        UsageError: If a setting does not fit, or the folder holds something else.
        InfraError: If no episode of a step could be played.
    """
    kept = cache or default_cache()
    crew = Crew.current()
    if not crew.leads:
        return _follow(recipe, to, crew, cache=kept)
    with TrainingFolder.claim(to, recipe) as folder:
        total = 0 if recipe.grpo is None else recipe.grpo.steps
        shown = TrainProgress(total=total, before=folder.metrics, as_json=as_json)
        with shown, tracked(folder, shown) as listener, agent_sandbox(recipe.agent.sandbox) as box:
            with crew.leader_first():
                tasks = open_tasks(recipe, cache=kept, jobs=jobs, listener=listener)
            try:
                train(recipe, folder, tasks, sandbox=box, listener=listener, crew=crew)
            except BaseException:
                # what went wrong matters more than a picture that cannot be drawn
                with suppress(UsageError):
                    _draw(folder)
                raise
            _draw(folder)
    return folder


def _follow(recipe: Recipe, to: Path, crew: Crew, *, cache: Path) -> TrainingFolder:
    """Train as one of several processes that the leader shows and writes for."""
    folder, nobody = TrainingFolder(to), TrainProgress(total=0, console=Console(quiet=True))
    with crew.leader_first():
        tasks = open_tasks(recipe, cache=cache, jobs=1, listener=nobody)
    with agent_sandbox(recipe.agent.sandbox) as box:
        train(recipe, folder, tasks, sandbox=box, listener=nobody, crew=crew)
    return folder


def default_cache() -> Path:
    """Return where made tasks are kept for other runs: `$XDG_CACHE_HOME/sandmle/tasks`."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "sandmle" / "tasks"


def _draw(folder: TrainingFolder) -> None:
    """Write what there is to see of a run, also of one that was interrupted."""
    metrics = folder.metrics
    steps, evaluations = metrics.steps(), metrics.evaluations()
    if steps or evaluations:
        write_curves(folder.curves, steps, evaluations, title=folder.recipe.name)
        write_training_page(folder)


def times(folder: TrainingFolder) -> str:
    """Say where a run's time went, and where to look."""
    steps = folder.metrics.steps()
    if not steps:
        return f"The policy is {folder.policy}; look at {folder.report}"
    total = sum(step.step_seconds for step in steps)
    parts = ("model", "sandbox", "grading", "update", "other")
    shares = (
        f"{part} {sum(getattr(step, f'{part}_seconds') for step in steps) / total:.0%}"
        for part in parts
    )
    return (
        f"{len(steps)} steps in {total:.0f} s ({', '.join(shares)}). The policy is "
        f"{folder.policy}; look at {folder.report}"
    )
