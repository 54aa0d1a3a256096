"""Rounds: the same weights and seeds give the same bits, whatever happens between turns."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import transformers

from sandmle.core.policy import Message, Tokens
from sandmle.policies import ModelSettings
from sandmle.policies.local import LocalModel
from sandmle.testing.tiny_checkpoint import tiny_checkpoint

EPISODES = 6


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "model")
    library: Any = transformers
    return (
        library.AutoModelForCausalLM.from_pretrained(folder),
        library.AutoTokenizer.from_pretrained(folder),
    )


def settings() -> ModelSettings:
    return ModelSettings(model="tiny", max_new_tokens=9, token_ids=True)


async def play(local: LocalModel, seed: int, turns: int, pause: random.Random) -> list[Tokens]:
    policy, found = local.policy(seed=seed), []
    messages = [Message(role="user", content=f"task {seed % 2}")]
    for _ in range(turns):
        await asyncio.sleep(pause.random() / 30)
        turn = await policy.act(messages)
        assert turn.tokens is not None
        found.append(turn.tokens)
        said = Message(role="assistant", content=turn.text)
        messages += [said, Message(role="user", content="x" * (seed + 1))]
    local.ended()
    return found


async def wave(local: LocalModel, pause: int) -> list[list[Tokens]]:
    """Episodes of one to three turns, with pauses of their own."""
    local.expect(EPISODES)
    slow = random.Random(pause)
    return await asyncio.gather(*(play(local, s, 1 + s % 3, slow) for s in range(EPISODES)))


def test_pauses_change_not_a_bit(checkpoint: tuple[Any, Any]) -> None:
    local = LocalModel.of(*checkpoint, settings())

    async def both() -> tuple[list[list[Tokens]], list[list[Tokens]]]:
        first, second = await wave(local, 1), await wave(local, 2)
        await local.close()
        return first, second

    first, second = asyncio.run(both())
    assert first == second


def test_a_round_waits_for_everybody(checkpoint: tuple[Any, Any]) -> None:
    local = LocalModel.of(*checkpoint, settings())

    async def check() -> None:
        local.expect(2)
        early = asyncio.create_task(play(local, 0, 1, random.Random(0)))
        await asyncio.sleep(0.3)
        assert not early.done()
        local.ended()
        assert len(await early) == 1
        await local.close()

    asyncio.run(check())


def test_a_turn_that_is_given_up_holds_nobody_up(checkpoint: tuple[Any, Any]) -> None:
    local = LocalModel.of(*checkpoint, settings())

    async def check() -> None:
        local.expect(2)
        lost = asyncio.create_task(play(local, 0, 1, random.Random(0)))
        await asyncio.sleep(0.1)
        lost.cancel()
        local.ended()
        assert len(await asyncio.wait_for(play(local, 1, 2, random.Random(0)), 20)) == 2
        await local.close()

    asyncio.run(check())


def test_new_weights_are_sampled_and_the_mode_is_left_alone(checkpoint: tuple[Any, Any]) -> None:
    model, tokenizer = checkpoint
    model.train()
    local = LocalModel.of(model, tokenizer, settings())

    async def check() -> tuple[list[list[Tokens]], list[list[Tokens]]]:
        before = await wave(local, 1)
        model.get_input_embeddings().weight.data.mul_(-1.0)
        local.forget()
        after = await wave(local, 1)
        await local.close()
        return before, after

    before, after = asyncio.run(check())
    model.get_input_embeddings().weight.data.mul_(-1.0)
    assert before != after
    assert model.training
    assert local.sampling_seconds > 0


def test_the_model_survives_its_sampler(checkpoint: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = checkpoint
    asyncio.run(LocalModel.of(model, tokenizer, settings()).close())
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
