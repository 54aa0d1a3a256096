"""Metrics of scores and rankings against scikit-learn and slow definitions."""

import math
from functools import partial

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given
from hypothesis import strategies as st

from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric

close = partial(pytest.approx, rel=1e-9, abs=1e-12)

tenths = st.integers(0, 10).map(lambda n: n / 10)
truth_and_score = st.lists(st.tuples(st.integers(0, 1), tenths), min_size=2)


@given(truth_and_score)
def test_roc_auc_equals_scikit_learn_with_ties(pairs):
    true, score = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    assume(0 < true.sum() < len(true))
    assert get_metric("roc_auc")(true, score) == close(sk.roc_auc_score(true, score))


@given(truth_and_score)
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    true, score = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    assume(0 < true.sum() < len(true))
    wins = [(p > n) + (p == n) / 2 for p in score[true == 1] for n in score[true == 0]]
    assert get_metric("roc_auc")(true, score) == close(sum(wins) / len(wins))


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(0, 30))
def test_macro_and_columnwise_auc_equal_scikit_learn(seed, classes, extra):
    rng = np.random.default_rng(seed)
    label = np.concatenate([np.arange(classes), rng.integers(0, classes, extra)])
    score = rng.integers(0, 6, (len(label), classes)) / 5
    one_hot = np.eye(classes)[label]
    expected = sk.roc_auc_score(one_hot, score, average="macro")
    assert get_metric("roc_auc_macro")(one_hot, score) == close(expected)
    several = np.maximum(one_hot, rng.integers(0, 2, one_hot.shape))
    several[0], several[1] = 0, 1
    expected = np.mean([sk.roc_auc_score(several[:, i], score[:, i]) for i in range(classes)])
    assert get_metric("roc_auc_columnwise")(several, score) == close(expected)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(0, 30))
def test_macro_auc_equals_scikit_learns_one_against_rest_on_probabilities(seed, classes, extra):
    rng = np.random.default_rng(seed)
    label = np.concatenate([np.arange(classes), rng.integers(0, classes, extra)])
    assume(classes > 2)
    probability = rng.dirichlet(np.ones(classes), len(label))
    expected = sk.roc_auc_score(label, probability, multi_class="ovr", average="macro")
    assert get_metric("roc_auc_macro")(np.eye(classes)[label], probability) == close(expected)


def test_macro_auc_wants_one_hot_answers():
    with pytest.raises(ValueError, match="one-hot"):
        get_metric("roc_auc_macro")(np.array([[1, 1], [0, 1.0]]), np.ones((2, 2)))


@pytest.mark.parametrize("answers", [[0, 0, 0], [1, 1, 1], [0, 1, 2], [0, 0.5, 1]])
def test_auc_of_answers_other_than_0_and_1_is_the_answers_fault(answers):
    with pytest.raises(ValueError, match="answers of 0 and 1") as caught:
        get_metric("roc_auc")(np.array(answers), np.array([0.1, 0.2, 0.3]))
    assert not isinstance(caught.value, BadPrediction)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(1e-6, 1 - 1e-6)), min_size=1))
def test_binary_log_loss_equals_scikit_learn(pairs):
    true, pred = (np.array(side) for side in zip(*pairs, strict=True))
    expected = sk.log_loss(true, pred, labels=[0, 1])
    assert get_metric("log_loss")(true, pred) == close(expected)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 30))
def test_multi_class_log_loss_equals_scikit_learn_after_rows_are_normalised(seed, classes, rows):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, rows)
    weight = rng.uniform(0.01, 1.0, (rows, classes))
    probability = weight / weight.sum(axis=1, keepdims=True)
    expected = sk.log_loss(label, probability, labels=range(classes))
    assert get_metric("log_loss")(np.eye(classes)[label], weight) == close(expected)


def test_one_sure_mistake_costs_the_log_of_the_floor():
    expected = -math.log(1e-15) / 2
    assert get_metric("log_loss")(np.array([1, 0]), np.zeros(2)) == close(expected)
    one_hot = np.eye(2)
    swapped = np.array([[1, 0], [1, 0.0]])
    assert get_metric("log_loss")(one_hot, swapped) == close(expected)


def test_log_loss_refuses_what_is_no_probability():
    with pytest.raises(BadPrediction, match="2 rows hold a number outside") as caught:
        get_metric("log_loss")(np.array([1, 0, 1]), np.array([0.5, 1.2, -0.1]))
    assert caught.value.row == 1
    with pytest.raises(BadPrediction, match="1 rows give probability 0 to every class"):
        get_metric("log_loss")(np.eye(2), np.array([[0.5, 0.5], [0, 0]]))


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 5), st.integers(1, 14))
def test_ndcg_equals_scikit_learn_over_groups_with_ties(seed, per_group, n_groups, k):
    rng = np.random.default_rng(seed)
    relevance = rng.integers(0, 4, (n_groups, per_group)).astype(float)
    relevance[:, 0] = 3.0
    score = rng.integers(0, 5, relevance.shape).astype(float)
    groups = np.repeat([f"q{i}" for i in range(n_groups)], per_group)
    order = rng.permutation(len(groups))
    metric = get_metric(MetricSpec(name="ndcg_at_k", params={"k": k}))
    mine = metric(relevance.ravel()[order], score.ravel()[order], groups=groups[order])
    assert mine == close(sk.ndcg_score(relevance, score, k=k))


def test_ndcg_leaves_out_a_group_without_a_relevant_row():
    true, groups = np.array([1.0, 0, 0, 0]), np.array(["a", "a", "b", "b"])
    metric = get_metric("ndcg_at_k")
    assert metric(true, np.array([2.0, 1, 1, 2]), groups=groups) == 1.0
    with pytest.raises(ValueError, match="no group admit a score"):
        metric(np.zeros(4), np.arange(4.0), groups=groups)
    with pytest.raises(ValueError, match="at least 0"):
        metric(-true, np.arange(4.0), groups=groups)


def slow_average_precision(wanted, ranking, k):
    hits = [i for i, x in enumerate(ranking[:k]) if x in wanted and x not in ranking[:i]]
    return sum((n + 1) / (i + 1) for n, i in enumerate(hits)) / min(k, len(wanted))


names = st.sampled_from("abcdef")


@given(
    st.lists(st.tuples(st.sets(names, min_size=1), st.lists(names)), min_size=1),
    st.integers(1, 6),
)
def test_map_at_k_equals_its_definition_with_repeats(rows, k):
    expected = [slow_average_precision(wanted, ranking, k) for wanted, ranking in rows]
    true = np.array([" ".join(sorted(wanted)) for wanted, _ in rows], dtype=object)
    pred = np.array(["  ".join(ranking) for _, ranking in rows], dtype=object)
    metric = get_metric(MetricSpec(name="map_at_k", params={"k": k}))
    assert metric(true, pred) == close(np.mean(expected))


def test_map_at_k_counts_a_repeated_label_once():
    metric = get_metric(MetricSpec(name="map_at_k", params={"k": 3}))
    assert metric(np.array(["a b"]), np.array(["a a b"])) == close((1 + 2 / 3) / 2)


def test_map_at_k_of_an_answer_without_labels_is_the_answers_fault():
    with pytest.raises(ValueError, match="at least one label"):
        get_metric("map_at_k")(np.array([" "]), np.array(["a"]))
