"""The trainer's loss equals the one that is written down plainly, whatever rows it is given."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpo_reference as reference
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sandmle.core.errors import UsageError
from sandmle.testing.tiny_checkpoint import tiny_checkpoint
from sandmle.training import trl_adapter
from sandmle.training.recipe import Recipe
from sandmle.training.trajectory import Trajectory
from sandmle.training.trl_adapter import Diverged, make_trainer

GROUP, TASKS, CONTEXT = 4, 2, 96


def recipe(**grpo: Any) -> Recipe:
    settings = {
        "steps": 1,
        "tasks_per_step": TASKS,
        "group_size": GROUP,
        "micro_batch": 4,
        "learning_rate": 1e-3,
        **grpo,
    }
    return Recipe.model_validate(
        {
            "name": "test",
            "grpo": settings,
            "policy": {"context_tokens": CONTEXT},
            "train": [{"name": "none", "path": "nowhere"}],
        }
    )


def rows(rng: random.Random) -> list[Trajectory]:
    found = []
    for index in range(TASKS * GROUP):
        prompt = tuple(rng.randrange(256) for _ in range(rng.randint(3, 9)))
        ids = tuple(rng.randrange(256) for _ in range(rng.randint(5, 30)))
        own = tuple(int(rng.random() < 0.6) for _ in ids)
        reward = None if index in (1, 6) else rng.choice([0.1, 0.4, 0.7, 1.0])
        found.append(Trajectory(prompt, ids, own, tuple(0.0 for _ in ids), reward))
    return found


def logprobs(model: Any, row: Trajectory) -> list[float]:
    ids = torch.tensor([[*row.prompt_ids, *row.ids_T]])
    with torch.no_grad():
        table = model(ids).logits[0].log_softmax(-1)
    first = len(row.prompt_ids)
    return [table[first + i - 1, token].item() for i, token in enumerate(row.ids_T)]


def off_policy(rng: random.Random, row: Trajectory, now: Sequence[float]) -> Trajectory:
    """Give a row the log probabilities of another policy, some beyond both clips."""
    before = [
        p + rng.uniform(-0.5, 0.5) if own else 0.0 for p, own in zip(now, row.own_T, strict=True)
    ]
    return replace(row, logprobs_T=tuple(before))


@pytest.fixture
def checkpoint(tmp_path: Path) -> tuple[Any, Any]:
    folder = tiny_checkpoint(tmp_path / "tiny")
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("aggregation", ["seq-mean-token-mean", "token-mean", "dr-grpo"])
def test_the_loss_is_the_plain_one(
    checkpoint: tuple[Any, Any], tmp_path: Path, aggregation: str, scale: bool
) -> None:
    model, tokenizer = checkpoint
    rng = random.Random(f"{aggregation}{scale}")
    batch = rows(rng)
    now = [logprobs(model, row) for row in batch]
    batch = [off_policy(rng, row, p) for row, p in zip(batch, now, strict=True)]
    logged: list[dict[str, float]] = []
    trainer = make_trainer(
        recipe(loss=aggregation, advantage_scale="group" if scale else "none"),
        model,
        tokenizer,
        rollout=lambda step: batch,
        after_step=lambda step, means: logged.append(means),
        after_save=lambda step: None,
        folder=tmp_path / "out",
    )
    trainer.train()
    expected = reference.loss(
        batch, now, group=GROUP, scale=scale, aggregation=aggregation, longest=CONTEXT
    )
    assert len(logged) == 1
    assert logged[0]["loss"] == pytest.approx(expected, rel=2e-4, abs=2e-5)
    assert logged[0]["ratio"] != pytest.approx(1.0, abs=1e-3)


def test_masked_rows_and_shown_tokens_move_nothing(
    checkpoint: tuple[Any, Any], tmp_path: Path
) -> None:
    model, tokenizer = checkpoint
    rng = random.Random(3)
    batch = [replace(row, reward=None) for row in rows(rng)]
    batch[0] = replace(batch[0], reward=1.0, own_T=tuple(0 for _ in batch[0].ids_T))
    batch[2] = replace(batch[2], reward=0.0, own_T=tuple(0 for _ in batch[2].ids_T))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = make_trainer(
        recipe(),
        model,
        tokenizer,
        rollout=lambda step: batch,
        after_step=lambda step, means: None,
        after_save=lambda step: None,
        folder=tmp_path / "out",
    )
    trainer.train()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_every_minibatch_compares_with_the_sampling(
    checkpoint: tuple[Any, Any], tmp_path: Path
) -> None:
    """Two updates of one round: the first has ratio 1, the second has not."""
    model, tokenizer = checkpoint
    rng = random.Random(4)
    batch = rows(rng)
    batch = [replace(row, logprobs_T=tuple(logprobs(model, row))) for row in batch]
    seen: list[float] = []
    trainer = make_trainer(
        recipe(minibatches=2, learning_rate=1e-2),
        model,
        tokenizer,
        rollout=lambda step: batch,
        after_step=lambda step, means: seen.append(step),
        after_save=lambda step: None,
        folder=tmp_path / "out",
    )
    ratios: list[float] = []
    record = trainer.log

    def log(values: dict[str, float], *args: Any) -> None:
        record(values, *args)
        ratios.append(values.get("ratio", float("nan")))

    trainer.log = log
    trainer.train()
    assert seen == [0]
    assert ratios[0] == pytest.approx(1.0, abs=1e-4)
    assert abs(ratios[1] - 1.0) > 1e-4


def test_a_loss_that_is_no_number_stops_before_the_weights_change(
    checkpoint: tuple[Any, Any], tmp_path: Path
) -> None:
    model, tokenizer = checkpoint
    batch = [
        replace(row, logprobs_T=tuple(float("nan") for _ in row.ids_T))
        for row in rows(random.Random(5))
    ]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = make_trainer(
        recipe(),
        model,
        tokenizer,
        rollout=lambda step: batch,
        after_step=lambda step, means: None,
        after_save=lambda step: None,
        folder=tmp_path / "out",
    )
    with pytest.raises(Diverged, match="learning_rate"):
        trainer.train()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_setting_that_trl_does_not_know_is_named(
    checkpoint: tuple[Any, Any], tmp_path: Path
) -> None:
    model, tokenizer = checkpoint
    wrong = recipe().model_copy(update={"trainer": {"learning_speed": 1}})
    with pytest.raises(UsageError, match="learning_speed"):
        make_trainer(
            wrong,
            model,
            tokenizer,
            rollout=lambda step: [],
            after_step=lambda step, means: None,
            after_save=lambda step: None,
            folder=tmp_path / "out",
        )


@pytest.mark.parametrize(
    "setting",
    [{"vllm_mode": "server"}, {"vllm_tensor_parallel_size": 2}, {"vllm_enable_sleep_mode": True}],
)
def test_engines_that_processes_must_ask_together_are_refused(
    checkpoint: tuple[Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: dict[str, Any],
) -> None:
    class Two:
        num_processes = 2

    monkeypatch.setattr(trl_adapter, "PartialState", Two)
    model, tokenizer = checkpoint
    with pytest.raises(UsageError, match=f"trainer.{next(iter(setting))} = .* is for one process"):
        make_trainer(
            recipe(micro_batch=2).model_copy(update={"trainer": setting}),
            model,
            tokenizer,
            rollout=lambda step: [],
            after_step=lambda step, means: None,
            after_save=lambda step: None,
            folder=tmp_path / "out",
        )
