"""The last part of a quickstart: the shipped policy learns for some minutes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from sandmle.cli._console import err, out, say_table
from sandmle.cli._evaluated import evaluations_of, percent, percents
from sandmle.core.errors import UsageError
from sandmle.evaluation import compare_runs
from sandmle.training.recipe import read_recipe

RECIPE = "nano-quick"
FOLDER, CACHE = "training", "training-tasks"
_NEEDED = ("torch", "transformers", "trl", "matplotlib")


def learn(to: Path, *, sandbox: str, jobs: int) -> dict[str, Any] | None:
    """Train the shipped policy a little, and compare it with itself on held-out tasks.

    Args:
        to: The quickstart's folder.
        sandbox: Where code runs.
        jobs: Processes that make tasks.

    Returns:
        Any-medal rates before and after with their difference and its interval; None where the
        packages for training are not installed.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        err.print(
            f"no training: {', '.join(missing)} not installed; pip install 'sandmle[train]' and "
            "the same command goes on with it",
            markup=False,
            soft_wrap=True,
        )
        return None
    from sandmle.cli.train_run import run_recipe

    recipe = read_recipe(RECIPE, changes={"agent.sandbox": sandbox})
    folder = run_recipe(recipe, to / FOLDER, jobs=jobs, cache=to / CACHE, as_json=False)
    runs = list(evaluations_of(folder.path).values())
    if len(runs) < 2:
        raise UsageError(f"{folder.path} has no two evaluations to compare; remove that folder")
    found = compare_runs([runs[0].counts], [runs[-1].counts])
    medal = found.rates["any_medal"]
    steps = folder.metrics.steps()
    return {
        "tasks": found.tasks,
        "before": medal.a,
        "after": medal.b,
        "difference": medal.difference,
        "ci95": medal.ci95,
        "steps": len(steps),
        "step_seconds": round(sum(step.step_seconds for step in steps), 1),
        "report": str(folder.report),
    }


def say_learned(found: dict[str, Any]) -> None:
    """Print what was learned."""
    say_table(
        ("held-out tasks", "any medal before", "after", "difference", "95%"),
        [
            (
                found["tasks"],
                percent(found["before"]),
                percent(found["after"]),
                percent(found["difference"], signed=True),
                percents(found["ci95"], signed=True),
            )
        ],
        title=f"the shipped policy before and after {found['steps']} steps of GRPO",
        caption="in %; 95%: bootstrap over tasks. More steps: sandmle train nano-cpu --out RUN",
    )
    out.print(
        f"{found['steps']} steps in {found['step_seconds']:.0f} s. Look at {found['report']}",
        markup=False,
        soft_wrap=True,
    )
