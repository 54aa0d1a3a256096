"""`sandmle quickstart`: the whole loop in one command, without key, GPU or network."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path

import typer

from sandmle.authors.table import table_draft
from sandmle.cli._console import err, out, say_json
from sandmle.cli._sandboxes import CHOICES, DEFAULT, agent_sandbox
from sandmle.cli.generate import say_yield, shown
from sandmle.cli.quickstart_learn import CACHE, FOLDER, learn, say_learned
from sandmle.cli.run_play import play
from sandmle.cli.run_show import show, summary_rows
from sandmle.cli.task import make
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.seeding import derive_seed
from sandmle.generate import Plan, generate_tasks, read_set, yield_report
from sandmle.rollout import RunSettings
from sandmle.rollout.run_dir import REPORT, Launch
from sandmle.store import TaskSet

GENERATED = 11
"""Tasks from competition seeds; the twelfth is a real table."""
_PARTS = ("tasks", "tables", "run", FOLDER, CACHE)


def quickstart(
    to: Path = typer.Option(Path("quickstart"), "--out", help="Folder; the same command resumes."),
    seed: int | None = typer.Option(None, help="Root seed. Default: 128 random bits."),
    sandbox: str = typer.Option(DEFAULT, help=CHOICES),
    group_size: int = typer.Option(4, "-G", "--group-size", help="Episodes of each task."),
    jobs: int = typer.Option(2, min=1, help="Processes that make tasks, and episodes at once."),
    train: bool = typer.Option(True, help="End with a short training run, some minutes."),
    force: bool = typer.Option(False, "--force", help="Start afresh in the folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Make 12 verified tasks, play them with baselines of mixed quality, report, and learn."""
    began = time.monotonic()
    if force:
        _clear(to)
    with agent_sandbox(sandbox) as box:
        made_set = generate_tasks(to / "tasks", Plan(count=GENERATED), root_seed=seed, jobs=jobs)
        outcomes = list(shown(made_set, GENERATED))
        _table_task(to)
        task_dirs = list(TaskSet.open(to / "tasks"))
        made = time.monotonic()
        settings = RunSettings(sandbox=sandbox, group_size=group_size)
        episodes, _ = play(
            task_dirs,
            settings,
            to / "run",
            sandbox=box,
            launch=Launch(max_concurrent=jobs),
            title="sandmle quickstart",
        )
    ended = time.monotonic()
    rows = summary_rows(task_dirs, episodes)
    masked = sum(episode.masked for episode in episodes)
    if not as_json:
        say_yield(yield_report(outcomes), title="tasks from competition seeds, verified")
        show(rows, title=f"{len(episodes)} episodes in the sandbox {sandbox!r}, {masked} masked")
        out.print(
            f"{len(rows)} tasks in {made - began:.0f} s, {len(episodes)} episodes in "
            f"{ended - made:.0f} s. Look at {to / 'run' / REPORT}",
            markup=False,
        )
    learned = learn(to, sandbox=sandbox, jobs=jobs) if train else None
    if as_json:
        say_json(
            {
                "report": str(to / "run" / REPORT),
                "tasks": [row.__dict__ for row in rows],
                "episodes": len(episodes),
                "masked": masked,
                "authoring_seconds": round(made - began, 1),
                "episode_seconds": round(ended - made, 1),
                "training": learned,
            }
        )
    elif learned is not None:
        say_learned(learned)


def _table_task(to: Path) -> None:
    """Add a task of a real table that scikit-learn carries: 442 diabetes patients."""
    folder = to / "tasks" / f"{GENERATED:04d}-real-table"
    if (folder / "task.json").is_file():
        return
    from sklearn.datasets import load_diabetes

    file = to / "tables" / "diabetes.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(file, index=False)
    record = read_set(to / "tasks")
    root = secrets.randbits(128) if record is None else int(record.root_seed)

    def author(attempt: int) -> TaskDraft:
        return table_draft(
            file,
            target="target",
            seed=derive_seed(root, "real table", "attempt", attempt),
            title="How far will it progress?",
        )

    err.print("a task of a real table: 442 patients, progression after one year", markup=False)
    make(author, folder, force=False, rebuild=False)


def _clear(to: Path) -> None:
    strangers = [p.name for p in to.iterdir() if p.name not in _PARTS] if to.is_dir() else []
    if strangers:
        raise UsageError(
            f"{to} holds {strangers[0]!r}, which no quickstart made; choose another --out"
        )
    shutil.rmtree(to, ignore_errors=True)
