"""The stage of a run that imitates: experts play the tasks to train on, unless there is data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandmle.core.execution import Sandbox
from sandmle.core.seeding import derive_seed
from sandmle.experts.expert import known_modalities
from sandmle.rollout import LocalExecutor, RunSettings, open_setup, run_groups
from sandmle.rollout.expert_policy import CARD_OPTIONS, EXPERT
from sandmle.rollout.run_dir import Launch, RunDir
from sandmle.store import TaskDir
from sandmle.training.listener import Listener
from sandmle.training.recipe import Recipe, SftSettings
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.sft import read_data, train_sft
from sandmle.training.sft_data import chat_rows

CONCURRENCY = 4
"""Experts that play at once."""


def restored(folder: TrainingFolder, model: Any) -> bool:
    """Read the weights of a finished stage back; False where it is not finished."""
    import torch

    done = _done(folder)
    if done.is_file():
        model.load_state_dict(torch.load(done, weights_only=True))
    return done.is_file()


def demonstrations(
    recipe: Recipe,
    settings: SftSettings,
    tasks: Sequence[TaskDir],
    *,
    folder: TrainingFolder,
    sandbox: Sandbox,
    runner: asyncio.Runner,
) -> list[dict[str, Any]]:
    """Return the trajectories to learn from: the recipe's data, or what experts play.

    Args:
        recipe: The recipe.
        settings: Its `[sft]`.
        tasks: What experts play where there is no data.
        folder: The run's folder; the experts' episodes lie in `sft/experts`.
        sandbox: Where the experts' code runs.
        runner: Runs the event loop.

    Raises:
        UsageError: If there is nothing to learn from.
    """
    if settings.data is not None:
        return read_data(Path(settings.data).expanduser(), min_reward=settings.min_reward)
    run_dir = RunDir(folder.path / "sft" / "experts")
    runner.run(_play(run_dir, tasks, _expert_run(recipe, settings, tasks), sandbox))
    return [row.model_dump() for row in chat_rows(run_dir.log, min_reward=settings.min_reward)]


def imitate(
    recipe: Recipe,
    settings: SftSettings,
    rows: list[dict[str, Any]],
    model: Any,
    tokenizer: Any,
    *,
    folder: TrainingFolder,
    listener: Listener,
) -> None:
    """Learn from trajectories and keep the weights for `restored`; `model` is changed in place."""
    import torch

    listener.said(f"supervised learning on {len(rows)} trajectories")
    done = _done(folder)
    learned = train_sft(
        rows,
        model,
        tokenizer,
        settings,
        out=done.parent / "checkpoints",
        seed=recipe.seed,
        context_tokens=recipe.policy.context_tokens,
    )
    listener.said(f"held-out loss {learned.held_out_loss} nats a token")
    part = done.with_suffix(".part")
    torch.save(model.state_dict(), part)
    part.replace(done)


def _done(folder: TrainingFolder) -> Path:
    return folder.path / "sft" / "policy.pt"


def _expert_run(recipe: Recipe, settings: SftSettings, tasks: Sequence[TaskDir]) -> RunSettings:
    return RunSettings(
        tasks=str(tasks[0].path.parent),
        scaffold="react",
        scaffold_options=CARD_OPTIONS,
        policy=EXPERT,
        sandbox=recipe.agent.sandbox,
        group_size=settings.per_task,
        max_steps=recipe.agent.max_steps,
        seed=derive_seed(recipe.seed, "experts") >> 65,
    )


async def _play(
    run_dir: RunDir, tasks: Sequence[TaskDir], settings: RunSettings, sandbox: Sandbox
) -> None:
    known = known_modalities()
    run_dir.check(settings)
    async with open_setup(settings, sandbox, concurrency=CONCURRENCY) as setup:
        with run_dir.log as log:
            run_dir.claim(settings, Launch(max_concurrent=CONCURRENCY))
            await run_groups(
                [task for task in tasks if task.task.modality in known],
                LocalExecutor(setup),
                group_size=settings.group_size,
                log=log,
                artefacts=run_dir.artefacts,
            )
