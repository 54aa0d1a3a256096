"""Distance of strings from an automaton, by hand, and the price of copies."""

import math

import numpy as np
import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric
from sandmle.metrics.string_likelihood import FLOOR

RULE = "0 a 1 1;1 b 0.5 0;1 . 0.5 0"


def metric_of(known=("zz",), usual=0.0):
    params = {"known": list(known), "usual": usual}
    return get_metric(MetricSpec(name="string_likelihood", params=params))


def hidden(*strings):
    return np.array([f"{text}|{RULE}" for text in strings], dtype=object)


def test_strings_cost_by_likelihood_and_by_pieces():
    # three symbols with the end: a fifth of a symbol's chance is spread over them
    sure, half, never = (math.log(0.8 * chance + 0.2 / 3) for chance in (1.0, 0.5, 0.0))
    # b is passed over in state 0, which has no end either
    excess = -never + (sure + half) / 2
    # the pieces ^a$ and ^b$ have nothing in common: log 2
    expected = math.log(excess / 5 + math.log(2) + FLOOR)
    found = metric_of()(hidden("a"), np.array(["b"], dtype=object))
    assert found == pytest.approx(expected, abs=1e-12)


def test_strings_need_not_stand_beside_their_like_and_the_truth_is_best():
    metric, true = metric_of(), hidden("a", "aba", "ababa", "a")
    assert metric(true, metric.perfect(true)[::-1]) == pytest.approx(metric.best, abs=1e-9)


def test_known_strings_beyond_the_usual_share_cost():
    true = hidden(*["a", "aba"] * 50)
    pred = np.array(["a", "aba"] * 50, dtype=object)
    assert metric_of(["a"], 0.5)(true, pred) == pytest.approx(math.log(FLOOR), abs=1e-9)
    found = metric_of(["a"], 0.1)(true, pred)
    surplus = 0.5 - 0.1 - 4 * math.sqrt(0.1 * 0.9 / 100)
    assert found == pytest.approx(math.log(4 * surplus**2 + FLOOR), abs=1e-9)


def test_empty_strings_bad_rules_and_bad_parameters_are_refused():
    with pytest.raises(BadPrediction, match="empty"):
        metric_of()(hidden("a"), np.array([""], dtype=object))
    with pytest.raises(ValueError, match="no arc"):
        metric_of()(np.array(["a|0 a 2 1"], dtype=object), np.array(["a"], dtype=object))
    with pytest.raises(UsageError, match="share"):
        metric_of(usual=1.5)
