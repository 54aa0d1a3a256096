"""`sandmle run`: play episodes on tasks and record them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer
from pydantic import ValidationError

from sandmle.cli._console import err, progress, say_json, say_table
from sandmle.cli._sandboxes import CHOICES, DEFAULT, agent_sandbox
from sandmle.core.episode import Episode
from sandmle.core.errors import SandboxError, UsageError, unknown
from sandmle.core.execution import Sandbox
from sandmle.core.task import Task
from sandmle.rollout import LocalExecutor, RunSettings, RunSummary, opened, run_groups
from sandmle.seeds import split_of
from sandmle.store import TaskDir, TaskSet
from sandmle.store.artefacts import Artefacts
from sandmle.store.atomic import write_file
from sandmle.store.episodes import EpisodeLog
from sandmle.view import write_report
from sandmle.view.summary import TaskSummary, attempts_line, summarise

EPISODES, SETTINGS, REPORT, ARTEFACTS = "episodes.jsonl", "run.json", "report.html", "artefacts"
"""Files of a run's folder."""


def run(
    tasks: Path = typer.Argument(help="A task, or a folder of tasks."),
    out: Path = typer.Option(..., "--out", help="Folder of the run; the same command resumes it."),
    split: str = typer.Option("all", help="Tasks of which seeds: train, validation or all."),
    scaffold: str = typer.Option("react", help="The agent's loop; see `sandmle list scaffolds`."),
    policy: str = typer.Option("scripted", help="scripted or replay."),
    rung: str = typer.Option("mixed", help="scripted: a baseline's name, mixed or random."),
    replay: Path | None = typer.Option(None, help="replay: the episodes.jsonl to repeat."),
    group_size: int = typer.Option(4, "-G", "--group-size", help="Episodes of each task."),
    sandbox: str = typer.Option(DEFAULT, help=CHOICES),
    python: Path | None = typer.Option(None, help="Interpreter for the agents' code."),
    preload: list[str] | None = typer.Option(
        None, help="Module that the sandbox imports beforehand; repeat it. Default: its own list."
    ),
    gpu: list[int] | None = typer.Option(
        None, help="Number of a GPU that code may use; repeat it. Default: none."
    ),
    reward: str = typer.Option("milestone", help="milestone, release or sparse."),
    feedback: str = typer.Option("public", help="none, valid, public or milestone."),
    counts: str = typer.Option("last", help="Which submission is graded: last or best."),
    stateful: bool = typer.Option(
        False, "--stateful", help="Keep variables from run to run; needs a sandbox that can."
    ),
    max_steps: int = typer.Option(15, help="Turns of the agent."),
    max_concurrent: int = typer.Option(4, help="Episodes at once."),
    seed: int = typer.Option(0, help="Root of the episodes' seeds."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Play episodes in parallel; interrupted, the same command goes on where it stopped."""
    try:
        settings = RunSettings.model_validate(
            {
                "tasks": str(tasks.resolve()), "split": split,
                "scaffold": scaffold, "policy": policy, "rung": rung,
                "replay": str(replay) if replay else None, "sandbox": sandbox,
                "python": str(python) if python else None,
                "preload": tuple(preload) if preload else None, "gpus": tuple(gpu or ()),
                "reward": reward, "feedback": feedback,
                "counts": counts, "stateful": stateful, "group_size": group_size,
                "max_steps": max_steps, "seed": seed,
            }
        )  # fmt: skip
    except ValidationError as exc:
        first = exc.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{option}: {first['msg']}") from None
    task_dirs = list(of_split(TaskSet.open(tasks), split))
    title = f"sandmle run: {out.resolve().name}"
    with agent_sandbox(
        settings.sandbox, python=python, preload=preload or None, gpus=settings.gpus,
        stateful=stateful,
    ) as box:  # fmt: skip
        episodes, summary = play(
            task_dirs, settings, out, sandbox=box, max_concurrent=max_concurrent, title=title
        )
    rows = summary_rows(task_dirs, episodes)
    if as_json:
        say_json(_as_json(rows, summary, out))
    else:
        others = f"{summary.skipped} were there already, {summary.masked} masked"
        show(rows, title=f"{summary.played} episodes played, {others}")
        err.print(f"report: {out / REPORT}", soft_wrap=True)
    if summary.masked and summary.masked == summary.played:
        raise SandboxError(
            f"all {summary.played} episodes are masked by failures that are not the agent's; "
            f"{out / EPISODES} says which"
        )


def of_split(tasks: TaskSet, split: str) -> TaskSet:
    """Return the tasks whose seeds train, or validate; a task without a seed trains.

    Raises:
        UsageError: If there is no such split, or no task in it.
    """
    if split == "all":
        return tasks
    if split not in ("train", "validation"):
        raise unknown("split", split, ["all", "train", "validation"])

    def lies_there(task: Task) -> bool:
        seed = task.provenance.seed_task
        return (split_of(seed) if seed else "train") == split

    chosen = tasks.filter(lies_there)
    if not len(chosen):
        raise UsageError(f"none of the {len(tasks)} tasks is a {split} task; use --split all")
    return chosen


def play(
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    out: Path,
    *,
    sandbox: Sandbox,
    max_concurrent: int,
    title: str,
) -> tuple[list[Episode], RunSummary]:
    """Play what is missing in the run's folder; return all its episodes.

    Raises:
        UsageError: If a setting is wrong for these tasks, or the folder holds a run with others.
    """
    summary = asyncio.run(
        _play(task_dirs, settings, out, sandbox=sandbox, max_concurrent=max_concurrent)
    )
    ids = {task_dir.task.id for task_dir in task_dirs}
    episodes = [episode for episode in EpisodeLog(out / EPISODES) if episode.task_id in ids]
    write_report(out / REPORT, task_dirs, episodes, title=title)
    return episodes, summary


async def _play(
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    out: Path,
    *,
    sandbox: Sandbox,
    max_concurrent: int,
) -> RunSummary:
    async with opened(settings, sandbox, concurrency=max_concurrent) as setup:
        for task_dir in task_dirs:
            # a wrong rung or log is found before anything starts
            setup.policy(task_dir, replica=0, seed=0)
        _claim(out, settings)
        with EpisodeLog(out / EPISODES) as log, progress() as bar:
            total = len(task_dirs) * settings.group_size
            line = bar.add_task("episodes", total=total, completed=len(log.keys()), note="")
            medals: Counter[str] = Counter()

            def on_episode(episode: Episode) -> None:
                if episode.grade is not None and episode.grade.medal:
                    medals[episode.grade.medal.name.lower()] += 1
                medals["masked"] += episode.masked
                note = ", ".join(f"{n} {name}" for name, n in sorted(medals.items()) if n)
                bar.update(line, advance=1, note=note)

            return await run_groups(
                task_dirs,
                LocalExecutor(setup),
                group_size=settings.group_size,
                log=log,
                artefacts=Artefacts(out / ARTEFACTS),
                on_episode=on_episode,
            )


def summary_rows(task_dirs: Sequence[TaskDir], episodes: Sequence[Episode]) -> list[TaskSummary]:
    """Return one row per task."""
    return [
        summarise(task_dir, [e for e in episodes if e.task_id == task_dir.task.id])
        for task_dir in task_dirs
    ]


def show(rows: Sequence[TaskSummary], *, title: str) -> None:
    """Print a table: task, metric, thresholds, medals, mean reward, milliseconds per step.

    Below it stands how often code tried to leave the sandbox, where that is counted.
    """
    say_table(
        ("task", "metric", "median", "bronze", "silver", "gold", "medals", "reward", "ms/step"),
        [
            (
                row.title, row.metric, *(f"{bar:.4g}" for bar in row.thresholds), row.medals,
                "-" if row.mean_reward is None else f"{row.mean_reward:.2f}",
                "-" if row.step_ms is None else f"{row.step_ms:.0f}",
            )
            for row in rows
        ],
        title=title,
        caption=attempts_line(rows),
    )  # fmt: skip


def _claim(out: Path, settings: RunSettings) -> None:
    path = out / SETTINGS
    if not path.is_file():
        write_file(path, settings.model_dump_json(indent=1).encode() + b"\n")
        return
    try:
        before = RunSettings.model_validate_json(path.read_bytes())
    except ValidationError:
        raise UsageError(
            f"{path} cannot be read as a run's settings; choose another --out"
        ) from None
    changed = [name for name, value in settings if getattr(before, name) != value]
    if changed:
        raise UsageError(
            f"{out} holds a run with another {', '.join(changed)}; "
            "give the same options to resume it, or another --out"
        )


def _as_json(rows: Sequence[TaskSummary], summary: RunSummary, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "played": summary.played,
        "skipped": summary.skipped,
        "masked": summary.masked,
        "tasks": [row.__dict__ for row in rows],
    }
