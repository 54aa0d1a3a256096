"""A training run from its recipe to a folder with policy, metrics and evaluations."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandmle.core.errors import UsageError
from sandmle.core.execution import Sandbox
from sandmle.store import TaskDir
from sandmle.training.crew import ALONE, Crew
from sandmle.training.curriculum import TaskSampler
from sandmle.training.engines import make_engine
from sandmle.training.evaluate import Evaluator, scaffold_of
from sandmle.training.imitation import demonstrations, imitate, restored
from sandmle.training.listener import Listener
from sandmle.training.loop import Learner
from sandmle.training.nano import load_policy
from sandmle.training.player import Player
from sandmle.training.recipe import EvaluationSet, Recipe, Source
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.sources import check_apart, open_source


@dataclass(frozen=True)
class Tasks:
    """All tasks of a run."""

    train: tuple[tuple[Source, Sequence[TaskDir]], ...]
    evaluate: tuple[tuple[EvaluationSet, Sequence[TaskDir]], ...]


def open_tasks(recipe: Recipe, *, cache: Path, jobs: int, listener: Listener) -> Tasks:
    """Make or read the recipe's tasks.

    Raises:
        UsageError: If there are too few, held-out tasks are trained on, or a held-out set's
            scaffold, options or evidence do not fit.
    """

    def opened(source: Source) -> Sequence[TaskDir]:
        listener.said(f"tasks of {source.name}")
        return open_source(source, cache=cache, jobs=jobs)

    tasks = Tasks(
        train=tuple((source, opened(source)) for source in recipe.train),
        evaluate=tuple((chosen, opened(chosen.source)) for chosen in recipe.evaluate),
    )
    check_apart(tasks.train, tasks.evaluate)
    for chosen, held_out in tasks.evaluate:
        scaffold_of(recipe, chosen, held_out)
    return tasks


def train(
    recipe: Recipe,
    folder: TrainingFolder,
    tasks: Tasks,
    *,
    sandbox: Sandbox,
    listener: Listener,
    crew: Crew = ALONE,
) -> None:
    """Carry out what is left of a training run.

    Args:
        recipe: What is trained and how.
        folder: The run's folder, claimed for this recipe; a run that was cut short goes on from
            its last checkpoint.
        tasks: Of `open_tasks`.
        sandbox: Where the agents' code runs.
        listener: Is told of steps and evaluations.
        crew: The processes that train together, each in this call.

    Raises:
        UsageError: If a setting does not fit, or the loss is no number any more.
        InfraError: If no episode of a step could be played.
    """
    with asyncio.Runner() as runner, _quiet():
        model, tokenizer = load_policy(recipe.policy.model, dtype=recipe.policy.dtype)
        if crew.size > 1 and (recipe.sft is not None or recipe.grpo is None):
            raise UsageError(
                f"{crew.size} processes can only carry out [grpo]; imitate and evaluate with one"
            )
        if recipe.sft is not None and not restored(folder, model):
            listener.said("experts' trajectories")
            own = [task for _, of_source in tasks.train for task in of_source]
            rows = demonstrations(
                recipe, recipe.sft, own, folder=folder, sandbox=sandbox, runner=runner
            )
            imitate(recipe, recipe.sft, rows, model, tokenizer, folder=folder, listener=listener)
        engine = make_engine(recipe, model, tokenizer)
        try:
            player = Player(engine, sandbox, recipe.agent, runner)
            evaluator = Evaluator(recipe, tasks.evaluate, player, folder, listener)
            if recipe.grpo is None:
                evaluator.when_due(0, last=0)
                folder.save_policy(lambda to: _save(model, tokenizer, to))
            else:
                learner = Learner(
                    recipe=recipe,
                    grpo=recipe.grpo,
                    sampler=TaskSampler(tasks.train, recipe.curriculum, seed=recipe.seed),
                    player=player,
                    evaluator=evaluator,
                    folder=folder,
                    listener=listener,
                    empty_id=tokenizer.eos_token_id,
                    crew=crew,
                )
                _learn(learner, model, tokenizer)
        finally:
            runner.run(engine.close())


def _save(model: Any, tokenizer: Any, to: Path) -> None:
    model.save_pretrained(to)
    tokenizer.save_pretrained(to)


def _learn(learner: Learner, model: Any, tokenizer: Any) -> None:
    """Carry out the steps that are left, from the last checkpoint on."""
    from sandmle.training.trl_adapter import make_trainer, save_policy

    grpo, folder, sampler = learner.grpo, learner.folder, learner.sampler
    leads = learner.crew.leads
    if len(sampler) < grpo.tasks_per_step:
        raise UsageError(
            f"there are {len(sampler)} tasks to train on, and a step needs tasks_per_step = "
            f"{grpo.tasks_per_step} different ones; make more, or lower it"
        )
    checkpoint = folder.last_checkpoint()
    if checkpoint is not None:
        sampler.restore(checkpoint.done.sampler)
        learner.seconds = checkpoint.done.seconds

    def saved(step: int) -> None:
        if leads:
            folder.complete(step * grpo.minibatches, learner.completed(step))

    trainer = make_trainer(
        learner.recipe,
        model,
        tokenizer,
        rollout=learner.rollout,
        after_step=learner.after_step,
        after_save=saved,
        folder=folder.checkpoints,
    )
    if learner.recipe.policy.engine == "vllm":
        learner.player.model.attach(trainer.vllm_generation)
        learner.player.model.forget()  # it was loaded from the recipe's checkpoint
    if leads:
        folder.go_back(0 if checkpoint is None else checkpoint.done.step)
        learner.evaluator.when_due(0, last=grpo.steps)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint.path))
    if learner.crew.size == 1:
        folder.save_policy(lambda to: _save(model, tokenizer, to))
    elif leads:
        folder.save_policy(lambda to: save_policy(trainer, to))
    else:
        save_policy(trainer, folder.policy)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings to ourselves that TRL 1.16 causes in transformers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*will be removed in v6", FutureWarning)
        yield
