"""Regression metrics against scikit-learn and scipy."""

from functools import partial

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric

close = partial(pytest.approx, rel=1e-9, abs=1e-12)

tables = st.tuples(st.integers(2, 30), st.integers(1, 4))


def pair(elements, shapes=tables):
    return shapes.flatmap(lambda shape: arrays(np.float64, (2, *shape), elements=elements))


# multiples of 1/8: many ties, and nothing so small that a square of it vanishes
anything = pair(st.integers(-8000, 8000).map(lambda n: n / 8))
positive = pair(st.integers(0, 8000).map(lambda n: n / 8))


def columns_vary(values):
    return bool((values.min(axis=0) < values.max(axis=0)).all())


@given(anything)
def test_errors_in_the_answers_unit_equal_scikit_learn(table):
    true, pred = table
    assert get_metric("mae")(true, pred) == close(sk.mean_absolute_error(true, pred))
    assert get_metric("rmse")(true, pred) == close(np.sqrt(sk.mean_squared_error(true, pred)))
    if true.shape[1] > 1:
        expected = sk.root_mean_squared_error(true, pred, multioutput="uniform_average")
        assert get_metric("mcrmse")(true, pred) == close(expected)


@given(anything)
def test_r2_equals_scikit_learn(table):
    true, pred = table
    assume(columns_vary(true))
    assert get_metric("r2")(true, pred) == close(sk.r2_score(true, pred))


@given(positive)
def test_rmsle_equals_scikit_learn(table):
    true, pred = table
    expected = np.sqrt(sk.mean_squared_log_error(true, pred))
    assert get_metric("rmsle")(true, pred) == close(expected)


@given(positive)
def test_percentage_errors_equal_scikit_learn_and_the_definition(table):
    true, pred = table
    cells = [
        0.0 if t == p == 0 else 2 * abs(p - t) / (abs(p) + abs(t))
        for t, p in zip(true.ravel(), pred.ravel(), strict=True)
    ]
    assert get_metric("smape")(true, pred) == close(sum(cells) / len(cells))
    assume((true != 0).all())
    expected = sk.mean_absolute_percentage_error(true, pred)
    assert get_metric("mape")(true, pred) == close(expected)


@given(anything, st.lists(st.floats(0.01, 0.99), min_size=4, max_size=4))
def test_pinball_is_the_mean_of_scikit_learns_loss_per_quantile(table, levels):
    true, pred = table
    quantiles = levels[: true.shape[1]]
    losses = [
        sk.mean_pinball_loss(true[:, i], pred[:, i], alpha=q) for i, q in enumerate(quantiles)
    ]
    spec = MetricSpec(name="pinball", params={"quantiles": quantiles})
    assert get_metric(spec)(true, pred) == close(np.mean(losses))


@given(anything)
def test_correlations_equal_scipy_column_by_column(table):
    true, pred = table
    assume(columns_vary(true) and columns_vary(pred))
    for name, function in (("pearson", scipy.stats.pearsonr), ("spearman", scipy.stats.spearmanr)):
        columns = [function(t, p).statistic for t, p in zip(true.T, pred.T, strict=True)]
        assert get_metric(name)(true, pred) == close(np.mean(columns))


@given(st.floats(1e-150, 1e150), st.floats(-1e3, 1e3))
def test_pearson_ignores_scale_and_offset_of_the_predictions(scale, offset):
    true = np.array([1.0, 2.0, 4.0, 8.0, 5.0])
    pred = scale * (np.array([2.0, 1.0, 5.0, 7.0, 7.0]) + offset)
    expected = get_metric("pearson")(true, np.array([2.0, 1.0, 5.0, 7.0, 7.0]))
    assert get_metric("pearson")(true, pred) == close(expected)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
def test_a_constant_prediction_is_uncorrelated(name):
    assert get_metric(name)(np.arange(5.0), np.full(5, 0.1)) == 0.0


@pytest.mark.parametrize("name", ["pearson", "spearman", "r2"])
def test_constant_answers_are_the_answers_fault(name):
    with pytest.raises(ValueError, match="constant") as caught:
        get_metric(name)(np.full(4, 0.3), np.arange(4.0))
    assert not isinstance(caught.value, BadPrediction)


def test_rmsle_refuses_a_negative_prediction_and_says_which_row():
    with pytest.raises(BadPrediction, match=r"first: -0\.5") as caught:
        get_metric("rmsle")(np.ones(3), np.array([1.0, 2.0, -0.5]))
    assert caught.value.row == 2


@pytest.mark.parametrize(("name", "answer"), [("rmsle", -0.1), ("mape", 0.0)])
def test_answers_outside_the_formula_are_not_blamed_on_the_prediction(name, answer):
    with pytest.raises(ValueError, match="answers") as caught:
        get_metric(name)(np.array([1.0, answer]), np.array([1.0, 1.0]))
    assert not isinstance(caught.value, BadPrediction)


@pytest.mark.parametrize("name", ["rmse", "r2", "mae", "mcrmse"])
def test_a_score_that_overflows_is_refused_and_not_infinite(name):
    true = np.arange(8.0).reshape(4, 2)
    with pytest.raises(BadPrediction, match="not a finite number"):
        get_metric(name)(true, np.full((4, 2), 1.7e308))


@pytest.mark.parametrize("quantiles", [[], [0.0], [0.5, 1.0], [float("nan")]])
def test_pinball_takes_quantiles_between_0_and_1_only(quantiles):
    with pytest.raises(Exception, match="quantiles are"):
        get_metric("pinball").__class__(quantiles=quantiles)


def test_pinball_wants_one_quantile_per_column():
    with pytest.raises(ValueError, match="2 target columns but 1 quantiles"):
        get_metric("pinball")(np.ones((3, 2)), np.ones((3, 2)))
