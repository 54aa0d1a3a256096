"""Playing what is missing in a run's folder, here or on a Ray cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from sandmle.cli._console import err
from sandmle.cli._sandboxes import agent_sandbox
from sandmle.cli.run_progress import RunProgress
from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.execution import Sandbox
from sandmle.rollout import Executor, LocalExecutor, RunSettings, RunSummary, open_setup, run_groups
from sandmle.rollout.run_dir import Launch, RunDir
from sandmle.store import TaskDir
from sandmle.store.episodes import EpisodeLog
from sandmle.view import write_report


def play_here_or_there(
    run_dir: RunDir,
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    launch: Launch,
    *,
    retry_failed: bool = False,
) -> tuple[list[Episode], RunSummary]:
    """Open the sandbox where one is needed on this machine, and play; see `play`."""
    run_dir.check(settings)
    box = nullcontext() if launch.executor == "ray" else _sandbox(settings)
    with box as sandbox:
        return play(
            task_dirs,
            settings,
            run_dir.path,
            sandbox=sandbox,
            launch=launch,
            title=f"sandmle run: {run_dir.path.resolve().name}",
            retry_failed=retry_failed,
        )


def play(
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    out: Path,
    *,
    sandbox: Sandbox | None,
    launch: Launch,
    title: str,
    retry_failed: bool = False,
) -> tuple[list[Episode], RunSummary]:
    """Play what is missing in the run's folder; return all its episodes.

    Args:
        task_dirs: The tasks.
        settings: What is played.
        out: The run's folder.
        sandbox: Where code runs; None where the executor has sandboxes of its own.
        launch: How much at once, where, and the budget.
        title: Heading of the report.
        retry_failed: Whether episodes that failed are taken out of the log and played again.

    Raises:
        UsageError: If a setting is wrong for these tasks, the folder holds a run with others, or
            the disk takes no more.
    """
    run_dir = RunDir(out)
    summary = asyncio.run(
        _play(
            run_dir, task_dirs, settings, sandbox=sandbox, launch=launch, retry_failed=retry_failed
        )
    )
    ids = {task_dir.task.id for task_dir in task_dirs}
    episodes = [episode for episode in run_dir.log if episode.task_id in ids]
    try:
        write_report(run_dir.report, task_dirs, episodes, title=title)
    except OSError as exc:
        raise UsageError(
            f"{run_dir.report} cannot be written ({exc.strerror}); the episodes are kept: make "
            "room and run the same command again"
        ) from exc
    return episodes, summary


async def _play(
    run_dir: RunDir,
    task_dirs: Sequence[TaskDir],
    settings: RunSettings,
    *,
    sandbox: Sandbox | None,
    launch: Launch,
    retry_failed: bool,
) -> RunSummary:
    async with _executor(settings, launch, sandbox, task_dirs) as executor:
        run_dir.check(settings)
        with run_dir.log as log:
            run_dir.claim(settings, launch)
            if retry_failed:
                _take_out_failed(run_dir, log)
            done = len(log.keys())
            with RunProgress(total=len(task_dirs) * settings.group_size, done=done) as progress:
                return await run_groups(
                    task_dirs,
                    executor,
                    group_size=settings.group_size,
                    log=log,
                    artefacts=run_dir.artefacts,
                    budget=launch.budget,
                    on_episode=progress.add,
                )


@asynccontextmanager
async def _executor(
    settings: RunSettings, launch: Launch, sandbox: Sandbox | None, task_dirs: Sequence[TaskDir]
) -> AsyncIterator[Executor]:
    if launch.executor == "ray":
        from sandmle.rollout.ray_executor import RayExecutor, RayOptions

        options = RayOptions(
            address=launch.ray_address,
            concurrency=launch.max_concurrent,
            model_slots=launch.max_model_calls,
        )
        yield RayExecutor(settings, options, say=_say)
        return
    if sandbox is None:
        raise UsageError("episodes on this machine need a sandbox; open one first")
    async with open_setup(
        settings,
        sandbox,
        concurrency=launch.max_concurrent,
        model_slots=launch.max_model_calls,
    ) as setup:
        for task_dir in task_dirs:
            # a wrong rung or log is found before anything starts
            setup.policy(task_dir, replica=0, seed=0)
        yield LocalExecutor(setup)


def _sandbox(settings: RunSettings) -> Sandbox:
    return agent_sandbox(
        settings.sandbox,
        python=Path(settings.python) if settings.python else None,
        preload=settings.preload,
        gpus=settings.gpus,
        stateful=settings.stateful,
    )


def _take_out_failed(run_dir: RunDir, log: EpisodeLog) -> None:
    count = log.take_out(lambda episode: episode.failure is not None, run_dir.failed.path)
    if count:
        _say(
            f"{count} failed episodes are played again; their records are in {run_dir.failed.path}"
        )


def _say(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)
