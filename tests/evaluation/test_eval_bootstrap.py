"""The bootstrap and the sign-flip test against theory and against plain loops."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.evaluation.bootstrap import (
    interval,
    mean_intervals_K,
    resampled_means_DRK,
    sign_flip_p,
)

VALUES = st.lists(st.integers(0, 4).map(lambda n: n / 4), min_size=2, max_size=12)
DIFFERENCES = st.lists(st.integers(-4, 4).map(lambda n: n / 4), min_size=1, max_size=12)


def means_interval(values, *, draws=1000, seed=0):
    return mean_intervals_K(np.array(values)[None, :, None], draws=draws, seed=seed)[0]


def test_the_interval_is_the_normal_one_where_tasks_are_many():
    values = np.random.default_rng(0).random(400)
    low, high = means_interval(values, draws=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_interval_covers_as_often_as_it_says():
    """300 sets of 30 tasks with rates of their own and 2 samples each; the true rate is 0.4."""
    rng = np.random.default_rng(1)
    covered = 0
    for number in range(300):
        rates_T = rng.beta(1.0, 1.5, size=30)
        low, high = means_interval(rng.binomial(2, rates_T) / 2, draws=500, seed=number)
        covered += low <= 0.4 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_samples_of_a_task_stay_together():
    """10 tasks that are all or nothing: 100 samples of each make the interval no narrower."""
    tasks = np.array([0.0, 1.0] * 5)
    low, high = means_interval(tasks, draws=4000)
    assert high - low == pytest.approx(0.6, abs=0.11)


@given(VALUES, st.floats(0.1, 2), st.floats(-1, 1))
def test_the_interval_follows_scale_and_shift(values, scale, shift):
    plain = means_interval(values, draws=200)
    moved = means_interval([scale * value + shift for value in values], draws=200)
    assert moved == pytest.approx([scale * bound + shift for bound in plain])


@given(VALUES, st.integers(0, 2**64))
def test_equal_seeds_give_equal_intervals(values, seed):
    assert means_interval(values, seed=seed, draws=100) == means_interval(
        values, seed=seed, draws=100
    )


def test_draws_are_cut_into_parts_without_changing_their_number(monkeypatch):
    monkeypatch.setattr("sandmle.evaluation.bootstrap._CELLS", 70)
    values_RTK = np.random.default_rng(0).random((2, 30, 3))
    drawn_DRK = resampled_means_DRK(values_RTK, draws=101, seed=0)
    assert drawn_DRK.shape == (101, 2, 3)
    assert len(np.unique(drawn_DRK[:, 0, 0])) == 101


def test_a_missing_value_is_left_out_of_its_means():
    values_RTK = np.array([[[1.0], [np.nan], [1.0], [np.nan]]])
    drawn_D = resampled_means_DRK(values_RTK, draws=400, seed=0)[:, 0, 0]
    assert set(drawn_D[~np.isnan(drawn_D)]) == {1.0}
    assert np.isnan(drawn_D).mean() == pytest.approx(1 / 16, abs=0.05)


def test_an_infinite_bound_is_no_bound():
    assert interval(np.array([0.0] * 90 + [math.inf] * 10)) is None
    assert interval(np.array([0.0] * 199 + [math.inf])) == (0, 0)
    assert interval(np.array([math.nan])) is None


def plain_sign_flip(differences):
    """Try all signs, one after the other."""
    bar = abs(sum(differences)) - 1e-9
    ways = list(itertools.product((1, -1), repeat=len(differences)))
    reached = sum(
        abs(sum(s * d for s, d in zip(way, differences, strict=True))) >= bar for way in ways
    )
    return reached / len(ways)


@given(DIFFERENCES.filter(lambda found: len(found) <= 8))
def test_the_exact_p_value_is_that_of_all_signs(differences):
    assert sign_flip_p(np.array(differences)) == pytest.approx(plain_sign_flip(differences))


@given(DIFFERENCES)
def test_p_does_not_care_which_run_is_called_a(differences):
    there, back = np.array(differences), -np.array(differences)
    for draws in (100, 10_000):
        assert 0 < sign_flip_p(there, draws=draws) == sign_flip_p(back, draws=draws) <= 1


def test_p_of_equal_runs_is_one_and_of_a_clear_gain_the_smallest_there_is():
    assert sign_flip_p(np.zeros(5)) == 1
    assert sign_flip_p(np.ones(6)) == 2 / 64
    assert sign_flip_p(np.ones(100), draws=1000) == 1 / 1001


def test_random_signs_agree_with_all_signs():
    differences = np.random.default_rng(3).normal(0.3, 1, size=12)
    exact, drawn = sign_flip_p(differences), sign_flip_p(differences, draws=4000)
    assert drawn == pytest.approx(exact, abs=0.03)


def test_p_is_even_where_nothing_differs():
    rng = np.random.default_rng(4)
    found = np.array([sign_flip_p(rng.normal(size=10)) for _ in range(300)])
    assert (found <= 0.05).mean() == pytest.approx(0.05, abs=0.04)
    assert (found <= 0.5).mean() == pytest.approx(0.5, abs=0.1)
