"""Rows hold exactly the tokens of an episode, and mark exactly the model's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode, Step
from sandmle.core.errors import UsageError
from sandmle.core.policy import Tokens
from sandmle.core.reward import Reward
from sandmle.training.trajectory import rewritten, trajectory, unbroken

IDS = st.lists(st.integers(0, 99), min_size=1, max_size=6).map(tuple)


def turn(tokens: Tokens | None) -> Step:
    return Step(
        parent=None, action="a", observation="o", well_formed=True, tool="python", tokens=tokens
    )


def episode(turns: list[Tokens | None], reward: float | None = 0.4) -> Episode:
    return Episode(
        task_id="t:1",
        scaffold="react",
        policy="local:x",
        replica=0,
        seed=1,
        prompt=(),
        steps=tuple(turn(tokens) for tokens in turns),
        stop_reason="answered",
        reward=None if reward is None else Reward(terms={"medal": reward}),
    )


def conversation(parts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[Tokens]:
    """Turns that each go on from the one before: what is shown, and what is said."""
    turns: list[Tokens] = []
    prompt: tuple[int, ...] = ()
    for shown, said in parts:
        prompt = (*prompt, *shown)
        turns.append(Tokens(prompt_ids=prompt, ids=said, logprobs=tuple(-0.5 for _ in said)))
        prompt = (*prompt, *said)
    return turns


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=5))
def test_all_turns_in_one_row(parts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    row = trajectory(episode(list(conversation(parts))), empty_id=0)
    assert row.prompt_ids == parts[0][0]
    assert row.ids_T == tuple(
        token
        for index, (shown, said) in enumerate(parts)
        for token in ((*shown, *said) if index else said)
    )
    own = [token for token, mine in zip(row.ids_T, row.own_T, strict=True) if mine]
    assert own == [token for _, said in parts for token in said]
    assert [p for p, mine in zip(row.logprobs_T, row.own_T, strict=True) if not mine] == [0.0] * (
        len(row.ids_T) - len(own)
    )
    assert row.reward == pytest.approx(0.4)


@given(
    st.lists(st.tuples(IDS, IDS), min_size=1, max_size=4),
    st.lists(st.tuples(IDS, IDS), min_size=1, max_size=4),
)
def test_a_row_begins_anew_where_history_was_rewritten(
    first: list[tuple[tuple[int, ...], tuple[int, ...]]],
    second: list[tuple[tuple[int, ...], tuple[int, ...]]],
) -> None:
    second = [((100, *second[0][0]), second[0][1]), *second[1:]]
    played = episode([*conversation(first), *conversation(second)])
    row = trajectory(played, empty_id=0)
    assert row == trajectory(episode(list(conversation(second))), empty_id=0)
    assert rewritten([played, episode(list(conversation(second)))]) == 1


def test_a_masked_episode_has_no_reward() -> None:
    turns: list[Tokens | None] = list(conversation([((1,), (2,))]))
    assert trajectory(episode(turns, reward=None), empty_id=0).reward is None


def test_an_episode_without_turns_is_a_row_that_is_not_trained_on() -> None:
    row = trajectory(episode([], reward=0.0), empty_id=7)
    assert (row.prompt_ids, row.ids_T, row.own_T, row.reward) == ((7,), (7,), (0,), None)


def test_turns_without_tokens_are_named() -> None:
    with pytest.raises(UsageError, match="turn 0 of t:1"):
        trajectory(episode([None]), empty_id=0)


def test_one_turn_is_unbroken() -> None:
    turns = conversation([((1,), (2,))])
    assert list(unbroken(turns)) == turns
