"""Advantages equal the plain ones and TRL's rules; groups without signal are told apart."""

from __future__ import annotations

import grpo_reference as reference
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.training.groups import advantages_GN, signal_G

REWARDS = st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.4, 0.45, 0.9, 1.0]))
GROUPS = st.integers(2, 6).flatmap(
    lambda n: st.lists(st.lists(REWARDS, min_size=n, max_size=n), min_size=1, max_size=5)
)


def array(groups: list[list[float | None]]) -> np.ndarray:
    return np.array([[np.nan if r is None else r for r in group] for group in groups])


@given(GROUPS, st.booleans())
def test_as_written_down_plainly(groups: list[list[float | None]], scale: bool) -> None:
    flat = [reward for group in groups for reward in group]
    expected = reference.advantages(flat, len(groups[0]), scale=scale)
    assert advantages_GN(array(groups), scale=scale).ravel() == pytest.approx(expected, abs=1e-9)


@given(GROUPS)
def test_only_groups_whose_paid_members_differ_have_a_signal(
    groups: list[list[float | None]],
) -> None:
    differ = [len({r for r in group if r is not None}) > 1 for group in groups]
    assert signal_G(array(groups)).tolist() == differ


@given(GROUPS, st.floats(-1, 1))
def test_a_constant_added_to_a_group_changes_nothing(
    groups: list[list[float | None]], constant: float
) -> None:
    rewards = array(groups)
    assert advantages_GN(rewards + constant, scale=False) == pytest.approx(
        advantages_GN(rewards, scale=False), abs=1e-9
    )
