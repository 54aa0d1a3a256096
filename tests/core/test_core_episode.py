"""Episodes as records: branches and JSON lines."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode, Step
from sandmle.core.policy import Message
from sandmle.core.reward import Reward


def episode(parents: list[int | None], *, reward: Reward | None = None) -> Episode:
    steps = tuple(
        Step(parent=parent, action=str(index), tool=None, observation="", well_formed=True)
        for index, parent in enumerate(parents)
    )
    return Episode(
        task_id="tabular/x-v1:0123456789",
        scaffold="react",
        policy="replay",
        replica=0,
        seed=1,
        prompt=(Message(role="user", content="Zeile\u2028\n"),),
        steps=steps,
        stop_reason="answered",
        reward=reward,
    )


@st.composite
def trees(draw: st.DrawFn) -> list[int | None]:
    size = draw(st.integers(0, 12))
    return [
        None if index == 0 else draw(st.one_of(st.none(), st.integers(0, index - 1)))
        for index in range(size)
    ]


@given(st.integers(1, 20))
def test_a_chain_has_one_branch_of_all_steps(length: int) -> None:
    chain = episode([None, *range(length - 1)])
    assert list(chain.branches()) == [chain.steps]


@given(trees())
def test_branches_go_from_root_to_leaf_and_cover_every_step(parents: list[int | None]) -> None:
    tree = episode(parents)
    branches = list(tree.branches())
    leaves = set(range(len(parents))) - set(parents)
    assert [int(branch[-1].action) for branch in branches] == sorted(leaves)
    assert {int(step.action) for branch in branches for step in branch} == set(range(len(parents)))
    for branch in branches:
        indices = [None, *(int(step.action) for step in branch)]
        assert [step.parent for step in branch] == indices[:-1]


def test_an_episode_without_steps_has_no_branch() -> None:
    assert list(episode([]).branches()) == []


def test_an_episode_without_reward_is_masked() -> None:
    assert episode([None]).masked
    assert not episode([None], reward=Reward(terms={})).masked


@given(trees())
def test_a_record_is_one_line_and_comes_back_equal(parents: list[int | None]) -> None:
    before = episode(parents, reward=Reward(terms={"format": 0.1}))
    line = before.to_record()
    assert "\n" not in line
    assert json.loads(line)["task_id"] == before.task_id
    assert Episode.model_validate_json(line) == before
