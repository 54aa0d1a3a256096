"""Regret by hand, and what it refuses."""

import numpy as np
import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric

CHOICE = MetricSpec(name="regret", params={"actions": ["a", "b", "c"]})
ANSWERS = np.array(["0.25 1 -2", "3 3 2.5", "-1 -4 -1.5"], dtype=object)


def test_regret_is_the_mean_shortfall_to_the_best_action():
    pred = np.array(["a", "c", " b "], dtype=object)
    assert get_metric(CHOICE)(ANSWERS, pred) == pytest.approx((0.75 + 0.5 + 3.0) / 3)


def test_the_best_actions_have_no_regret_and_keep_the_shape_of_the_answers():
    metric = get_metric(CHOICE)
    best = metric.perfect(ANSWERS[:, None])
    assert best.tolist() == [["b"], ["a"], ["a"]]
    assert metric(ANSWERS[:, None], best) == 0.0


@pytest.mark.parametrize("cell", ["d", "", "0", "a b", "0.25 1 -2"])
def test_what_is_no_action_is_refused(cell):
    with pytest.raises(BadPrediction, match="is no action"):
        get_metric(CHOICE)(ANSWERS, np.array(["a", cell, "b"], dtype=object))


def test_answers_need_one_finite_value_for_each_action():
    metric = get_metric(CHOICE)
    for cell in ("1 2", "1 2 3 4", "1 nan 2", "1 inf 2", ""):
        with pytest.raises(ValueError, match=r"answer has|is not the values"):
            metric(np.array([cell], dtype=object), np.array(["a"], dtype=object))


def test_names_are_distinct_and_a_long_list_is_cut_short_in_the_title():
    with pytest.raises(UsageError, match="distinct"):
        get_metric(MetricSpec(name="regret", params={"actions": ["a", "a "]}))
    levels = MetricSpec(name="regret", params={"actions": [str(i) for i in range(41)]})
    assert get_metric(levels).full_title == "mean regret (actions: 0, 1, ..., 40)"
