"""`sandmle runs`: look at runs, go on with one, compare two, remove one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from sandmle.cli import _models
from sandmle.cli._console import EXIT_FAILED, guarded, out, say_json, say_table
from sandmle.cli.run_ import RETRY_FAILED, budget, checked, play_and_tell
from sandmle.cli.runs_show import facts_of, planned, say_facts, state_of
from sandmle.core.errors import UsageError
from sandmle.rollout.run_dir import EPISODES, Launch, RunDir, find_runs
from sandmle.view.run_diff import run_diff

app = typer.Typer(help="Look at runs, go on with them, compare them.", no_args_is_help=True)

_RUN = typer.Argument(help="A run's folder.")
_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
@guarded
def list_(
    folder: Path = typer.Argument(Path(), help="Where to look. Default: here."),
    as_json: bool = _JSON,
) -> None:
    """List the runs in a folder, up to three levels down."""
    rows = [_row(run_dir) for run_dir in find_runs(folder)]
    if as_json:
        say_json(rows)
    elif not rows:
        out.print(f"no run in {folder}; `sandmle run TASKS --out RUN` makes one", markup=False)
    else:
        say_table(
            ("run", "state", "episodes", "policy", "scaffold", "last change"),
            [
                (
                    row["run"], row["state"], f"{row['episodes']}/{row['planned'] or '?'}",
                    row["policy"], row["scaffold"], row["changed"],
                )
                for row in rows
            ],
        )  # fmt: skip


@app.command("show")
@guarded
def show(run: Path = _RUN, as_json: bool = _JSON) -> None:
    """Say what a run is and what it came to so far."""
    run_dir = RunDir.open(run)
    facts = facts_of(run_dir)
    if as_json:
        say_json(
            {
                "run": str(run),
                "state": state_of(run_dir),
                "planned": planned(run_dir),
                "settings": run_dir.settings.model_dump(mode="json"),
                "launch": run_dir.launch.model_dump(mode="json"),
                "set_aside": run_dir.failed.path.is_file() and len(list(run_dir.failed)),
                **facts.model_dump(mode="json"),
            }
        )
    else:
        say_facts(run_dir, facts)


@app.command("resume")
@guarded
def resume(
    run: Path = _RUN,
    max_concurrent: int | None = typer.Option(None, help="Episodes at once. Default: as before."),
    max_model_calls: int | None = _models.MAX_MODEL_CALLS,
    max_minutes: float | None = typer.Option(None, help="Time of this call. Default: as before."),
    max_tokens: int | None = typer.Option(None, help="Of the whole run. Default: as before."),
    max_dollars: float | None = typer.Option(None, help="Of the whole run. Default: as before."),
    executor: str | None = typer.Option(None, help="local or ray. Default: as before."),
    ray_address: str | None = typer.Option(None, help="ray: the cluster. Default: as before."),
    retry_failed: bool = RETRY_FAILED,
    as_json: bool = _JSON,
) -> None:
    """Play what is missing; the folder says how, options change how much at once and where."""
    run_dir = RunDir.open(run)
    before = run_dir.launch
    new = budget(minutes=max_minutes, tokens=max_tokens, dollars=max_dollars)
    changes: dict[str, Any] = {
        "max_concurrent": max_concurrent,
        "max_model_calls": max_model_calls,
        "executor": executor,
        "ray_address": ray_address,
        "budget": {**before.budget.model_dump(), **new.model_dump(exclude_none=True)},
    }
    given = {name: value for name, value in changes.items() if value is not None}
    launch = checked(Launch, **{**before.model_dump(), **given})
    play_and_tell(
        run_dir,
        list(run_dir.tasks()),
        run_dir.settings,
        launch,
        retry_failed=retry_failed,
        as_json=as_json,
    )


@app.command("rm")
@guarded
def rm(
    run: Path = _RUN,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = _JSON,
) -> None:
    """Remove a run's folder; refuses what is no run or is being written."""
    run_dir = RunDir.open(run)
    count = run_dir.count()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{run} holds {count} episodes; give --yes to remove it unasked")
        if not typer.confirm(f"Remove {run} with {count} episodes?", err=True):
            raise typer.Exit(EXIT_FAILED)
    run_dir.remove()
    if as_json:
        say_json({"removed": str(run), "episodes": count})
    else:
        out.print(f"removed {run} with {count} episodes", markup=False)


@app.command("diff")
@guarded
def diff(
    a: Path = typer.Argument(help="A run's folder."),
    b: Path = typer.Argument(help="Another run's folder."),
    as_json: bool = _JSON,
) -> None:
    """Compare two runs episode by episode; exit code 0 where all grades are equal, else 1."""
    first, second = RunDir.open(a), RunDir.open(b)
    both = tuple(run_dir.settings.model_dump(mode="json") for run_dir in (first, second))
    found = run_diff(first.log, second.log, settings=(both[0], both[1]))
    if as_json:
        say_json({"equal_grades": found.equal_grades, **found.model_dump(mode="json")})
    else:
        for name, (before, after) in found.settings.items():
            out.print(f"setting {name}: {before} | {after}", markup=False)
        if found.differences:
            say_table(
                ("task", "episode", str(a), str(b)),
                [(d.task_id, d.replica, d.a.brief, d.b.brief) for d in found.differences],
            )
        grades = sum(d.of_grades for d in found.differences)
        out.print(
            f"{found.paired} episodes in both, {grades} with another grade, "
            f"{len(found.differences) - grades} with another reward alone; "
            f"{len(found.only_in_a)} only in {a}, {len(found.only_in_b)} only in {b}",
            markup=False,
            soft_wrap=True,
        )
    if not found.equal_grades:
        raise typer.Exit(EXIT_FAILED)


def _row(run_dir: RunDir) -> dict[str, Any]:
    log = run_dir.path / EPISODES
    changed = (log if log.is_file() else run_dir.path).stat().st_mtime
    try:
        settings = run_dir.settings
    except UsageError:
        return {
            "run": str(run_dir.path), "state": "damaged", "episodes": run_dir.count(),
            "planned": None, "policy": "?", "scaffold": "?", "changed": _when(changed),
        }  # fmt: skip
    name = f"{settings.policy}:{settings.model.model}" if settings.model else settings.policy
    return {
        "run": str(run_dir.path),
        "state": state_of(run_dir),
        "episodes": run_dir.count(),
        "planned": planned(run_dir),
        "policy": name,
        "scaffold": settings.scaffold,
        "changed": _when(changed),
    }


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
