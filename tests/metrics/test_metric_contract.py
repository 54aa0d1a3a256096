"""What holds for every metric: checked input, names, parameters, and who is blamed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.core.task import MetricSpec
from sandmle.metrics import METRICS, BadPrediction, get_metric


def make(name):
    return get_metric(MetricSpec(name=name, params=dict(METRICS.get(name).sample_params)))


@pytest.mark.parametrize("name", METRICS.names())
@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(6, 40))
def test_no_prediction_beats_the_answers_themselves(name, seed, rows):
    metric = make(name)
    true, pred = metric.example(np.random.default_rng(seed), rows)
    groups = np.arange(rows) // 6 if metric.needs_groups else None
    sign = 1 if metric.higher_is_better else -1
    assert sign * metric(true, pred, groups=groups) <= sign * metric.best + 1e-12


@pytest.mark.parametrize("name", [n for n in METRICS if METRICS.get(n).values == "number"])
def test_an_infinite_prediction_is_the_agents_fault_and_an_infinite_answer_is_not(name):
    metric = make(name)
    true, pred = metric.example(np.random.default_rng(0), 12)
    groups = np.zeros(12) if metric.needs_groups else None
    broken = pred.copy()
    broken[3] = np.inf
    with pytest.raises(BadPrediction, match="NaN or infinity"):
        metric(true, broken, groups=groups)
    with pytest.raises(ValueError, match="the answers hold NaN") as caught:
        metric(broken, pred, groups=groups)
    assert not isinstance(caught.value, BadPrediction)


def test_a_wrong_number_of_columns_is_refused():
    two, one = np.ones((3, 2)), np.ones(3)
    with pytest.raises(ValueError, match="one target columns, not 2"):
        get_metric("roc_auc")(two, two)
    with pytest.raises(ValueError, match="many target columns, not 1"):
        get_metric("mcrmse")(one, one)


def test_one_column_may_come_as_a_vector_or_as_a_table():
    true, pred = np.array([1.0, 2.0]), np.array([1.5, 2.5])
    assert get_metric("mae")(true[:, None], pred[:, None]) == get_metric("mae")(true, pred) == 0.5


def test_an_unknown_metric_and_an_unknown_parameter_get_a_suggestion():
    with pytest.raises(UsageError, match=r"no metric 'rmsee'\. Did you mean 'rmse'"):
        get_metric("rmsee")
    with pytest.raises(UsageError, match=r"'poslabel'\. Did you mean 'pos_label'"):
        get_metric(MetricSpec(name="f1", params={"poslabel": "1"}))


@pytest.mark.parametrize(
    ("name", "params"),
    [("map_at_k", {"k": 0}), ("ndcg_at_k", {"k": 0}), ("fbeta", {"beta": 0.0}),
     ("log_loss", {"floor": 0.0}), ("dice", {"height": 0, "width": 5})],
)  # fmt: skip
def test_a_parameter_out_of_bounds_is_a_usage_error(name, params):
    with pytest.raises(UsageError, match=name):
        get_metric(MetricSpec(name=name, params=params))


def test_the_full_title_names_the_parameters():
    metric = get_metric(MetricSpec(name="map_at_k", params={"k": 5}))
    assert metric.full_title == "mean average precision at k (MAP@k) with k = 5"
    assert get_metric("rmse").full_title == "root mean squared error"


def test_metrics_with_equal_parameters_are_equal_and_hashable():
    spec = MetricSpec(name="pinball", params={"quantiles": [0.1, 0.9]})
    assert len({get_metric(spec), get_metric(spec)}) == 1
