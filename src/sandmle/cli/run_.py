"""`sandmle run`: play episodes on tasks and record them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from sandmle.cli import _models
from sandmle.cli._console import err, say_json
from sandmle.cli._sandboxes import CHOICES, DEFAULT
from sandmle.cli.run_play import play_here_or_there
from sandmle.cli.run_show import as_json as result_json
from sandmle.cli.run_show import say_stop, show, summary_rows
from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.rollout import Budget, RunSettings
from sandmle.rollout.run_dir import Launch, RunDir, of_split
from sandmle.store import TaskDir, TaskSet

MAX_CONCURRENT: int = typer.Option(4, help="Episodes at once; with Ray, on each node.")
MAX_MINUTES: float | None = typer.Option(None, help="Start no episode after that time.")
MAX_TOKENS: int | None = typer.Option(None, help="Start no episode past that many, all calls.")
MAX_DOLLARS: float | None = typer.Option(None, help="Start no episode past that, all calls.")
EXECUTOR: str = typer.Option("local", help="Where episodes are played: local or ray.")
RAY_ADDRESS: str | None = typer.Option(
    None, help="ray: the cluster, auto or HOST:PORT. Default: one of this machine alone."
)
RETRY_FAILED: bool = typer.Option(
    False, "--retry-failed", help="Play episodes again that failed and were masked."
)


def run(
    tasks: Path = typer.Argument(help="A task, or a folder of tasks."),
    out: Path = typer.Option(..., "--out", help="Folder of the run; the same command resumes it."),
    split: str = typer.Option("all", help="Tasks of which seeds: train, validation or all."),
    scaffold: str = typer.Option("react", help="The agent's loop; see `sandmle list scaffolds`."),
    scaffold_option: list[str] | None = typer.Option(
        None, help="KEY=VALUE for the scaffold, the value as JSON or text. Repeat it."
    ),
    policy: str = typer.Option(
        "scripted", help="scripted, expert, replay, or a backend of models."
    ),
    model: str | None = _models.MODEL,
    base_url: str | None = _models.BASE_URL,
    api_key_env: str = _models.API_KEY_ENV,
    temperature: float = _models.TEMPERATURE,
    top_p: float = _models.TOP_P,
    max_new_tokens: int = _models.MAX_NEW_TOKENS,
    model_timeout: float = _models.MODEL_TIMEOUT,
    stream: bool = _models.STREAM,
    token_ids: bool = _models.TOKEN_IDS,
    price_in: float = _models.PRICE_IN,
    price_out: float = _models.PRICE_OUT,
    model_option: list[str] | None = _models.MODEL_OPTION,
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
    time_outs: str = typer.Option(
        "pay", help="Episodes out of time: pay what they are worth, mask them, or punish with 0."
    ),
    max_steps: int = typer.Option(15, help="Turns of the agent."),
    step_seconds: float | None = typer.Option(None, help="Time of one code run. Default: tasks'."),
    total_seconds: float | None = typer.Option(None, help="Time of an episode. Default: tasks'."),
    seed: int = typer.Option(0, help="Root of the episodes' seeds."),
    max_concurrent: int = MAX_CONCURRENT,
    max_model_calls: int | None = _models.MAX_MODEL_CALLS,
    max_minutes: float | None = MAX_MINUTES,
    max_tokens: int | None = MAX_TOKENS,
    max_dollars: float | None = MAX_DOLLARS,
    executor: str = EXECUTOR,
    ray_address: str | None = RAY_ADDRESS,
    retry_failed: bool = RETRY_FAILED,
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Play episodes in parallel; interrupted, the same command goes on where it stopped."""
    task_dirs = list(of_split(TaskSet.open(tasks), split))
    named_model = _models.model_settings(
        model, base_url=base_url, api_key_env=api_key_env, temperature=temperature, top_p=top_p,
        max_new_tokens=max_new_tokens, model_timeout=model_timeout, stream=stream,
        token_ids=token_ids, price_in=price_in, price_out=price_out, model_option=model_option,
    )  # fmt: skip
    settings = checked(
        RunSettings,
        tasks=str(tasks.resolve()), split=split,
        scaffold=scaffold, scaffold_options=scaffold_options(scaffold_option or []),
        policy=policy, model=named_model, rung=rung, replay=str(replay) if replay else None,
        sandbox=sandbox, python=str(python) if python else None,
        preload=tuple(preload) if preload else None, gpus=tuple(gpu or ()),
        reward=reward, feedback=feedback, counts=counts, stateful=stateful, time_outs=time_outs,
        limits=limits_of(task_dirs, step_seconds=step_seconds, total_seconds=total_seconds),
        group_size=group_size, max_steps=max_steps, seed=seed,
    )  # fmt: skip
    launch = checked(
        Launch,
        max_concurrent=max_concurrent, max_model_calls=max_model_calls,
        executor=executor, ray_address=ray_address,
        budget=budget(minutes=max_minutes, tokens=max_tokens, dollars=max_dollars),
    )  # fmt: skip
    play_and_tell(
        RunDir(out), task_dirs, settings, launch, retry_failed=retry_failed, as_json=as_json
    )


def play_and_tell(
    run_dir: RunDir,
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    launch: Launch,
    *,
    retry_failed: bool,
    as_json: bool,
) -> None:
    """Play what is missing and print what came of it.

    Raises:
        SandboxError: If every episode failed.
    """
    episodes, summary = play_here_or_there(
        run_dir, task_dirs, settings, launch, retry_failed=retry_failed
    )
    rows = summary_rows(task_dirs, episodes)
    if as_json:
        say_json(result_json(rows, summary, run_dir))
    else:
        others = f"{summary.skipped} were there already, {summary.masked} masked"
        show(rows, title=f"{summary.played} episodes played, {others}")
        err.print(f"report: {run_dir.report}", soft_wrap=True)
    say_stop(run_dir, summary, launch, total=len(task_dirs) * settings.group_size)
    failed = sum(episode.failure is not None for episode in episodes)
    if summary.played and failed == len(episodes):
        raise SandboxError(
            f"all {failed} episodes are masked by failures that are not the agent's; "
            f"`sandmle runs show {run_dir.path}` says which, --retry-failed plays them again"
        )


def checked(kind: type[Any], **values: Any) -> Any:
    """Make a record of options.

    Raises:
        UsageError: If a value is out of its bounds; the message names the option.
    """
    try:
        return kind(**values)
    except ValidationError as exc:
        first = exc.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{option}: {first['msg']}") from None


def budget(*, minutes: float | None, tokens: int | None, dollars: float | None) -> Budget:
    """Make the limits of a whole run.

    Raises:
        UsageError: If one is not above 0.
    """
    given = {"--max-minutes": minutes, "--max-tokens": tokens, "--max-dollars": dollars}
    for option, value in given.items():
        if value is not None and not value > 0:
            raise UsageError(f"{option} {value:g} is not above 0; leave it out for no limit")
    return Budget(seconds=None if minutes is None else 60 * minutes, tokens=tokens, dollars=dollars)


def limits_of(
    task_dirs: Sequence[TaskDir], *, step_seconds: float | None, total_seconds: float | None
) -> Limits | None:
    """Return the tasks' limits with other times, or None where no other is given.

    Raises:
        UsageError: If a time is not above 0, or the tasks have different limits.
    """
    given = {"step_seconds": step_seconds, "total_seconds": total_seconds}
    times = {name: value for name, value in given.items() if value is not None}
    if not times:
        return None
    found = {task_dir.task.limits for task_dir in task_dirs}
    if len(found) > 1:
        raise UsageError(
            f"the tasks have {len(found)} different limits; leave out --step-seconds and "
            "--total-seconds, or run tasks with equal limits"
        )
    limits: Limits = checked(Limits, **{**found.pop().model_dump(), **times})
    return limits


def scaffold_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` texts as a dictionary; what is no JSON is a text.

    Raises:
        UsageError: If one has no key, or a key comes twice.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.replace("-", "_")
        if not equals or not key:
            raise UsageError(f"--scaffold-option {pair!r} is not KEY=VALUE; for example drafts=5")
        if key in options:
            raise UsageError(f"--scaffold-option {key} is given twice; give it once")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options
