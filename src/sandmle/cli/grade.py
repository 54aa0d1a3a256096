"""`sandmle grade`: grade one submission by hand."""

from __future__ import annotations

from pathlib import Path

import typer

from sandmle.cli._console import EXIT_FAILED, out, say_json
from sandmle.core.errors import UsageError
from sandmle.env.task_grader import task_grader
from sandmle.store import TaskSet


def grade(
    task: Path = typer.Argument(help="A task's folder."),
    submission: Path = typer.Argument(help="The submission file, CSV."),
    split: str = typer.Option("private", help="Rows to grade on: private or public."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Grade a submission; exit code 1 if it is invalid."""
    if split not in ("private", "public"):
        raise UsageError(f"no split {split!r}; choose private or public")
    if not submission.is_file():
        raise UsageError(f"{submission} is not a file; give a submission in CSV")
    task_dir = TaskSet.open(task).dirs[0]
    result = task_grader(task_dir).grade(
        submission.read_bytes(), split="public" if split == "public" else "private"
    )
    facts = task_dir.task
    if as_json:
        say_json({"task": facts.id, "split": split, **result.model_dump(mode="json")})
    elif result.valid:
        medal = result.medal.name.lower() if result.medal else "no"
        gain = "" if result.gain is None else f", gain {result.gain:.3f}"
        out.print(
            f"{facts.metric.name} {result.score:.6g} on the {split} rows: {medal} medal{gain}"
        )
    else:
        out.print(f"invalid: {result.reason}", markup=False)
    if not result.valid:
        raise typer.Exit(EXIT_FAILED)
