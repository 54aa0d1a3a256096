"""A training run's folder as a real one looks, made in seconds, for all that shows such folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sandmle.core.episode import Episode
from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.seeding import Streams
from sandmle.core.task import Medal
from sandmle.evaluation import RATES, medal_table
from sandmle.policies import ModelSettings
from sandmle.rollout import RunSettings
from sandmle.rollout.run_dir import Launch
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import TrainingFolder

FAMILIES = ("tabular/price-v2", "tabular/groups-v2", "text/morph-v2", "audio/pitch-v1")
_MEDALS = (Medal.NONE, Medal.BRONZE, Medal.SILVER, Medal.GOLD)
_PAY = {Medal.NONE: 0.35, Medal.BRONZE: 0.6, Medal.SILVER: 0.8, Medal.GOLD: 1.0}


def made_recipe(*, steps: int = 40, every: int = 20, tasks: int = 24) -> Recipe:
    """Return a recipe with two held-out sets, the first of which is played during the run."""
    families = list(FAMILIES)

    def source(name: str, count: int, seed: int) -> dict[str, object]:
        return {"name": name, "generate": {"families": families, "count": count, "seed": seed}}

    return Recipe.model_validate(
        {
            "name": "made",
            "summary": "Figures drawn at random: no model was trained.",
            "grpo": {"steps": steps, "tasks_per_step": 8, "group_size": 8},
            "train": [source("train", 240, 1)],
            "evaluate": [
                {"source": source("held-out", tasks, 2), "samples": 2, "every": every},
                {"source": source("unseen-domains", tasks, 3), "samples": 2},
            ],
        }
    )


def made_step(step: int, *, of: int = 40, seed: int = 0, before: float = 0.0) -> StepMetrics:
    """Return a step's metrics: a policy that learns, with the noise of 64 episodes.

    Args:
        step: Its number, from 1.
        of: Steps of the whole run, at whose end the policy has learned most.
        seed: Root of the noise.
        before: Wall time of the run before the step, in seconds.
    """
    rng = Streams(seed).rng("made", step)
    skill = step / of
    episodes = [_episode(rng, skill, f"{FAMILIES[i % 4]}:{i:04d}", i) for i in range(64)]
    table = medal_table(episodes, draws=100)
    split = {
        "model_seconds": rng.gamma(40, 0.17),
        "sandbox_seconds": rng.gamma(30, 0.05),
        "grading_seconds": rng.gamma(20, 0.015),
        "update_seconds": rng.gamma(60, 0.07),
        "other_seconds": rng.gamma(20, 0.02),
    }
    rates = table.model_dump(include={"reward", *RATES})
    return StepMetrics.model_validate(
        {
            "step": step,
            "seconds": before + sum(split.values()),
            "masked": sum(episode.masked for episode in episodes) / len(episodes),
            "signal": float(rng.binomial(8, 0.8 - 0.2 * skill)) / 8,
            "turns": 2.6 + 0.5 * skill + rng.normal(0, 0.1),
            "tokens": int(64 * rng.normal(70, 3)),
            "well_formed": min(1.0, 0.95 + 0.05 * skill + rng.normal(0, 0.01)),
            "loss": rng.normal(0, 0.02),
            "grad_norm": rng.gamma(9, 0.05),
            "entropy": 0.22 - 0.09 * skill + rng.normal(0, 0.008),
            "ratio": 1 + rng.normal(0, 0.003),
            "clipped": abs(rng.normal(0.004, 0.003)),
            "shares": {"source/train": 1.0, "difficulty": 1 + rng.normal(0, 0.1)},
            **rates,
            **split,
        }
    )


def made_evaluation(
    folder: TrainingFolder, name: str, step: int, *, skill: float, seed: int = 0
) -> EvaluationMetrics:
    """Write an evaluation's run folder and return its line; every task is played twice."""
    rng = Streams(seed).rng("evaluation", name, step)
    run = folder.evaluation(name, step)
    settings = RunSettings(
        tasks="tasks", scaffold="react", policy="local", model=ModelSettings(model="nano")
    )
    with run.log as log:
        run.claim(settings, Launch())
        for number in range(24):
            for replica in range(2):
                task = f"{FAMILIES[number % 4]}:{name[0]}{number:03d}"
                log.append(_episode(rng, skill, task, replica))
    return EvaluationMetrics(name=name, step=step, table=medal_table(run.log))


@contextmanager
def made_run(
    path: Path, *, steps: int = 40, until: int | None = None, seed: int = 0
) -> Iterator[TrainingFolder]:
    """Make a run's folder with its metrics and evaluations, and give it as its writer.

    Args:
        path: The folder.
        steps: Of the whole run.
        until: The last step that was played; None: all were.
        seed: Root of the noise.
    """
    recipe = made_recipe(steps=steps, every=max(1, steps // 2))
    with TrainingFolder.claim(path, recipe) as folder:
        _evaluate(folder, recipe, 0, seed)
        seconds = 0.0
        for step in range(1, (steps if until is None else until) + 1):
            metrics = made_step(step, of=steps, seed=seed, before=seconds)
            seconds = metrics.seconds
            folder.log(metrics)
            _evaluate(folder, recipe, step, seed)
        yield folder


def _evaluate(folder: TrainingFolder, recipe: Recipe, step: int, seed: int) -> None:
    last = recipe.grpo.steps if recipe.grpo else 0
    for chosen in recipe.evaluate:
        if step in (0, last) or (chosen.every and step % chosen.every == 0):
            skill = 0.85 * step / max(last, 1)
            name = chosen.source.name
            folder.log(made_evaluation(folder, name, step, skill=skill, seed=seed))


def _episode(rng: np.random.Generator, skill: float, task_id: str, replica: int) -> Episode:
    """Draw what an episode came to; some families are harder than others."""
    ease = 0.1 * FAMILIES.index(task_id.rpartition(":")[0])
    masked = bool(rng.random() < 0.01)
    valid = bool(rng.random() < 0.85 + 0.12 * skill)
    wins = np.array([0.78 - 0.5 * skill - ease / 2, 0.12, 0.06 + 0.25 * skill, 0.0])
    wins[3] = 1 - wins.sum()
    medal = _MEDALS[int(rng.choice(4, p=wins))] if valid else Medal.NONE
    median = medal is not Medal.NONE or (valid and bool(rng.random() < 0.3))
    grade = Grade(score=1.0 if valid else None, medal=medal, above_median=median)
    pay = _PAY[medal] if valid else 0.1
    return Episode(
        task_id=task_id,
        scaffold="react",
        policy="local:nano",
        replica=replica,
        seed=replica,
        prompt=(),
        steps=(),
        stop_reason="infrastructure" if masked else "answered",
        grade=None if masked else grade,
        reward=None if masked else Reward(terms={"milestone": pay}),
        mask_reason="infrastructure" if masked else None,
    )
