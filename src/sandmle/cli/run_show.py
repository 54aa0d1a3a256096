"""What a finished call of `sandmle run` prints: a row per task, flags, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.cli._console import err, say_table
from sandmle.core.episode import Episode
from sandmle.rollout import RunSummary
from sandmle.rollout.run_dir import Launch, RunDir
from sandmle.store import TaskDir
from sandmle.view.flags import Flag
from sandmle.view.summary import TaskSummary, attempts_line, summarise

_RAISE = {"seconds": "--max-minutes", "tokens": "--max-tokens", "dollars": "--max-dollars"}


def summary_rows(task_dirs: Sequence[TaskDir], episodes: Sequence[Episode]) -> list[TaskSummary]:
    """Return one row per task."""
    return [
        summarise(task_dir, [e for e in episodes if e.task_id == task_dir.task.id])
        for task_dir in task_dirs
    ]


def show(rows: Sequence[TaskSummary], *, title: str) -> None:
    """Print a table: task, metric, thresholds, medals, mean reward, milliseconds per step.

    Below it stand how often code tried to leave the sandbox, where that is counted, and flags.
    """
    say_table(
        ("task", "metric", "median", "bronze", "silver", "gold", "medals", "reward", "ms/step"),
        [
            (
                f"{row.title} (canary)" if row.canary else row.title, row.metric,
                *(f"{bar:.4g}" for bar in row.thresholds), row.medals,
                "-" if row.mean_reward is None else f"{row.mean_reward:.2f}",
                "-" if row.step_ms is None else f"{row.step_ms:.0f}",
            )
            for row in rows
        ],
        title=title,
        caption=attempts_line(rows),
    )  # fmt: skip
    say_flags([flag for row in rows for flag in row.flags])


def say_flags(flags: Sequence[Flag]) -> None:
    """Print what makes a run suspect."""
    for flag in flags:
        err.print(f"FLAG: {flag.sentence}", style="bold red", markup=False, soft_wrap=True)


def say_stop(run_dir: RunDir, summary: RunSummary, launch: Launch, *, total: int) -> None:
    """Say which limit of the budget ended the call, if one did, and how to go on."""
    if summary.stopped_by is None:
        return
    budget = launch.budget
    bound = {
        "seconds": f"{(budget.seconds or 0) / 60:g} minutes",
        "tokens": f"{budget.tokens} tokens",
        "dollars": f"{budget.dollars} dollars",
    }[summary.stopped_by]
    option = _RAISE[summary.stopped_by]
    err.print(
        f"stopped by the limit of {bound}: {summary.skipped + summary.played} of {total} episodes "
        f"are played; go on with `sandmle runs resume {run_dir.path} {option} MORE`",
        markup=False,
        soft_wrap=True,
    )


def as_json(rows: Sequence[TaskSummary], summary: RunSummary, run_dir: RunDir) -> dict[str, object]:
    """Return the result for programs."""
    return {
        "out": str(run_dir.path),
        "played": summary.played,
        "skipped": summary.skipped,
        "masked": summary.masked,
        "stopped_by": summary.stopped_by,
        "tasks": [
            {**row.__dict__, "flags": [flag.model_dump() for flag in row.flags]} for row in rows
        ],
        "flags": [flag.model_dump() for row in rows for flag in row.flags],
    }
