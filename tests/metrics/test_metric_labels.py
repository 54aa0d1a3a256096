"""Classification metrics against scikit-learn, over label lists with any ties."""

from functools import partial

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given
from hypothesis import strategies as st

from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric

close = partial(pytest.approx, rel=1e-9, abs=1e-12)

label_pairs = st.lists(st.tuples(st.sampled_from("012"), st.sampled_from("0123")), min_size=1)
binary_pairs = st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01")), min_size=1)


def split(pairs):
    true, pred = zip(*pairs, strict=True)
    return np.array(true, dtype=object), np.array(pred, dtype=object)


@given(label_pairs)
def test_accuracy_and_error_rate_equal_scikit_learn(pairs):
    true, pred = split(pairs)
    expected = sk.accuracy_score(true, pred)
    assert get_metric("accuracy")(true, pred) == close(expected)
    assert get_metric("error_rate")(true, pred) == close(1 - expected)
    assert get_metric("f1_micro")(true, pred) == close(expected)


@given(label_pairs)
def test_balanced_accuracy_is_the_mean_recall_of_the_labels_of_the_answers(pairs):
    true, pred = split(pairs)
    labels = sorted(set(true))
    expected = sk.recall_score(true, pred, labels=labels, average="macro", zero_division=0)
    assert get_metric("balanced_accuracy")(true, pred) == close(expected)


@given(label_pairs)
def test_macro_f1_equals_scikit_learn(pairs):
    true, pred = split(pairs)
    expected = sk.f1_score(true, pred, average="macro", zero_division=0)
    assert get_metric("f1_macro")(true, pred) == close(expected)


@given(binary_pairs, st.sampled_from([0.5, 1.0, 2.0, 3.7]), st.sampled_from("01"))
def test_f1_and_fbeta_equal_scikit_learn_for_either_positive_label(pairs, beta, positive):
    true, pred = split(pairs)
    assume(positive in true)
    arguments = {"pos_label": positive, "zero_division": 0}
    spec = MetricSpec(name="f1", params={"pos_label": positive})
    assert get_metric(spec)(true, pred) == close(sk.f1_score(true, pred, **arguments))
    spec = MetricSpec(name="fbeta", params={"pos_label": positive, "beta": beta})
    expected = sk.fbeta_score(true, pred, beta=beta, **arguments)
    assert get_metric(spec)(true, pred) == close(expected)


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1))
def test_micro_f1_over_label_columns_equals_scikit_learn(rows):
    table = np.array(rows, dtype=int)
    true, pred = table[:, :3], table[:, 3:]
    assume(true.any())
    expected = sk.f1_score(true, pred, average="micro", zero_division=0)
    assert get_metric("f1_micro")(true, pred) == close(expected)


@given(label_pairs)
def test_matthews_correlation_equals_scikit_learn(pairs):
    true, pred = split(pairs)
    assume(len(set(true)) > 1)
    expected = sk.matthews_corrcoef(true, pred)
    assert get_metric("mcc")(true, pred) == close(expected)


@given(st.lists(st.tuples(st.integers(-2, 4), st.integers(-3, 6)), min_size=2))
def test_quadratic_weighted_kappa_equals_scikit_learn(pairs):
    true, pred = (np.array(side) for side in zip(*pairs, strict=True))
    assume(len(set(true)) > 1)
    expected = sk.cohen_kappa_score(true, pred, weights="quadratic", labels=list(range(-3, 7)))
    assert get_metric("qwk")(true, pred) == close(expected)


def test_kappa_weighs_a_gap_in_the_ratings_by_its_size():
    true = np.array([1, 1, 2, 10, 10, 2])
    near, far = true.copy(), true.copy()
    near[0], far[0] = 2, 10
    assert get_metric("qwk")(true, near) > get_metric("qwk")(true, far) + 0.1


def test_kappa_refuses_a_rating_that_is_no_whole_number_and_says_which_row():
    with pytest.raises(BadPrediction, match="1 ratings are not whole numbers") as caught:
        get_metric("qwk")(np.array([0, 1, 2]), np.array([0, 1.5, 2]))
    assert caught.value.row == 1


@pytest.mark.parametrize("name", ["mcc", "qwk"])
def test_a_constant_prediction_agrees_no_more_than_chance(name):
    assert get_metric(name)(np.array([0, 1, 2, 1]), np.array([1, 1, 1, 1])) == 0.0


@pytest.mark.parametrize(("name", "answers"), [("mcc", "aaa"), ("qwk", "111"), ("f1", "000")])
def test_answers_that_admit_no_score_are_not_blamed_on_the_prediction(name, answers):
    values = np.array(list(answers), dtype=object)
    with pytest.raises(ValueError, match="answers") as caught:
        get_metric(name)(values, values)
    assert not isinstance(caught.value, BadPrediction)


def test_integers_and_whole_floats_serve_as_labels():
    assert get_metric("f1")(np.array([1, 0, 1]), np.array([1.0, 0.0, 0.0])) == close(2 / 3)


def test_micro_f1_over_columns_refuses_anything_but_0_and_1():
    true = np.array([[1, 0], [0, 1]])
    with pytest.raises(BadPrediction, match="neither 0 nor 1"):
        get_metric("f1_micro")(true, np.array([[1, 0], [0, 2]]))


def test_exact_match_needs_every_column_of_a_row():
    true = np.array([["a", "b"], ["c", "d"], ["e", " f"]], dtype=object)
    pred = np.array([["a", "b"], ["c", "x"], ["e", "f"]], dtype=object)
    assert get_metric("exact_match")(true, pred) == close(1 / 3)
