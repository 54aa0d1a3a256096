"""`sandmle sft-data`: trajectories for supervised learning, from experts or from a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from sandmle.cli._console import err, say_json, say_table
from sandmle.cli._sandboxes import CHOICES, DEFAULT
from sandmle.cli.run_ import checked
from sandmle.cli.run_play import play_here_or_there
from sandmle.core.errors import SandboxError, UsageError
from sandmle.experts.expert import known_modalities
from sandmle.rollout import RunSettings
from sandmle.rollout.expert_policy import CARD_OPTIONS, EXPERT
from sandmle.rollout.run_dir import Launch, RunDir, of_split
from sandmle.rollout.settings import TaskChoice
from sandmle.store import TaskSet
from sandmle.training.sft_data import by_family, chat_rows
from sandmle.training.sft_export import RUN, Written, check_folder, write_rows

TASKS: Path | None = typer.Argument(None, help="A task, or a folder of tasks, that experts play.")
FROM: Path | None = typer.Option(None, "--from", help="Instead: a run, whoever played it.")
MIN_REWARD: float | None = typer.Option(None, help="Leave out trajectories that earned less.")
FAMILY: list[str] | None = typer.Option(None, help="Only tasks of this family; repeat it.")
WITHOUT_FAMILY: list[str] | None = typer.Option(None, help="No tasks of this family; repeat it.")
WITHOUT_DOMAIN: list[str] | None = typer.Option(
    None, help="No tasks of this domain, for instance one kept for evaluation; repeat it."
)


def sft_data(
    tasks: Path | None = TASKS,
    out: Path = typer.Option(..., "--out", help="Folder of the data; the same command resumes."),
    source: Path | None = FROM,
    min_reward: float | None = MIN_REWARD,
    per_task: int = typer.Option(4, min=1, help="Experts that play each task."),
    seed: int = typer.Option(0, min=0, help="Root of the experts' seeds."),
    max_steps: int = typer.Option(8, min=2, help="Turns of an expert."),
    split: str = typer.Option("all", help="Tasks of which seeds: train, validation or all."),
    family: list[str] | None = FAMILY,
    without_family: list[str] | None = WITHOUT_FAMILY,
    without_domain: list[str] | None = WITHOUT_DOMAIN,
    concurrency: int = typer.Option(4, min=1, help="Episodes at once."),
    sandbox: str = typer.Option(DEFAULT, help=CHOICES),
    preload: list[str] | None = typer.Option(
        None, help="Module that the sandbox imports beforehand; repeat it. Default: its own list."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Write trajectories as chats, one a line: sft.jsonl, and sft.parquet where pyarrow is."""
    check_folder(out)
    if (tasks is None) == (source is None):
        raise UsageError(
            "give TASKS that experts play, or --from RUN for episodes that are there; not both"
        )
    if source is not None:
        run_dir = RunDir.open(source)
        if run_dir.being_written:
            raise UsageError(f"{source} is being played; wait until it has ended")
    elif tasks is not None:
        choice = TaskChoice(
            families=tuple(family or ()),
            without_families=tuple(without_family or ()),
            without_domains=tuple(without_domain or ()),
        )
        settings = checked(
            RunSettings,
            tasks=str(tasks.resolve()), split=split, scaffold="react",
            scaffold_options=CARD_OPTIONS, policy=EXPERT, sandbox=sandbox,
            preload=tuple(preload) if preload else None, group_size=per_task,
            max_steps=max_steps, seed=seed, choice=_playable(tasks, split, choice),
        )  # fmt: skip
        run_dir = RunDir(out / RUN)
        _play(run_dir, settings, concurrency=concurrency)
    rows = chat_rows(run_dir.log, min_reward=min_reward)
    written = write_rows(out, rows)
    lines = by_family(rows)
    if as_json:
        say_json(
            {
                "jsonl": str(written.jsonl),
                "parquet": str(written.parquet) if written.parquet else None,
                "families": [line.model_dump() for line in lines],
            }
        )
        return
    say_table(
        ("family", "trajectories", "mean reward", "any medal", "mean turns"),
        [
            (
                line.family, line.trajectories, f"{line.mean_reward:.3f}",
                f"{line.medal_rate:.0%}", f"{line.mean_turns:.1f}",
            )
            for line in lines
        ],
    )  # fmt: skip
    _say_where(written)


def _playable(tasks: Path, split: str, choice: TaskChoice) -> TaskChoice:
    """Leave out the tasks that no playbook is for, and say which."""
    known = known_modalities()
    chosen = choice.of(of_split(TaskSet.open(tasks), split))
    left_out = Counter(
        task_dir.task.family for task_dir in chosen if task_dir.task.modality not in known
    )
    if not left_out:
        return choice
    modalities = ", ".join(sorted(known))
    if left_out.total() == len(chosen):
        raise UsageError(
            f"no expert knows any of the {len(chosen)} tasks ({', '.join(sorted(left_out))}); "
            f"there are playbooks for {modalities}"
        )
    named = ", ".join(f"{count} of {family}" for family, count in sorted(left_out.items()))
    err.print(
        f"left out: {left_out.total()} of {len(chosen)} tasks, since there are playbooks for "
        f"{modalities} only: {named}",
        markup=False,
        soft_wrap=True,
    )
    return choice.model_copy(update={"modalities": tuple(sorted(known))})


def _play(run_dir: RunDir, settings: RunSettings, *, concurrency: int) -> None:
    run_dir.check(settings)
    tasks = settings.choice.of(of_split(TaskSet.open(Path(settings.tasks)), settings.split))
    launch = checked(Launch, max_concurrent=concurrency)
    episodes, _ = play_here_or_there(run_dir, list(tasks), settings, launch)
    failed = sum(episode.failure is not None for episode in episodes)
    if failed == len(episodes):
        raise SandboxError(
            f"all {failed} episodes are masked by failures that are not the experts'; "
            f"`sandmle runs show {run_dir.path}` says which"
        )
    if failed:
        err.print(
            f"{failed} of {len(episodes)} episodes failed and are left out; `sandmle runs resume "
            f"{run_dir.path} --retry-failed` plays them again, before the data is made anew",
            markup=False,
            soft_wrap=True,
        )


def _say_where(written: Written) -> None:
    parquet = "" if written.parquet else "; for Parquet: pip install 'sandmle[parquet]'"
    state = "" if written.is_new else " (was there already)"
    files = ", ".join(str(path) for path in (written.jsonl, written.parquet) if path)
    err.print(f"data: {files}{state}{parquet}", markup=False, soft_wrap=True)
