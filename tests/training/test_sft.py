"""Supervised learning reads what sampling writes, learns the model's own words, and resumes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.core.policy import Message
from sandmle.policies import ModelSettings
from sandmle.policies.local import LocalModel
from sandmle.training.nano import new_nano
from sandmle.training.recipe import SftSettings
from sandmle.training.sft import read_data, tokenised, train_sft
from sandmle.training.tokenizer import train_tokenizer

CODE = "import numpy as np\nimport pandas as pd\nprint(1)\n"


def row(task: int, said: str = CODE, reward: float = 0.5) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "You write Python."},
        {"role": "user", "content": f"task {task % 3}\nmetric: mae\n"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": "<tool_response>\nIt printed nothing.\n</tool_response>"},
        {"role": "assistant", "content": "<answer>submission</answer>"},
    ]
    return {"messages": messages, "task_id": f"t:{task}", "reward": reward}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(
        [[m["content"] for m in row(task)["messages"]] for task in range(20)], lines=50, pieces=300
    )


def nano(tokenizer: Any) -> Any:
    return new_nano(
        len(tokenizer), end_id=tokenizer.eos_token_id, pad_id=tokenizer.pad_token_id, seed=0
    )


def ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def test_a_frequent_line_is_one_token(tokenizer: Any) -> None:
    assert len(ids(tokenizer, CODE)) == 3
    assert len(ids(tokenizer, "import numpy as nq\n")) > 1


@given(st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    made = train_tokenizer([[CODE]] * 10, lines=10, pieces=270)
    assert made.decode(ids(made, text), clean_up_tokenization_spaces=False) == text


def test_a_line_of_one_task_is_not_frequent() -> None:
    made = train_tokenizer([[CODE, CODE, "a line of one task\n"] * 20, *[[CODE]] * 10], pieces=280)
    assert len(ids(made, "a line of one task\n")) > 1
    assert len(ids(made, CODE)) == 3


def test_rows_are_what_sampling_makes_of_the_same_words(tokenizer: Any) -> None:
    """Play a conversation with a model, and read its record back."""
    model = LocalModel.of(
        nano(tokenizer),
        tokenizer,
        ModelSettings(model="nano", max_new_tokens=20, token_ids=True),
    )

    async def play() -> tuple[list[Message], list[Any]]:
        policy = model.policy(seed=4)
        messages = [Message(role="user", content="metric: mae\n")]
        turns = []
        for _ in range(2):
            turn = await policy.act(messages)
            turns.append(turn)
            said = Message(role="assistant", content=turn.text)
            messages += [said, Message(role="user", content="It printed nothing.\n")]
        await model.close()
        return messages[:-1], turns

    messages, turns = asyncio.run(play())
    read = tokenised([m.model_dump(include={"role", "content"}) for m in messages], tokenizer)
    text = tokenizer.decode(read.ids_T)
    assert text == tokenizer.decode([*turns[1].tokens.prompt_ids, *turns[1].tokens.ids]) + (
        "" if turns[1].tokens.ids[-1] == tokenizer.eos_token_id else tokenizer.eos_token
    )
    own = [token for token, mine in zip(read.ids_T, read.own_T, strict=True) if mine]
    assert own.count(tokenizer.eos_token_id) == 2


def test_only_own_words_are_learned(tokenizer: Any) -> None:
    read = tokenised(row(0)["messages"], tokenizer)
    own = tokenizer.decode([t for t, mine in zip(read.ids_T, read.own_T, strict=True) if mine])
    assert own == f"{CODE}<|end|><answer>submission</answer><|end|>"


def test_it_learns_and_goes_on_where_it_was_stopped(tokenizer: Any, tmp_path: Path) -> None:
    rows = [row(task) for task in range(60)]
    settings = SftSettings(data="x", epochs=3, batch=8, learning_rate=3e-3)

    def learn(folder: str, **options: Any) -> tuple[Any, Any]:
        model = nano(tokenizer)
        learned = train_sft(
            rows,
            model,
            tokenizer,
            settings,
            out=tmp_path / folder,
            seed=1,
            context_tokens=200,
            options=options,
        )
        return model, learned

    whole, learned = learn("whole")
    assert learned.rows + 3 <= 60 + 3
    assert learned.too_long == 0
    assert learned.held_out_loss is not None
    assert learned.held_out_loss < 0.5

    class Killed(Exception):
        pass

    original = torch.optim.AdamW.step
    steps = 0

    def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > 10:
            raise Killed
        return original(self, *args, **kwargs)

    torch.optim.AdamW.step = dying  # type: ignore[method-assign]
    try:
        with pytest.raises(Killed):
            learn("killed")
    finally:
        torch.optim.AdamW.step = original  # type: ignore[method-assign]
    again, _ = learn("killed")
    assert all(value.equal(whole.state_dict()[name]) for name, value in again.state_dict().items())


def test_rows_that_are_too_long_are_counted(tokenizer: Any, tmp_path: Path) -> None:
    rows = [row(0), row(1, said="x y z " * 400)]
    settings = SftSettings(data="x", epochs=1, batch=1)
    model = nano(tokenizer)
    learned = train_sft(
        rows, model, tokenizer, settings, out=tmp_path / "a", seed=0, context_tokens=100
    )
    assert (learned.rows, learned.too_long) == (1, 1)
    with pytest.raises(UsageError, match="all 2 rows are longer than context_tokens 5"):
        train_sft(rows, model, tokenizer, settings, out=tmp_path / "b", seed=0, context_tokens=5)


def test_a_loss_that_is_no_number_stops(tokenizer: Any, tmp_path: Path) -> None:
    model = nano(tokenizer)
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(UsageError, match=r"sft\.learning_rate"):
        train_sft(
            [row(0)] * 40,
            model,
            tokenizer,
            SftSettings(data="x", epochs=1, batch=2),
            out=tmp_path,
            seed=0,
            context_tokens=200,
        )


def test_data_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "sft.jsonl"
    with pytest.raises(UsageError, match="sft-data"):
        read_data(file)
    file.write_text("".join(json.dumps(row(i, reward=i / 4)) + "\n" for i in range(4)))
    assert len(read_data(file)) == 4
    assert len(read_data(file, min_reward=0.5)) == 2
    with pytest.raises(UsageError, match=r"4 rows and none .* 2"):
        read_data(file, min_reward=2)
    file.write_text('{"messages": []}\n')
    with pytest.raises(UsageError, match="line 1 is no row"):
        read_data(file)
