"""Metrics of texts and masks against slow definitions."""

from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.core.task import MetricSpec
from sandmle.metrics import BadPrediction, get_metric
from sandmle.metrics.dice import runs
from sandmle.metrics.levenshtein import edit_distance

close = partial(pytest.approx, rel=1e-9, abs=1e-12)


def slow_distance(first, second):
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above = row
        row = [i]
        for j, b in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@given(st.text("abc", max_size=90), st.text("abc", max_size=90))
@example("", "")
@example("a" * 64, "a" * 65)
@example("kitten", "sitting")
def test_edit_distance_equals_the_table_of_the_textbook(first, second):
    assert edit_distance(first, second) == slow_distance(first, second)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_edit_distance_is_a_metric_over_any_characters(a, b, c):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def test_levenshtein_is_the_mean_over_rows():
    true = np.array(["kitten", "", "same"], dtype=object)
    pred = np.array(["sitting", "ab", "same"], dtype=object)
    assert get_metric("levenshtein")(true, pred) == close((3 + 2 + 0) / 3)


texts = st.text("ab AB\t", max_size=12)


@given(st.lists(st.tuples(texts, texts), min_size=1))
def test_jaccard_equals_its_definition(rows):
    shares = []
    for true, pred in rows:
        first, second = set(true.lower().split()), set(pred.lower().split())
        union = first | second
        shares.append(
            sum(word in first and word in second for word in union) / len(union) if union else 1
        )
    true, pred = (np.array(side, dtype=object) for side in zip(*rows, strict=True))
    assert get_metric("jaccard")(true, pred) == close(np.mean(shares))


def encode(mask):
    """Write a boolean image as runs, down the columns first, from 1."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [0]])
    edges = np.flatnonzero(np.diff(flat)) + 1
    return " ".join(f"{a} {b - a}" for a, b in zip(edges[::2], edges[1::2], strict=True))


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(1, 7), st.floats(0, 1))
def test_dice_of_runs_equals_dice_of_the_images(seed, height, width, density):
    rng = np.random.default_rng(seed)
    masks = rng.random((2, 5, height, width)) < density
    expected = []
    for true, pred in zip(*masks, strict=True):
        size = true.sum() + pred.sum()
        expected.append(2 * (true & pred).sum() / size if size else 1.0)
    metric = get_metric(MetricSpec(name="dice", params={"height": height, "width": width}))
    true, pred = (np.array([encode(mask) for mask in side], dtype=object) for side in masks)
    assert metric(true, pred) == close(np.mean(expected))


@given(st.integers(0, 2**32 - 1))
def test_runs_name_the_pixels_of_the_image_down_the_columns(seed):
    mask = np.random.default_rng(seed).random((6, 4)) < 0.4
    rebuilt = np.zeros(24, dtype=bool)
    for first, last in runs(encode(mask), 24):
        rebuilt[first - 1 : last] = True
    assert (mask == rebuilt.reshape(4, 6).T).all()


@pytest.mark.parametrize(
    "mask",
    ["1", "1 2 3", "0 2", "1 0", "-1 2", "1.0 2", "23 3", "1 3 3 2", "5 1 1 1", "a b", "1e1 2",
     "nan", "1,2", "1_0 2", "٣ 1", "1 99999999999999999999", "+1 2"],
)  # fmt: skip
def test_a_malformed_mask_is_refused_with_its_row(mask):
    metric = get_metric(MetricSpec(name="dice", params={"height": 6, "width": 4}))
    with pytest.raises(BadPrediction, match="mask") as caught:
        metric(np.array(["1 2", "1 2"], dtype=object), np.array(["1 2", mask], dtype=object))
    assert caught.value.row == 1
    with pytest.raises(ValueError, match="mask") as caught_answer:
        metric(np.array([mask], dtype=object), np.array(["1 2"], dtype=object))
    assert not isinstance(caught_answer.value, BadPrediction)


def test_masks_that_touch_are_two_runs_and_space_around_them_is_free():
    metric = get_metric(MetricSpec(name="dice", params={"height": 6, "width": 4}))
    assert metric(np.array(["1 4"]), np.array([" 1 2  3 2\t"])) == 1.0


def test_dice_wants_the_size_of_the_images():
    with pytest.raises(UsageError, match="height"):
        get_metric("dice")
