"""Policy return against simulation-free arithmetic by hand."""

import numpy as np
import pytest

from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric

CHOICE = MetricSpec(name="policy_return", params={"actions": ["stay", "go"], "discount": 0.5})
# two cells: cell 1 pays 1 for staying; "go" from cell 0 leads there in three of four cases
SITE = np.array(["A.0;0 0:1;-0.2 1:3 0:1", "A.1;1 1:7;0 0:2"], dtype=object)
GROUP = np.array(["a", "a"])


def value(policy):
    rewards = {"stay": (0.0, 1.0), "go": (-0.2, 0.0)}
    moves = {"stay": ([1, 0], [0, 1]), "go": ([0.25, 0.75], [1, 0])}
    moving = np.array([moves[action][cell] for cell, action in enumerate(policy)])
    gains = np.array([rewards[action][cell] for cell, action in enumerate(policy)])
    total = np.zeros(2)
    for _ in range(80):
        total = gains + 0.5 * moving @ total
    return total.mean()


def test_a_policy_scores_its_place_between_chance_and_the_best():
    # chance is the policy that tosses a coin: its value solves V = mean of both actions
    moving = np.array([[0.625, 0.375], [0.5, 0.5]])
    coin = np.linalg.solve(np.eye(2) - 0.5 * moving, np.array([-0.1, 0.5])).mean()
    best = max(value((a, b)) for a in ("stay", "go") for b in ("stay", "go"))
    metric = get_metric(CHOICE)
    for policy in (("stay", "stay"), ("go", "go"), ("go", "stay"), ("stay", "go")):
        pred = np.array(policy, dtype=object)
        expected = (value(policy) - coin) / (best - coin)
        assert metric(SITE, pred, groups=GROUP) == pytest.approx(expected, abs=1e-9)


def test_groups_count_alike_and_the_best_policy_of_each_scores_one():
    metric = get_metric(CHOICE)
    other = np.array(["B.1;0 1:1;5 0:1", "B.0;2 0:1;0 1:1"], dtype=object)
    both, groups = np.concatenate([SITE, other]), np.array(["a", "a", "b", "b"])
    best = metric.perfect(both)
    assert metric(both, best, groups=groups) == pytest.approx(1.0)
    half = best.copy()
    half[2:] = ["stay", "go"]
    first = metric(SITE, best[:2], groups=GROUP)
    second = metric(other, half[2:], groups=GROUP)
    assert metric(both, half, groups=groups) == pytest.approx((first + second) / 2)


def test_unknown_actions_and_broken_answers_are_refused():
    metric = get_metric(CHOICE)
    with pytest.raises(BadPrediction, match="is no action"):
        metric(SITE, np.array(["stay", "run"], dtype=object), groups=GROUP)
    pred = np.array(["stay", "go"], dtype=object)
    for broken in ("A.2;1 1:1;0 0:1", "A.1;1 1:1", "A.1;1 1:1;0", "A.1;nan 1:1;0 0:1", "A1"):
        answers = np.array([SITE[0], broken], dtype=object)
        with pytest.raises(ValueError, match=r"cell|begin|reward"):
            metric(answers, pred, groups=GROUP)
