"""Average precision against numbers by hand and against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import assume, given
from hypothesis import strategies as st

from sandmle.metrics import get_metric

tenths = st.integers(0, 10).map(lambda n: n / 10)


def test_each_positive_counts_the_precision_at_its_place():
    true, score = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1])
    # found at places 1 and 3, where 1 of 1 and 2 of 3 are right
    assert get_metric("average_precision")(true, score) == pytest.approx((1 + 2 / 3) / 2)


def test_a_constant_scores_the_share_of_positives():
    assert get_metric("average_precision")(np.array([1.0, 0, 0, 0]), np.zeros(4)) == 0.25


@given(st.lists(st.tuples(st.integers(0, 1), tenths), min_size=2))
def test_it_equals_scikit_learn_with_ties(pairs):
    true, score = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    assume(0 < true.sum() < len(true))
    expected = sk.average_precision_score(true, score)
    assert get_metric("average_precision")(true, score) == pytest.approx(expected, abs=1e-12)


def test_answers_of_one_kind_are_refused():
    with pytest.raises(ValueError, match="some of each"):
        get_metric("average_precision")(np.ones(3), np.arange(3.0))
