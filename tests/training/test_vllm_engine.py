"""Rounds that vLLM samples: what is asked of TRL's engine, and what becomes of its answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sandmle.core.errors import InfraError
from sandmle.policies._batches import Row
from sandmle.testing.tiny_checkpoint import tiny_checkpoint
from sandmle.training.engines import make_engine
from sandmle.training.nano import load_policy
from sandmle.training.recipe import read_recipe
from sandmle.training.vllm_engine import VllmBatches


class Engine:
    """Answers as TRL's `VLLMGeneration` does: candidates of each token, the sampled one first."""

    def __init__(self) -> None:
        self.max_completion_length = 9_999
        self.synced = 0
        self.asked: list[Any] = []

    def sync_weights(self) -> None:
        self.synced += 1

    def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> Any:
        self.asked.append((prompts, images, num_generations, self.max_completion_length))
        ids = [[7, 2] if len(prompt) == 1 else [7, 7, 7] for prompt in prompts]
        logprobs = [[[-0.5, -3.0] for _ in row] for row in ids]
        return prompts, ids, logprobs, None


def rows() -> list[Row]:
    return [Row((1,), 3, np.random.default_rng(0)), Row((1, 4), 3, np.random.default_rng(0))]


def test_a_round_is_one_call_and_its_rows_are_done() -> None:
    batches, engine = VllmBatches(frozenset([2])), Engine()
    batches.attach(engine)
    asked = rows()
    batches.submit(asked)
    assert engine.asked == [([[1], [1, 4]], None, 1, 3)]
    assert [row.done.result() for row in asked] == asked
    assert [(row.ids, row.ending) for row in asked] == [([7, 2], "end"), ([7, 7, 7], "length")]
    assert asked[1].logprobs == [-0.5, -0.5, -0.5]


def test_changed_weights_go_to_the_engine() -> None:
    batches, engine = VllmBatches(frozenset([2])), Engine()
    batches.refresh()
    batches.attach(engine)
    batches.refresh()
    assert engine.synced == 1


def test_an_engine_that_dies_is_named() -> None:
    class Dead(Engine):
        def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> Any:
            raise RuntimeError("EngineDeadError")

    class Silent(Engine):
        def sync_weights(self) -> None:
            raise RuntimeError("gone")

        def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> Any:
            return prompts, [[] for _ in prompts], [[] for _ in prompts], None

    batches = VllmBatches(frozenset([2]))
    with pytest.raises(InfraError, match="only while a trainer runs"):
        batches.submit(rows())
    batches.attach(Dead())
    with pytest.raises(InfraError, match=r"2 turns by vLLM .*last checkpoint.*EngineDeadError"):
        batches.submit(rows())
    batches.attach(Silent())
    with pytest.raises(InfraError, match=r"2 turns .* IndexError"):
        batches.submit(rows())
    with pytest.raises(InfraError, match=r"give vLLM the new weights .* gone"):
        batches.refresh()


async def test_the_recipes_engine_samples_turns_in_rounds(tmp_path: Any) -> None:
    tiny_checkpoint(tmp_path)
    recipe = read_recipe(
        "qwen3-8b", changes={"policy.model": str(tmp_path), "policy.dtype": "float32"}
    )
    model, tokenizer = load_policy(str(tmp_path))
    engine = make_engine(recipe, model, tokenizer)
    vllm = Engine()
    engine.attach(vllm)
    engine.expect(1)
    row = await engine.sample((1,), np.random.default_rng(0), seed=3)
    engine.forget()
    await engine.close()
    assert (row.ids, vllm.synced, len(vllm.asked)) == ([7, 2], 1, 1)
