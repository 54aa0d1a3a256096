"""Kernel distance against its definition, and the price of copies."""

import math

import numpy as np
import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import MetricSpec
from sandmle.metrics import get_metric
from sandmle.metrics.kernel_distance import FLOOR, near_radius


def drawn(rng, rows, shift=0.0):
    return rng.normal(shift, 1.0, (rows, 3)) * [1.0, 5.0, 0.2]


def metric_of(known, radius=0.0):
    params = {"known": known.tolist(), "radius": radius}
    return get_metric(MetricSpec(name="kernel_distance", params=params))


@pytest.mark.parametrize("shift", [0.3, 0.8, 3.0])
def test_the_waves_sum_to_about_the_distance_of_three_gaussian_kernels(shift):
    rng = np.random.default_rng(0)
    known, true, pred = drawn(rng, 40), drawn(rng, 250), drawn(rng, 250, shift)
    a, b = pred / known.std(axis=0), true / known.std(axis=0)

    def mean_kernel(x, y):
        squared = ((x[:, None] - y[None]) ** 2).sum(axis=2)
        return np.mean([np.exp(-squared / (2 * h**2)).mean() for h in (2.0, 1.0, 0.5)])

    apart = mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
    found = math.exp(metric_of(known)(true, pred)) - FLOOR
    assert found == pytest.approx(apart, rel=0.15)


def test_rows_need_not_stand_beside_their_like():
    rng = np.random.default_rng(1)
    known, true = drawn(rng, 30), drawn(rng, 50)
    metric = metric_of(known)
    assert metric(true, rng.permutation(true)) == pytest.approx(metric.best, abs=1e-9)


def test_copies_of_known_rows_score_worse_than_fresh_rows():
    rng = np.random.default_rng(2)
    known, true = drawn(rng, 100), drawn(rng, 700)
    metric = metric_of(known, near_radius(drawn(rng, 3_000), known))
    fresh = metric(true, drawn(rng, 700))
    copied = metric(true, known[rng.integers(0, 100, 700)])
    jittered = known[rng.integers(0, 100, 700)] + 0.02 * drawn(rng, 700)
    assert copied > fresh + 3.0
    assert metric(true, jittered) > fresh + 3.0
    half = np.where(np.arange(700)[:, None] % 2, drawn(rng, 700), known[np.arange(700) % 100])
    assert fresh + 1.0 < metric(true, half) < copied


def test_resamples_score_as_their_rows_do():
    rng = np.random.default_rng(4)
    known, true, pred = drawn(rng, 60), drawn(rng, 90), drawn(rng, 90, 0.4)
    metric = metric_of(known, 0.3)
    rows = rng.integers(0, 90, (3, 90))
    shares = np.array([np.bincount(some, minlength=90) for some in rows]) / 90
    expected = [metric(true[some], pred[some]) for some in rows]
    assert metric.weighted(true, pred, shares) == pytest.approx(expected, abs=1e-9)


def test_known_rows_must_be_a_table_of_the_answers_width():
    with pytest.raises(UsageError, match="one length"):
        get_metric(MetricSpec(name="kernel_distance", params={"known": [[1.0]], "radius": 0}))
    with pytest.raises(UsageError, match="constant"):
        metric_of(np.ones((4, 3)))
    rng = np.random.default_rng(3)
    with pytest.raises(ValueError, match="columns"):
        metric_of(drawn(rng, 9)[:, :2])(drawn(rng, 9), drawn(rng, 9))
