"""`sandmle verify`: are tasks on disk what they were, and do they still pass?"""

from __future__ import annotations

from pathlib import Path

import typer

from sandmle.cli._console import EXIT_FAILED, progress, say_json, say_table
from sandmle.generate import Recheck, Tools, verify_dir
from sandmle.store import TaskDir, TaskSet


def verify(
    path: Path = typer.Argument(help="A task, or a folder of tasks."),
    files_only: bool = typer.Option(
        False, "--files-only", help="Compare the files with the manifest and run nothing."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check files, rebuild what can be rebuilt, run every check again; exit code 1 on a failure."""
    task_dirs = TaskSet.open(path).dirs
    with Tools.open() as tools, progress() as bar:
        line = bar.add_task("tasks", total=len(task_dirs), note="")
        results = {}
        for task_dir in task_dirs:
            results[task_dir] = _files(task_dir) if files_only else verify_dir(task_dir, tools)
            bar.advance(line)
    if as_json:
        say_json([_as_json(task_dir, result) for task_dir, result in results.items()])
    else:
        say_table(
            ("task", "verdict", "problems"),
            [
                (task_dir.path.name, "ok" if result.ok else "FAILED", "; ".join(result.problems))
                for task_dir, result in results.items()
            ],
        )
    if not all(result.ok for result in results.values()):
        raise typer.Exit(EXIT_FAILED)


def _files(task_dir: TaskDir) -> Recheck:
    return Recheck(problems=tuple(task_dir.problems()), rebuilt=False, report=None)


def _as_json(task_dir: TaskDir, result: Recheck) -> dict[str, object]:
    checks = () if result.report is None else result.report.results
    return {
        "task": str(task_dir.path),
        "ok": result.ok,
        "rebuilt": result.rebuilt,
        "problems": list(result.problems),
        "checks": [check.model_dump(mode="json") for check in checks],
    }
