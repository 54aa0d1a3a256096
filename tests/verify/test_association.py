import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sandmle.verify.association import ALARM, Labels, ranks, relation, runs


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50))
def test_ranks_equal_scipy(values):
    assert ranks(np.array(values)) == pytest.approx(stats.rankdata(values))


@given(st.integers(0, 2**32), st.booleans())
def test_unrelated_values_raise_no_alarm(seed, classes):
    rng = np.random.default_rng(seed)
    labels = Labels(rng.integers(0, 4, 300).astype(float), classes)
    assert abs(relation(rng.normal(size=300), labels)) < ALARM
    assert abs(runs(rng.permutation(300), labels)) < ALARM


def test_classes_are_tested_like_scipy():
    rng = np.random.default_rng(0)
    values, classes = rng.normal(size=400), rng.integers(0, 3, 400)
    values += 0.15 * classes
    exact = stats.kruskal(*[values[classes == c] for c in range(3)]).pvalue
    z = relation(values, Labels(classes.astype(float), classes=True))
    assert stats.norm.sf(z) == pytest.approx(exact, rel=0.1)


def test_numbers_are_tested_like_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 400))
    exact = stats.spearmanr(x, y + 0.1 * x).statistic
    assert relation(x, Labels(y + 0.1 * x, classes=False)) == pytest.approx(exact * np.sqrt(399))


@pytest.mark.parametrize("classes", [True, False])
def test_sorted_blocked_and_alternating_labels_alarm(classes):
    sorted_labels = Labels(np.repeat(np.arange(4.0), 40), classes)
    order = np.arange(160)
    assert relation(order.astype(float), sorted_labels) > ALARM
    assert runs(order, sorted_labels) > ALARM
    rng = np.random.default_rng(0)
    blocks = Labels(np.repeat(rng.permutation(np.arange(16.0) % 4), 10), classes)
    assert runs(order, blocks) > ALARM
    alternating = Labels(np.tile([0.0, 1.0], 80), classes)
    assert runs(order, alternating) < -ALARM


def test_targets_of_every_form_become_one_label_per_row():
    texts = Labels.of(np.array([["a"], ["b"], ["a"]], dtype=object))
    assert texts.classes
    assert texts.values.tolist() == [0, 1, 0]
    hot = Labels.of(np.array([[0.0, 1.0], [1.0, 0.0]]))
    assert hot.classes
    assert hot.values.tolist() == [1, 0]
    many = Labels.of(np.array([[0.5, 10.0], [1.5, 20.0], [2.5, 30.0]]))
    assert not many.classes
    assert many.values.tolist() == [1, 2, 3]
